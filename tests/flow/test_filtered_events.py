"""Events that do not pass the user's filters: acknowledged, counted, never sent."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, status, until

from eventing_alibaba.contract.event import Event
from eventing_alibaba.flow.policies.retry import Retry

pytestmark = pytest.mark.looptime


def even(event: Event) -> bool:
    """Pass every other event."""
    return int(event.id.partition("/")[0]) % 2 == 0


async def test_what_does_not_pass_is_acknowledged_and_counted_and_not_sent() -> None:
    """Half of the messages reach the service, all are acknowledged in order, none twice."""
    broker, service = Broker([message(n, lane=n % 3) for n in range(20)]), Service()
    service.rule = lambda body: OK
    async with Run(broker, service, keep=even) as run:
        await until(lambda: len(broker.acked) == 20)
    assert sorted(service.posted) == sorted(b"body %d" % n for n in range(0, 20, 2))
    assert broker.acked_ids == [str(n) for n in range(20)]
    assert run.counters.settled["filtered"] == 10
    assert run.counters.delivered == 10


async def test_the_events_of_one_message_are_filtered_one_by_one() -> None:
    """What passes is sent; only a message none of whose events passes counts as filtered."""
    split = [message(n, body=b"split:a,b,c") for n in range(2)]
    broker, service = Broker([*split, message(2, body=b"split:")]), Service()
    service.rule = lambda body: OK
    async with Run(broker, service, keep=lambda event: event.id in ("0/0", "0/2")) as run:
        await until(lambda: len(broker.acked) == 3)
    assert service.posted == [b"a", b"c"]
    assert (run.counters.settled["filtered"], run.counters.settled["empty"]) == (1, 1)


async def test_a_retry_is_not_filtered_anew() -> None:
    """What once passed is not taken for filtered at its next attempt."""
    asked: list[str] = []

    def keep(event: Event) -> bool:
        asked.append(event.id)
        return asked.count(event.id) == 1

    broker, service = Broker([message(0, body=b"split:a,b")]), Service()
    async with Run(broker, service, keep=keep):
        for part in (b"a", b"b"):
            for answer in (status(500), OK):
                await until(lambda: service.wire and service.wire[0][0] == part)  # noqa: B023
                service.answer(answer)
        await until(lambda: broker.acked)
    assert service.posted == [b"a", b"a", b"b", b"b"]


async def test_filtered_events_do_not_use_up_the_rate() -> None:
    """`rateLimit` counts what is sent: one event in a hundred is still sent at the full rate."""
    broker, service = Broker([message(n) for n in range(2000)]), Service()
    service.rule = lambda body: OK
    async with Run(broker, service, keep=lambda e: int(e.id) % 100 == 0, rate_limit=10):
        took = await until(lambda: len(broker.acked) == 2000)
    assert len(service.posted) == 20
    assert 1.5 < took < 3


async def test_a_filtered_event_is_no_probe() -> None:
    """A service that came back is found within seconds, however few events pass."""
    broker, service = Broker([message(n) for n in range(5)]), Service()
    service.rule = lambda body: status(503)
    rare = {*range(5), 399}
    async with Run(broker, service, keep=lambda e: int(e.id) in rare) as run:
        await until(lambda: run.pipeline.held.shut)
        await broker.flow.drain(["t"], lost=False, timeout=1)
        broker.produce(*[message(n, track="u") for n in range(5, 500)])
        service.rule = lambda body: OK
        await until(lambda: len(broker.acked) == 495, within=10)
        assert service.posted[-1] == b"body 399"


async def test_probes_stay_rare_when_most_events_are_filtered() -> None:
    """Looking for an event to probe with sends no more than one for each probe that is due."""
    broker, service = Broker([message(n) for n in range(3000)]), Service()
    service.rule = lambda body: status(503)
    async with Run(broker, service, keep=even) as run:
        await until(lambda: run.pipeline.held.shut)
        posted = len(service.posted)
        await asyncio.sleep(100)
        assert len(service.posted) - posted < 100


async def test_what_is_too_old_is_acknowledged_and_not_sent() -> None:
    """`event.maxAge` counts from production; a message without a time is never too old."""
    old, young = time.time() - 100, time.time()
    messages = [message(0, time=old), message(1, time=young), message(2, time=None)]
    broker, service = Broker(messages), Service()
    service.rule = lambda body: OK
    async with Run(broker, service, max_age=60.0) as run:
        await until(lambda: len(broker.acked) == 3)
        assert sorted(service.posted) == [b"body 1", b"body 2"]
        assert run.counters.settled["expired"] == 1


async def test_a_retry_expires_when_it_becomes_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that was not accepted in time is given up at its next attempt, as the user asked."""
    loop, epoch = asyncio.get_running_loop(), 1_800_000_000.0
    begun = loop.time()
    monkeypatch.setattr(time, "time", lambda: epoch + loop.time() - begun)
    broker, service = Broker([message(0, time=epoch - 50)]), Service()
    service.rule = lambda body: status(500)
    retry = Retry(policy="linear", delay=4.0, longest=4.0, chance=lambda: 1.0)
    async with Run(broker, service, max_age=60.0, retry=retry) as run:
        await until(lambda: broker.acked, within=600)
        assert run.counters.settled["expired"] == 1
    assert [round(at - begun) for at in service.times] == [0, 4, 8]
