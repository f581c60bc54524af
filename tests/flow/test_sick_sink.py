"""A sink that is away, full, slow, or asks to be left alone: virtual time, scripted answers."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.flow.harness import (
    OK,
    REFUSED,
    RESET,
    TIMEOUT,
    Broker,
    Result,
    Run,
    Service,
    message,
    status,
    turn,
    until,
)

from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.breaker import Breaker
from eventing_alibaba.flow.policies.concurrency import Concurrency
from eventing_alibaba.flow.policies.rate import Rate
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.wire.answer import Answer

pytestmark = pytest.mark.looptime


def many(count: int, *, lanes: bool = False) -> list[object]:
    return [message(n, lane=n % 16 if lanes else None) for n in range(count)]


async def test_a_service_that_is_away_is_probed_less_than_once_a_second() -> None:
    """For five minutes there are few probes, no retries are used up, nothing more is received."""
    broker, service = Broker([message(n) for n in range(5000)]), Service(limit=256)
    service.rule = lambda body: REFUSED
    async with Run(broker, service, retry=Retry(most=1), max_buffered=512) as run:
        await asyncio.sleep(10)
        posted, received = len(service.posted), run.counters.received
        await asyncio.sleep(300)
        assert 30 < len(service.posted) - posted < 300
        assert run.counters.received == received
        assert run.pipeline.blocked() == []
        service.rule = lambda body: OK
        before = asyncio.get_running_loop().time()
        await until(lambda: run.counters.delivered)
        assert asyncio.get_running_loop().time() - before < 7, "it was probed too rarely"
        took = await until(lambda: run.counters.received == 5000 and len(broker.acked) == 5000)
        assert took < 2, "delivery resumes at once after the first 2xx"


async def test_whether_the_service_answers_is_told() -> None:
    """Unknown before the first event, then yes; and no, why and since when while it is away."""
    broker, service = Broker([]), Service()
    service.rule = lambda body: OK
    async with Run(broker, service) as run:
        assert run.pipeline.service() == {"reachable": None}
        broker.produce(message(1))
        await until(lambda: len(broker.acked) == 1)
        assert run.pipeline.service() == {"reachable": True}
        service.rule = lambda body: status(503)
        broker.produce(message(2))
        await until(lambda: run.pipeline.held.shut)
        told = run.pipeline.service()
        assert (told["reachable"], told["since"]) == (False, pytest.approx(time.time(), abs=60))
        assert "503" in str(told["reason"])
        service.rule = lambda body: status(500)
        await until(lambda: not run.pipeline.held.shut)
        assert run.pipeline.service() == {"reachable": True}


async def test_a_service_that_only_refuses_is_reachable() -> None:
    """An answer of any kind but "away" shows that somebody is at home."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(500)
    async with Run(broker, service) as run:
        await until(lambda: service.posted)
        await until(lambda: run.pipeline.service() == {"reachable": True}, within=1)


async def test_the_first_burst_to_a_dead_service_is_small() -> None:
    """At a start little is on the wire, so a service that is away gets no storm."""
    broker, service = Broker([message(n) for n in range(1000)]), Service(limit=256)
    service.rule = lambda body: status(503)
    async with Run(broker, service):
        await asyncio.sleep(8)
        assert len(service.posted) <= 8 + 8


async def test_an_idle_adapter_probes_with_one_new_message() -> None:
    """With nothing held when the breaker opens, one message is received to probe with."""
    broker, service = Broker([message(n) for n in range(5)]), Service(limit=5)
    service.rule = lambda body: status(503)
    async with Run(broker, service) as run:
        await until(lambda: run.pipeline.held.shut)
        await broker.flow.drain(["t"], lost=False, timeout=1)
        broker.produce(*[message(n, track="u") for n in range(10, 20)])
        await asyncio.sleep(30)
        assert len({b for b in service.posted if len(b) == len(b"body 10")}) == 1
        service.rule = lambda body: OK
        await until(lambda: len(broker.acked) == 10, within=10)


async def test_one_answer_of_any_other_kind_ends_the_probing() -> None:
    """A service that answers 400 is at home: its other events go out."""
    broker, service = Broker([message(n, track=n) for n in range(50)]), Service()
    service.rule = lambda body: status(503)
    async with Run(broker, service) as run:
        await until(lambda: run.pipeline.held.shut)
        service.rule = lambda body: status(400)
        await until(lambda: not run.pipeline.held.shut, within=10)
        await until(lambda: len(run.pipeline.blocked()) == 50, within=10)


async def test_retry_after_closes_the_gate_for_all() -> None:
    """No event is posted before the service's `Retry-After` is over, not even a probe."""
    broker, service = Broker([message(n) for n in range(100)]), Service()
    service.rule = lambda body: status(503, retry_after="60")
    async with Run(broker, service):
        await asyncio.sleep(1)
        posted = len(service.posted)
        assert posted <= 8
        await asyncio.sleep(58)
        assert len(service.posted) == posted
        service.rule = lambda body: OK
        await until(lambda: len(broker.acked) == 100, within=15)


@pytest.mark.parametrize("value", ["31536000", "Wed, 01 Jan 2098 00:00:00 GMT"])
async def test_a_retry_after_of_years_is_capped(value: str) -> None:
    """`retryAfterMax` bounds how long a service can ask to be left alone."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(429, retry_after=value)
    async with Run(broker, service, retry=Retry(delay=1.0, after_max=300.0)):
        await asyncio.sleep(299)
        assert len(service.posted) == 1
        await asyncio.sleep(5)
        assert len(service.posted) == 2


async def test_a_retry_after_can_be_ignored() -> None:
    """With `retryAfterMax: PT0S` only our own backoff counts."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(429, retry_after="300")
    retry = Retry(delay=1.0, after_max=0.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry):
        await asyncio.sleep(4)
        assert len(service.posted) == 3


@pytest.mark.parametrize("late", [OK, status(400)])
async def test_a_late_answer_does_not_open_the_gate(late: Answer) -> None:
    """What was written before the `Retry-After` may end well or ill: the gate stays shut."""
    broker, service = Broker([message(n, track=n) for n in range(20)]), Service(limit=4)
    async with Run(broker, service):
        service.answer(status(503, retry_after="100"))
        service.rule = lambda body: OK
        for _, reply in list(service.wire):
            reply(late)
        await asyncio.sleep(99)
        assert len(service.posted) == 4
        await until(lambda: len(broker.acked) >= 17, within=10)


@pytest.mark.parametrize("batching", [None, Batching(max_events=1, max_bytes=10**6, max_wait=0.0)])
async def test_requests_that_hang_take_no_place_of_a_probe(batching: Batching | None) -> None:
    """One node of the service is gone with what it had; the others are probed and used without it.

    Its requests end with `delivery.timeout`, ten minutes later.
    """
    broker = Broker([message(n, track=n) for n in range(200)])
    service = Service(limit=64)
    async with Run(broker, service, batching=batching) as run:
        hung = {body for body, _ in service.wire[:3]}
        service.rule = lambda body: None if body in hung else REFUSED
        for body, reply in list(service.wire):
            if body not in hung:
                reply(REFUSED)
        await until(lambda: run.pipeline.held.shut, within=1)
        await turn()
        posted = len(service.posted)
        await asyncio.sleep(10)
        assert 1 < len(service.posted) - posted < 10, "it is probed, less than once a second"
        service.rule = lambda body: None if body in hung else OK
        await until(lambda: len(broker.acked) == 197, within=12)
        assert service.in_flight == 3
        for _, reply in list(service.wire):
            reply(TIMEOUT)
        service.rule = lambda body: OK
        await until(lambda: len(broker.acked) == 200, within=10)
        limit = run.pipeline._deliverer.concurrency.limit
        assert service.limit == limit, "the places of those that hung are given back"


async def test_a_service_that_starts_from_zero_is_not_stormed() -> None:
    """First answer after 8 s, 503 until then, then ten at once: at most 5 % are refused."""
    broker, service = Broker([message(n) for n in range(3000)]), Service(limit=256)
    loop = asyncio.get_running_loop()
    start = loop.time()
    busy = refused = 0

    def rule(body: bytes) -> Result | float:
        nonlocal busy, refused
        if loop.time() - start < 8 or busy >= 10:
            refused += 1
            return status(503)
        busy += 1
        loop.call_later(0.1, release)
        return 0.1

    def release() -> None:
        nonlocal busy
        busy -= 1

    service.rule = rule
    async with Run(broker, service, max_buffered=512) as run:
        took = await until(lambda: len(broker.acked) == 3000, within=120)
        assert refused <= 0.05 * len(service.posted)
        assert took < 60, "the service could do it in 38 s"
        assert run.pipeline.blocked() == []


async def test_the_rate_is_limited() -> None:
    """`rateLimit: 50` delivers fifty events a second, evenly."""
    broker, service = Broker([message(n) for n in range(1000)]), Service()
    service.rule = lambda body: OK
    async with Run(broker, service, rate_limit=50):
        await asyncio.sleep(10)
        assert 480 <= len(service.posted) <= 510
        second = [t for t in service.times if 5 <= t - service.times[0] < 5.2]
        assert len(second) <= 12


async def test_resets_do_not_open_the_breaker() -> None:
    """A connection that ends may be the record's doing: it is suspect, not sick."""
    broker, service = Broker([message(n, track=n) for n in range(20)]), Service()
    service.rule = lambda body: RESET if body == b"body 0" else OK
    async with Run(broker, service) as run:
        await asyncio.sleep(20)
        assert len(broker.acked) == 19
        assert not run.pipeline.held.shut


async def test_only_a_2xx_starts_the_breakers_count_anew() -> None:
    """Five sick outcomes open it although 500s came between them; a 2xx between them would not."""
    broker, service = Broker([message(n, track=n) for n in range(40)]), Service(limit=8)
    async with Run(broker, service) as run:
        for code in (503, 503, 204, 503, 503, 500, 503, 404, 503):
            assert not run.pipeline.held.shut
            service.answer(status(code))
        await turn()
        assert not run.pipeline.held.shut
        service.answer(status(503))
        assert run.pipeline.held.shut


def test_the_breaker_opens_after_five_sick_outcomes_in_a_row() -> None:
    """Four and a 2xx do not open it; five do; waits are over a second and bounded."""
    breaker = Breaker(chance=lambda: 1.0)
    for _ in range(4):
        assert not breaker.sick()
    assert not breaker.well()
    assert [breaker.sick() for _ in range(6)] == [False, False, False, False, True, False]
    waits = [breaker.wait() for _ in range(20)]
    assert min(waits) > 1
    assert max(waits) <= 6
    assert breaker.well()
    assert not breaker.open


def test_the_limit_doubles_then_creeps_and_is_cut() -> None:
    """Slow start to the most; after a refusal by steps of one; one cut for one round's refusals."""
    limit = Concurrency(64)
    seen = [limit.limit]
    now = 0.0
    while limit.limit < 64:
        now += 0.01
        if limit.success(0.01, now, busy=True):
            seen.append(limit.limit)
    assert seen == [8, 16, 32, 64]
    assert limit.refused(started=now - 0.001, now=now + 1)
    assert limit.limit == 44
    assert not limit.refused(started=now - 0.001, now=now + 2), "it tells of the old limit"
    steps = []
    for _ in range(44 * 2 + 45 * 2):
        now += 0.01
        if limit.success(0.01, now + 3, busy=True):
            steps.append(limit.limit)
    assert steps == [45, 46]


def test_an_unused_limit_does_not_grow() -> None:
    """At a hundred events a second nothing is learned about what the service could take."""
    limit = Concurrency(256)
    for number in range(10_000):
        limit.success(0.001, number / 100, busy=False)
    assert limit.limit == 8


def test_latency_that_rises_for_good_cuts_and_then_is_accepted() -> None:
    """Answers that become forty times slower cut the limit; a service may stay slow, though."""
    limit = Concurrency(64, start=64)
    now = 0.0
    for _ in range(64 * 10):
        now += 0.001
        limit.success(0.05, now, busy=True)
    assert limit.limit == 64
    lows = []
    for _ in range(40_000):
        now += 0.05
        limit.success(2.0, now, busy=True)
        lows.append(limit.limit)
    assert min(lows) < 32
    assert limit.limit > min(lows), "it never recovers"


def test_half_a_second_is_not_slow() -> None:
    """Queueing below half a second cuts nothing, however quick the first answers were."""
    limit = Concurrency(64, start=64)
    now = 0.0
    for elapsed in (0.001, 0.4):
        for _ in range(64 * 20):
            now += 0.01
            limit.success(elapsed, now, busy=True)
    assert limit.limit == 64


def test_tokens_never_exceed_the_rate() -> None:
    """Over any stretch there are no more tokens than the rate allows, and a burst."""
    rate = Rate(20, 0.0)
    now, taken = 0.0, 0
    while now < 10:
        wait = rate.take(now)
        if wait:
            now += wait
        else:
            taken += 1
            assert taken <= 20 * now + 2.0001
    assert taken >= 199


def test_the_answer_type_is_what_the_wire_gives() -> None:
    """The harness answers with the client's own type, so its fast path is the one that is run."""
    assert type(OK) is Answer
