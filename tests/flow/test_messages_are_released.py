"""Messages given back to a broker with leases: virtual time, a scripted broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, status, turn, until
from tests.flow.leased import LeasedBroker, LeasedService

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted

pytestmark = pytest.mark.looptime(noop_cycles=0)


def now() -> float:
    return asyncio.get_running_loop().time()


def releasing(broker: LeasedBroker, service: Service, **options: Any) -> Run:
    """A run that releases what its service does not take."""
    return Run(
        broker,
        service,
        retry=Retry(most=0, delay=1.0),
        exhausted=Exhausted(route="release", leased=True),
        **options,
    )


async def test_an_exhausted_message_is_given_back_for_a_while() -> None:
    """The broker delivers it again after the delay, and it is tried as a new one."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    start = now()
    async with releasing(broker, service) as run:
        service.answer(status(500))
        await until(lambda: broker.deliveries(1) == 2)
        assert now() - start == pytest.approx(30, abs=0.2)
        assert broker.released == [("1", 30.0, True)]
        service.answer(OK)
        await until(lambda: not broker.left)
        assert run.counters.settled == {"released": 1, "acked": 1}
        assert broker.violations == []


async def test_what_fails_together_is_released_together() -> None:
    """One call for those with the same delay."""
    broker = LeasedBroker(range(8))
    service = LeasedService(broker)
    service.plan = lambda name: (1.0, status(500))
    async with releasing(broker, service):
        await until(lambda: len(broker.released) == 8)
        assert [len(ids) for _, ids, _ in broker.calls("release")] == [8]


async def test_a_release_waits_for_the_extension() -> None:
    """And goes with the receipt that it brought, so the broker keeps to the delay."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (11.0, status(500))
    broker.latency = lambda call: 2.0 if call == "extend" else 0.0
    start = now()
    async with releasing(broker, service):
        await until(lambda: broker.released)
        assert now() - start == pytest.approx(14, abs=0.1)
        await until(lambda: broker.deliveries(1) == 2)
        assert now() - start == pytest.approx(44, abs=0.2)
        assert broker.violations == []


async def test_a_release_that_fails_leaves_the_message_to_its_lease() -> None:
    """It is extended no more, so the broker delivers it again."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, status(500))
    broker.fail = lambda call, when: Disconnected("away") if call == "release" else None
    start = now()
    async with releasing(broker, service) as run:
        await until(lambda: broker.deliveries(1) == 2)
        assert now() - start == pytest.approx(30, abs=0.2)
        assert broker.calls("extend") == []
        assert run.counters.errors == {("settling", "Disconnected"): 1}


async def test_a_hung_release_is_given_up() -> None:
    """The messages of the next call do not wait for it for ever."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, status(500))
    broker.latency = lambda call: 9e9 if len(broker.calls("release")) == 1 else 0.0
    async with releasing(broker, service):
        await asyncio.sleep(1)
        broker.produce(2)
        await until(lambda: broker.released, within=10)
        assert broker.released[0][0] == "2"


async def test_what_comes_back_during_its_release_is_a_new_message() -> None:
    """The broker was quicker than its answer; no call with the message overlaps another."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    answers = iter([status(500), OK])
    service.plan = lambda name: (0.0, next(answers))
    released = False

    def latency(call: str) -> float:
        nonlocal released
        if call == "release" and broker.released and not released:
            released = True
            broker.end_lease(1)  # the delay is over before the answer comes
            return 3.0
        return 0.0

    broker.latency = latency
    async with releasing(broker, service):
        await until(lambda: not broker.left)
        assert service.posted == [b"1", b"1"]
        assert broker.deliveries(1) == 2
        assert broker.violations == []


async def test_a_release_that_still_waits_is_dropped_when_the_message_comes_back() -> None:
    """The broker was not asked yet and delivered it again all the same: it is tried again."""
    broker = LeasedBroker([1])
    hung = iter([9e9])
    broker.latency = lambda call: next(hung, 0.0) if call == "extend" else 0.0
    service = LeasedService(broker)
    async with releasing(broker, service):
        await asyncio.sleep(11)
        service.answer(status(500))
        await asyncio.sleep(1)
        broker.end_lease(1)
        await asyncio.sleep(60)
        assert broker.released == []
        assert service.posted == [b"1", b"1"]
        service.answer(OK)
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 2
        assert broker.violations == []


async def test_a_queue_is_released_as_a_whole() -> None:
    """A FIFO queue stays locked otherwise; only the one that was tried counts as failed."""
    broker = LeasedBroker(range(4), fifo=True)
    service = LeasedService(broker)
    answers = {"0": OK, "1": status(500)}
    service.plan = lambda name: (0.0, answers.get(name, OK))
    start = now()
    async with releasing(broker, service) as run:
        await until(lambda: len(broker.released) == 3)
        assert broker.released == [("1", 30.0, True), ("2", 30.0, False), ("3", 30.0, False)]
        assert run.pipeline.held.count == 0
        answers["1"] = OK
        await until(lambda: not broker.left)
        assert now() - start == pytest.approx(30, abs=0.5)
        assert service.posted == [b"0", b"1", b"1", b"2", b"3"]
        assert broker.violations == []


async def test_a_queue_of_several_lanes_is_released_without_its_posts_on_the_wire() -> None:
    """What was delivered meanwhile is not posted again, though its acknowledgement is void."""
    broker = LeasedBroker(range(4), fifo=True, silent=True)
    broker.lane = lambda stored: stored.id
    service = LeasedService(broker, limit=3)
    async with releasing(broker, service):
        service.answer(OK, b"2")
        await asyncio.sleep(0.5)
        service.answer(status(500), b"0")
        await asyncio.sleep(0.5)
        released = [name for name, _, _ in broker.released]
        assert released == ["0", "2"], "3 was written in its place"
        service.plan = lambda name: (0.0, OK)
        for _, reply in list(service.wire):
            reply(OK)
        await until(lambda: not broker.left)
        assert service.counted == {b"0": 2, b"1": 1, b"2": 1, b"3": 1}


async def test_a_message_without_lease_and_track_can_be_released() -> None:
    """A broker may take messages back without lending them for a time."""
    broker = Broker([message(1, track=None), message(2, track=None)])
    service = Service()
    run = Run(
        broker, service, retry=Retry(most=0), exhausted=Exhausted(route="release", leased=True)
    )
    async with run:
        service.answer(status(500))
        service.answer(OK)
        await asyncio.sleep(1)
        assert [m.id for m in broker.released] == ["1"]
        assert broker.acked_ids == ["2"]
        assert run.pipeline.held.count == 0


async def test_other_queues_go_on_during_a_release() -> None:
    """What is released is one queue's."""
    broker = LeasedBroker(fifo=True)
    for number in range(4):
        broker.produce(f"a{number}", "a")
        broker.produce(f"b{number}", "b")
    service = LeasedService(broker)
    service.plan = lambda name: (0.1, status(500) if name == "a0" else OK)
    async with releasing(broker, service):
        await until(lambda: len(broker.acked) == 4)
        assert broker.acked == ["b0", "b1", "b2", "b3"]
        assert sorted(name for name, _, _ in broker.released) == ["a0", "a1", "a2", "a3"]


async def test_a_stop_releases_at_once_what_was_not_written() -> None:
    """Untouched, for no delay; what is on the wire may finish, its lease extended meanwhile."""
    broker = LeasedBroker(range(6), visibility=6.0)
    service = LeasedService(broker, limit=2)
    async with Run(broker, service, max_buffered=8) as run:
        start = now()
        run.stop.set()
        await asyncio.sleep(0.5)
        assert sorted(broker.released) == [(str(n), 0.0, False) for n in range(2, 6)]
        await asyncio.sleep(20)
        service.answer(OK)
        service.answer(OK)
        await until(lambda: broker.closed)
        assert sorted(broker.acked) == ["0", "1"]
        assert now() - start < 21
        assert broker.deliveries(0) == 1
        assert broker.violations == []


async def test_a_stop_releases_what_fails_meanwhile() -> None:
    """It will not be tried again here, so nobody waits for its lease."""
    broker = LeasedBroker([1, 2])
    service = LeasedService(broker)
    async with Run(broker, service) as run:
        run.stop.set()
        await asyncio.sleep(1)
        service.answer(status(500), b"1")
        service.answer(OK, b"2")
        await until(lambda: broker.closed)
        assert broker.released == [("1", 0.0, False)]
        assert broker.acked == ["2"]


async def test_a_stop_leaves_what_is_cut_to_its_lease() -> None:
    """The service may have it; neither acknowledged nor given back at once."""
    broker = LeasedBroker([1])
    async with Run(broker, LeasedService(broker), grace="PT12S") as run:
        start = now()
        await run.end()
        assert now() - start == pytest.approx(12, abs=0.5)
        assert broker.released == []
        assert broker.invisible == ["1"]
        calls = len(broker.log)
        await asyncio.sleep(30)
        assert broker.invisible == []
        assert len(broker.log) == calls


async def test_a_stop_knows_a_redelivery_that_comes_late() -> None:
    """A poll under way brings a message whose POST is on the wire: it is not given to others."""
    broker = LeasedBroker([1, 2])
    service = LeasedService(broker)
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        broker.latency = lambda call: 0.2 if call == "quiesce" else 0.0
        broker.quiescing = 3
        run.stop.set()
        await turn()
        broker.end_lease(1)
        broker.produce(3)
        await asyncio.sleep(1)
        assert [name for name, _, _ in broker.released] == ["3"]
        service.answer(OK, b"1")
        service.answer(OK, b"2")
        await until(lambda: broker.closed)
        assert broker.acked == ["1", "2"]
        assert broker.voided == []


async def test_a_stop_does_not_wait_for_hung_calls() -> None:
    """Neither an extension nor a release that hangs delays the end by more than seconds."""
    broker = LeasedBroker(range(4))
    service = LeasedService(broker, limit=1)
    broker.latency = lambda call: 9e9
    async with Run(broker, service, max_buffered=8, grace="PT1S") as run:
        await asyncio.sleep(10.5)
        start = now()
        await run.end()
        assert now() - start < 15
        assert [stored.calls for stored in broker.stored.values()] == [[]] * 4
        assert broker.closed == 1
