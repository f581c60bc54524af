"""Batched mode: many events in one request, and none the worse for its neighbours."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import orjson
import pytest
from tests.flow.harness import (
    OK,
    REFUSED,
    RESET,
    Broker,
    Result,
    Run,
    Service,
    message,
    status,
    turn,
    until,
)

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted

pytestmark = pytest.mark.looptime(noop_cycles=0)

TEN = Batching(max_events=10, max_bytes=1 << 20, max_wait=0.05)


def ids(body: bytes) -> list[str]:
    """The ids of a batch, in its order."""
    return [event["id"] for event in orjson.loads(body)]


def posts(service: Service) -> list[list[str]]:
    """The ids of each request, in order of posting."""
    return [ids(body) for body in service.posted]


def flat(many: list[list[str]]) -> list[str]:
    """The ids of all requests, in order."""
    return [one for post in many for one in post]


def but(*poison: str, code: int = 400) -> Callable[[bytes], Result]:
    """A rule: requests with an event of these ids get `code`, the others 204."""

    def rule(body: bytes) -> Result:
        if set(ids(body)) & set(poison):
            return status(code)
        return OK

    return rule


def lanes(count: int, lane: Callable[[int], Any]) -> list[Message]:
    """Messages 0 to `count`, in lanes."""
    return [message(number, lane=lane(number)) for number in range(count)]


async def test_a_full_batch_goes_at_once_and_the_rest_after_a_moment() -> None:
    """25 messages make two batches of ten without waiting, and one of five after `maxWait`."""
    service = Service()
    service.rule = lambda _body: OK
    broker = Broker(message(number) for number in range(25))
    async with Run(broker, service, batching=TEN) as run:
        await turn()
        assert [len(post) for post in posts(service)] == [10, 10]
        assert (
            await until(lambda: len(broker.acked) == 25) == 0.1
        )  # until() looks ten times a second
        assert run.counters.delivered == 25
    assert flat(posts(service)) == [str(number) for number in range(25)]


async def test_without_a_wait_what_is_there_goes_together() -> None:
    """With `maxWait` of nothing a batch has what was received together, and nobody waits."""
    service = Service()
    service.rule = lambda _body: OK
    broker = Broker(message(number) for number in range(7))
    async with Run(broker, service, batching=Batching(10, 1 << 20, 0.0)):
        await turn()
        assert [len(post) for post in posts(service)] == [7]


async def test_a_batch_is_of_one_track() -> None:
    """Messages of two partitions never share a request, so one of them can be given up alone."""
    service = Service()
    broker = Broker(message(number, track="ab"[number % 2]) for number in range(8))
    async with Run(broker, service, batching=TEN):
        await until(lambda: len(service.wire) == 2)
        assert sorted(posts(service)) == [["0", "2", "4", "6"], ["1", "3", "5", "7"]]
        service.answer(OK)
        await broker.flow.drain(["b"], lost=True, timeout=1)
        service.answer(OK)
    assert broker.acked_ids == ["0", "2", "4", "6"]


async def test_a_batch_holds_no_more_bytes_than_it_may() -> None:
    """The body of no request is larger than `maxBytes`, unless it is a single event."""
    service = Service()
    service.rule = lambda _body: OK
    sizes = [100, 100, 300, 5000, 50, 50]
    broker = Broker(message(at, body=b"x" * size) for at, size in enumerate(sizes))
    async with Run(broker, service, batching=Batching(10, 1000, 0.05)):
        await until(lambda: len(broker.acked) == len(sizes))
    assert all(len(body) <= 1000 or len(ids(body)) == 1 for body in service.posted)
    assert flat(posts(service)) == [str(number) for number in range(len(sizes))]


@pytest.mark.parametrize("lane", [None, "one"])
async def test_a_batch_may_have_exactly_as_many_bytes(lane: str | None) -> None:
    """Three events fill `maxBytes` to the last byte; with one byte less, two of them go first."""

    async def first(most: int) -> bytes:
        service = Service()
        service.rule = lambda _body: OK
        broker = Broker(message(number, lane=lane) for number in range(3))
        async with Run(broker, service, batching=Batching(10, most, 0.05)):
            await until(lambda: len(broker.acked) == 3)
        return service.posted[0]

    size = len(await first(1 << 20))
    assert len(ids(await first(size))) == 3
    assert len(ids(await first(size - 1))) == 2


async def test_a_lone_event_is_not_blamed_for_a_service_that_is_away() -> None:
    """Without retries, after a success: a batch of one that cannot be sent is kept, not blocked."""
    service = Service()
    answers: Iterator[Result] = iter([OK, REFUSED, OK])
    service.rule = lambda _body: next(answers)
    broker = Broker([message(0)])
    retry = Retry(most=0, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, batching=TEN, retry=retry) as run:
        await until(lambda: len(broker.acked) == 1)
        broker.produce(message(1))
        await until(lambda: len(service.posted) == 2)
        await turn()
        assert run.pipeline.blocked() == []
        await until(lambda: len(broker.acked) == 2)


async def test_a_whole_lane_travels_in_one_batch_in_its_order() -> None:
    """With ordered delivery a batch has many messages of the lane, and the next batch waits."""
    service = Service()
    broker = Broker(lanes(25, lambda _number: "one"))
    async with Run(broker, service, batching=TEN):
        await until(lambda: service.wire)
        assert posts(service) == [[str(number) for number in range(10)]]
        service.answer(OK)
        await until(lambda: service.wire)
        assert posts(service)[1] == [str(number) for number in range(10, 20)]


async def test_an_unwell_service_gets_the_same_batch_again() -> None:
    """After a 503 the same events are posted again, in the same order, and then settled."""
    service = Service()
    answers: Iterator[Result] = iter([status(503), RESET, OK])
    service.rule = lambda _body: next(answers)
    broker = Broker(message(number) for number in range(10))
    async with Run(broker, service, batching=TEN):
        await until(lambda: len(broker.acked) == 10)
    assert posts(service) == [[str(number) for number in range(10)]] * 3


@pytest.mark.parametrize("code", [413, 400, 422])
async def test_a_refused_batch_is_halved_until_the_culprit_is_alone(code: int) -> None:
    """Of 16 events the one that is refused ends blocked, and 15 are delivered once each."""
    service = Service()
    service.rule = but("5", code=code)
    broker = Broker(message(number, track=None) for number in range(16))
    async with Run(broker, service, batching=Batching(16, 1 << 20, 0.05)) as run:
        await until(lambda: len(broker.acked) == 15)
        assert [one["id"] for one in run.pipeline.blocked()] == ["5"]
        delivered = Counter(one for post in posts(service) if "5" not in post for one in post)
        assert set(delivered.values()) == {1}
        assert len(posts(service)) <= 10


async def test_an_event_that_fails_alone_does_not_spoil_another_batch() -> None:
    """While it is tried again it goes alone, and newer events are delivered beside it."""
    service = Service()
    service.rule = but("3")
    broker = Broker(message(number, track=None) for number in range(10))
    retry = Retry(most=1, delay=0.5, longest=2.0, chance=lambda: 1.0)
    async with Run(broker, service, batching=TEN, retry=retry) as run:
        await until(run.pipeline.blocked)
        first = posts(service).index(["3"])
        number = 10
        while posts(service).count(["3"]) < 4:
            broker.produce(message(number, track=None))
            number += 1
            await asyncio.sleep(0.02)
        assert all(post == ["3"] or "3" not in post for post in posts(service)[first:])


async def test_retries_that_are_used_up_halve_a_batch() -> None:
    """An event that makes a service fail for good with 500 is found, and dead-lettered alone."""
    service = Service()
    service.rule = but("2", code=500)
    broker = Broker(message(number) for number in range(8))
    exhausted = Exhausted(route="drop")
    retry = Retry(most=3, delay=1.0, longest=60.0, chance=lambda: 1.0)
    batching = Batching(8, 1 << 20, 0.05)
    async with Run(broker, service, batching=batching, exhausted=exhausted, retry=retry) as run:
        await until(lambda: len(broker.acked) == 8)
        assert run.counters.settled["dropped"] == 1
        assert run.counters.delivered == 7


async def test_a_blocked_lane_blocks_no_other_of_its_batch() -> None:
    """Of two lanes in one batch the one with the culprit stops behind it, the other goes on."""
    service = Service()
    service.rule = but("2")
    broker = Broker(lanes(20, lambda number: "even" if number % 2 == 0 else "odd"))
    async with Run(broker, service, batching=TEN) as run:
        await until(lambda: run.counters.delivered == 11)
        await asyncio.sleep(100)
        got = [post for post in posts(service) if "2" not in post]
        assert flat(got) == [n for n in flat(got) if int(n) % 2 or n == "0"]
        assert [one["id"] for one in run.pipeline.blocked()] == ["2"]
        assert run.pipeline.skip("2")
        await until(lambda: len(broker.acked) == 20)
        even = [n for post in posts(service) for n in post if int(n) % 2 == 0 and int(n) > 2]
        assert list(dict.fromkeys(even)) == [str(n) for n in range(4, 20, 2)]


async def test_what_cannot_become_an_event_leaves_the_batch_before_it_is_sent() -> None:
    """It is blocked by itself; in its lane what follows waits, and in others nothing does."""
    service = Service()
    service.rule = lambda _body: OK
    messages = lanes(6, lambda number: "a" if number < 3 else "b")
    messages[1].body = b"unconvertible"
    broker = Broker(messages)
    async with Run(broker, service, batching=TEN) as run:
        await until(run.pipeline.blocked)
        await asyncio.sleep(10)
        assert sorted(flat(posts(service))) == ["0", "3", "4", "5"]


async def test_filtered_events_take_no_place_in_a_batch() -> None:
    """What a filter drops is acknowledged, and its lane's others travel together all the same."""
    service = Service()
    service.rule = lambda _body: OK
    broker = Broker(lanes(30, lambda _number: "one"))
    async with Run(broker, service, batching=TEN, keep=lambda e: int(e.id) % 3 == 0):
        await until(lambda: len(broker.acked) == 30)
    assert posts(service) == [[str(number) for number in range(0, 30, 3)]]


async def test_a_filtered_event_opens_its_lane_to_nobody() -> None:
    """What comes behind it in the lane still waits for the event before it."""
    service = Service()
    messages = lanes(3, lambda _number: "one")
    messages[2].body = b"unconvertible"
    broker = Broker(messages)
    async with Run(broker, service, batching=TEN, keep=lambda event: event.id != "1") as run:
        await until(lambda: service.wire)
        assert not run.pipeline.blocked()
        service.answer(OK)
        await until(run.pipeline.blocked)
    assert posts(service) == [["0"]]


async def test_all_events_of_one_message_come_before_the_next_of_its_lane() -> None:
    """A message of three events is settled after the third, and its follower comes then."""
    service = Service()
    service.rule = lambda _body: OK
    broker = Broker([message(1, lane="l", body=b"split:a,b,c"), message(2, lane="l")])
    async with Run(broker, service, batching=TEN):
        await until(lambda: len(broker.acked) == 2)
    assert flat(posts(service)) == ["1/0", "1/1", "1/2", "2"]


async def test_the_rate_limit_counts_events_not_requests() -> None:
    """At 10 a second 30 events take about three seconds, however they are batched."""
    service = Service()
    service.rule = lambda _body: OK
    broker = Broker(message(number) for number in range(30))
    async with Run(broker, service, batching=TEN, rate_limit=10):
        assert await until(lambda: len(broker.acked) == 30) == pytest.approx(2.9, abs=0.3)


async def test_a_stop_leaves_what_was_collected_and_not_sent() -> None:
    """An open batch is not sent by a stop; its messages stay with their broker."""
    service = Service()
    broker = Broker(message(number) for number in range(3))
    async with Run(broker, service, batching=Batching(10, 1 << 20, 60.0)):
        await asyncio.sleep(1)
    assert not service.posted
    assert not broker.acked
    assert len(broker.released) == 3


@pytest.mark.parametrize("shape", ["free", "keyed", "ordered"])
async def test_no_schedule_breaks_a_promise(shape: str) -> None:
    """Whatever the answers: acknowledged only after 2xx, never posted after it, order in lanes."""
    for seed in range(150):
        await _play(random.Random(seed), shape)


async def _play(chance: random.Random, shape: str) -> None:
    count = chance.randint(5, 60)
    parts = [2 if chance.random() < 0.05 else 1 for _ in range(count)]
    messages = [
        message(n, lane=_lane(shape, n), body=b"split:x,y" if parts[n] > 1 else b"b")
        for n in range(count)
    ]
    poison = {str(n) for n in range(count) if chance.random() < 0.03}
    accepted: list[str] = []
    service = Service(limit=chance.choice([1, 2, 8]))

    def answer(body: bytes) -> Result:
        luck = chance.random()
        if poison & {one.partition("/")[0] for one in ids(body)} and luck < 0.9:
            return status(chance.choice([400, 413, 500]))
        if luck < 0.15:
            unwell: list[Result] = [status(503), status(429), RESET, status(500)]
            return chance.choice(unwell)
        accepted.extend(ids(body))
        return OK

    service.rule = answer
    broker = Broker(messages)
    batching = Batching(chance.choice([1, 3, 10]), chance.choice([300, 1 << 20]), 0.05)
    retry = Retry(most=4, delay=0.5, longest=5.0, chance=lambda: 1.0)
    async with Run(broker, service, batching=batching, retry=retry, max_buffered=20) as run:
        while len(broker.acked) < count:
            await asyncio.sleep(30)
            for blocked in run.pipeline.blocked():
                if chance.random() < 0.3:
                    poison.discard(str(blocked["id"]))
    expected = [
        f"{n}/{at}" if parts[n] > 1 else str(n) for n in range(count) for at in range(parts[n])
    ]
    assert Counter(accepted) == Counter(expected)
    order: dict[Any, list[str]] = defaultdict(list)
    for one in accepted:
        order[_lane(shape, int(one.partition("/")[0]))].append(one)
    if shape != "free":
        for got in order.values():
            assert got == sorted(got, key=lambda one: [int(part) for part in one.split("/")])
    assert broker.acked_ids == [one.id for one in messages]


def _lane(shape: str, number: int) -> Hashable:
    return {"free": None, "keyed": number % 4, "ordered": "all"}[shape]
