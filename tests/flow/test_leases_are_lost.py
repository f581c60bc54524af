"""What the broker gave to somebody else, and delivers again: virtual time, a scripted broker."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, status, turn, until
from tests.flow.leased import LeasedBroker, LeasedService
from tests.flow.test_exhausted_events import Grave, dead

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.delivered import Delivered

pytestmark = pytest.mark.looptime(noop_cycles=0)


async def test_a_message_that_waits_is_dropped() -> None:
    """Its broker delivers it again; the copy that waited is never posted."""
    broker = LeasedBroker(["wire", "waits"])
    service = LeasedService(broker, limit=1)
    async with Run(broker, service, max_buffered=8) as run:
        await asyncio.sleep(1)
        broker.steal("waits", 60)
        await asyncio.sleep(15)
        assert run.pipeline.held.count == 1
        service.plan = lambda name: (0.0, OK)
        service.answer(OK)
        await asyncio.sleep(10)
        assert service.posted == [b"wire"]
        await until(lambda: not broker.left)
        assert service.counted == {b"wire": 1, b"waits": 1}
        assert run.counters.settled == {"lost": 1, "acked": 2}


async def test_a_redelivery_takes_over_the_post_on_the_wire() -> None:
    """One POST, whose 2xx acknowledges the redelivery with its own receipt."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    async with Run(broker, service):
        await asyncio.sleep(1)
        broker.end_lease(1)
        await until(lambda: broker.deliveries(1) == 2)
        await asyncio.sleep(60)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert service.posted == [b"1"]
        assert broker.voided == []
        assert broker.deliveries(1) == 2, "the redelivery's lease is extended like any other"


async def test_a_redelivery_takes_over_a_retry_that_waits() -> None:
    """The backoff goes on as if nothing had happened."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    async with Run(broker, service):
        service.answer(status(500))
        broker.end_lease(1)
        await until(lambda: broker.deliveries(1) == 2)
        assert service.posted == [b"1"]
        await until(lambda: len(service.posted) == 2)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert broker.voided == []


async def test_a_redelivery_takes_over_a_message_of_a_lane() -> None:
    """Those behind it keep their place: nothing is posted out of order."""
    broker = LeasedBroker(range(4), fifo=True)
    service = LeasedService(broker)
    async with Run(broker, service):
        broker.end_lease(*range(4))
        await until(lambda: broker.deliveries(3) == 2)
        service.plan = lambda name: (0.0, OK)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert service.posted == [b"0", b"1", b"2", b"3"]
        assert broker.voided == []
        assert broker.violations == []


async def test_a_post_whose_lease_was_lost_counts_when_it_comes_again() -> None:
    """The 2xx cannot be acknowledged; the redelivery is, at once and without a POST."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        broker.steal(1, 300)
        await asyncio.sleep(15)
        service.answer(OK)
        await turn()
        await asyncio.sleep(1)
        assert broker.calls("ack") == [], "its receipt is void"
        assert len(run.pipeline._leased.leases) == 0
        await until(lambda: not broker.left)
        assert service.posted == [b"1"]
        assert broker.calls("ack")[0][1] == ["1"]
        assert run.counters.settled == {"lost": 1, "acked": 1}


async def test_a_failed_post_whose_lease_was_lost_is_not_repeated() -> None:
    """It is the broker's by now; what comes again begins anew."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        broker.steal(1, 300)
        await asyncio.sleep(15)
        service.answer(status(500))
        await asyncio.sleep(100)
        assert service.posted == [b"1"]
        assert run.pipeline.held.count == 0
        assert len(run.pipeline._leased.leases) == 0
        service.plan = lambda name: (0.0, OK)
        await until(lambda: not broker.left)
        assert service.posted == [b"1", b"1"]


async def test_an_ack_that_the_broker_calls_void_counts_when_it_comes_again() -> None:
    """`PartialFailure.lost`: the redelivery is acknowledged without a POST, however often."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    stolen = 3

    def steal(call: str, when: str) -> None:
        nonlocal stolen
        if call == "ack" and when == "before" and stolen:
            stolen -= 1
            broker.steal(1, 45)

    broker.fail = steal
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 4
        assert service.posted == [b"1"]
        assert run.counters.settled == {"lost": 3, "acked": 1}


async def test_what_the_broker_delivers_twice_is_sent_twice() -> None:
    """A copy that comes after the acknowledgement has counted is a message like any other."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        broker.produce(1)
        await until(lambda: not broker.left)
        assert service.posted == [b"1", b"1"]
        assert run.counters.settled == {"acked": 2}


async def test_an_ok_that_proves_nothing_is_not_believed() -> None:
    """Where a failed extension may have changed the receipt, an "OK" may be void."""
    broker = LeasedBroker([1], silent=True)
    service = LeasedService(broker)
    service.plan = lambda name: (10.2, OK)
    failures: list[Exception] = [Disconnected("it was extended, but nobody knows")]
    broker.fail = lambda call, when: failures.pop() if when == "after" and failures else None
    async with Run(broker, service):
        await until(lambda: broker.voided)
        assert broker.left == ["1"], "the broker said OK, and forgot it"
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 2
        assert service.posted == [b"1"]


async def test_an_ok_after_the_end_of_the_lease_is_not_believed() -> None:
    """The acknowledgement may have come too late; the redelivery is acknowledged again."""
    broker = LeasedBroker([1], silent=True, visibility=6.0)
    service = LeasedService(broker)
    service.plan = lambda name: (5.5, OK)
    slow = iter([0.6])
    broker.latency = lambda call: next(slow, 0.0)
    async with Run(broker, service, max_hold="PT1S"):
        await asyncio.sleep(5.9)
        broker.steal(1, 60)
        await until(lambda: not broker.left)
        assert broker.voided == ["1"], "the broker said OK, and forgot it"
        assert broker.deliveries(1) == 2
        assert service.posted == [b"1"]


async def test_what_arrives_with_its_lease_over_is_left_to_the_broker() -> None:
    """A batch that waited too long is not posted: somebody else may have it by now."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    ahead = 31.0
    async with Run(broker, service, now=lambda: broker.now + ahead) as run:
        await asyncio.sleep(1)
        assert service.posted == []
        assert run.counters.settled == {"lost": 1}
        ahead = 0.0
        service.plan = lambda name: (0.0, OK)
        await until(lambda: not broker.left)


async def test_a_blocked_message_that_was_lost_is_blocked_no_more() -> None:
    """`/status` does not show what is somebody else's by now."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, status(400))
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        assert len(run.pipeline.blocked()) == 1
        broker.steal(1, 300)
        await asyncio.sleep(15)
        assert run.pipeline.blocked() == []
        assert run.pipeline.held.count == 0


async def test_a_lost_queue_begins_anew_in_its_order() -> None:
    """All of a FIFO queue is lost together: what waits is dropped, what was delivered is known."""
    broker = LeasedBroker(range(6), fifo=True)
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK) if name in {"0", "1"} else None
    broker.fail = lambda call, when: Disconnected("no acks") if call == "ack" else None
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        for name in range(6):
            broker.steal(name, 60)
        await asyncio.sleep(15)
        assert service.posted == [b"0", b"1", b"2"]
        assert run.pipeline.held.count == 1, "the one on the wire"
        broker.fail = lambda call, when: None
        await until(lambda: broker.deliveries(5) == 2)
        service.plan = lambda name: (0.0, OK)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert service.posted == [b"%d" % n for n in range(6)]
        assert broker.voided == []
        assert broker.violations == []


async def test_acks_behind_a_void_one_of_a_queue_are_not_believed() -> None:
    """An acknowledgement past a gap is void although the broker says OK to it."""
    broker = LeasedBroker(range(3), fifo=True)
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    stolen: list[bool] = []

    def steal(call: str, when: str) -> None:
        if call == "ack" and when == "before" and not stolen:
            stolen.append(True)
            broker.steal(0, 5)

    broker.fail = steal
    async with Run(broker, service):
        await until(lambda: not broker.left)
        assert service.counted == {b"0": 1, b"1": 1, b"2": 1}
        assert broker.violations == []


async def test_a_drained_track_leaves_its_messages_to_their_leases() -> None:
    """A 2xx that came after it is not acknowledged; in its new track the message is known."""
    broker = LeasedBroker(range(3), fifo=True)
    service = LeasedService(broker)
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        drained = asyncio.create_task(broker.flow.drain(["q"], lost=False, timeout=5))
        await turn()
        service.answer(OK)
        await drained
        for stored in broker.stored.values():
            stored.queue = "moved"
        await asyncio.sleep(20)
        assert broker.calls("extend") == []
        assert len(run.pipeline._leased.leases) == 0
        service.plan = lambda name: (0.0, OK)
        await until(lambda: not broker.left)
        assert service.posted == [b"0", b"1", b"2"]
        assert broker.violations == []


async def test_messages_with_and_without_lease_may_come_from_one_source() -> None:
    """Each is acknowledged, and only those with a lease are extended."""
    lease = asyncio.get_running_loop().time() + 30
    broker = Broker([message(1, track=None, lease=lease), message(2, track=None)])
    service = Service()
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        assert [one.message.id for one in run.pipeline._leased.leases] == ["1"]
        service.answer(OK)
        service.answer(OK)
        await asyncio.sleep(1)
        assert sorted(broker.acked_ids) == ["1", "2"]


async def test_the_same_message_in_two_queues_is_two_messages() -> None:
    """A producer tried again and reached another queue: both are delivered, each in its queue."""
    lease = asyncio.get_running_loop().time() + 3000
    copies = [message(1, track=queue, lane=queue, lease=lease) for queue in "ab"]
    behind = [message(n, track="a", lane="a", lease=lease) for n in (2, 3)]
    broker, service = Broker(copies), Service()
    async with Run(broker, service):
        await until(lambda: len(service.wire) == 2)
        broker.produce(*behind)
        service.answer(OK)
        service.rule = lambda _body: OK
        service.answer(OK)
        await until(lambda: len(broker.acked) == 4, within=60)
    assert sorted(service.posted) == [b"body 1", b"body 1", b"body 2", b"body 3"]


async def test_a_dead_letter_that_is_sent_back_under_its_id_is_delivered() -> None:
    """It was produced at another time, so it is no redelivery of what was dead-lettered."""
    begun = asyncio.get_running_loop().time()
    failures: list[Exception] = [Disconnected("away")]

    class Unsure(Broker):
        async def extend(
            self, messages: Sequence[Message], seconds: float
        ) -> Sequence[Message | None]:
            if failures:
                raise failures.pop()
            now = asyncio.get_running_loop().time()
            return [one.extended(now + seconds) for one in messages]

    broker, service, grave = Unsure([message(1, lease=begun + 30, time=1.0)]), Service(), Grave()
    async with Run(broker, service, exhausted=dead(grave, leased=True)) as run:
        await until(lambda: not failures)
        service.answer(status(400))
        await until(lambda: len(broker.acked) == 1)
        broker.produce(message(1, lease=asyncio.get_running_loop().time() + 30, time=2.0))
        await until(lambda: service.wire, within=60)
        service.answer(OK)
        await until(lambda: len(broker.acked) == 2)
        assert run.counters.settled == {"deadLettered": 1, "acked": 2}


async def test_the_source_hears_which_tracks_were_lost() -> None:
    """What it holds behind their messages comes again, too, and must not be handed out before."""
    lost: list[set[Hashable]] = []

    class Fifo(Broker):
        async def extend(
            self, messages: Sequence[Message], seconds: float
        ) -> Sequence[Message | None]:
            return [None for _ in messages]

        def lost(self, tracks: Iterable[Hashable]) -> None:
            lost.append(set(tracks))

    lease = asyncio.get_running_loop().time() + 30
    broker = Fifo([message(n, track="a", lane="a", lease=lease) for n in range(3)])
    service = Service()
    async with Run(broker, service):
        await until(lambda: lost, within=60)
        assert lost == [{"a"}]


def test_only_so_many_ids_are_remembered() -> None:
    """The oldest go first; a message that is remembered again counts as new."""
    delivered = Delivered(most=3, seconds=100.0)
    for name in "abc":
        delivered.add(name, 0.0)
    delivered.add("a", 1.0)
    delivered.add("d", 2.0)
    assert [name for name in "abcd" if delivered.has(name, 2.0)] == ["a", "c", "d"]
    assert len(delivered) == 3


def test_ids_are_remembered_for_a_while_only() -> None:
    """A queue that is consumed anew tomorrow is not taken for redeliveries of today."""
    delivered = Delivered(most=10, seconds=100.0)
    delivered.add("a", 0.0)
    delivered.add("b", 50.0)
    assert delivered.has("a", 99.0)
    assert not delivered.has("a", 100.0)
    delivered.add("c", 120.0)
    assert len(delivered) == 2, "what is too old takes no memory"
