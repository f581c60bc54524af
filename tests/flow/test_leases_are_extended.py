"""Leases last for as long as their messages are held: virtual time, a scripted broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.flow.harness import OK, Run, status, turn, until
from tests.flow.leased import LeasedBroker, LeasedService

from eventing_alibaba.contract.errors import Disconnected, SourceError, Throttled, Unauthorized
from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.policies.lease import renewal
from eventing_alibaba.flow.react import Exhausted

pytestmark = pytest.mark.looptime(noop_cycles=0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_service_that_takes_90_seconds_gets_nothing_twice() -> None:
    """With leases of 30 s and answers after 90 s each event is posted and delivered once."""
    broker = LeasedBroker(range(40))
    service = LeasedService(broker, limit=8)
    service.plan = lambda name: (90.0, OK)
    async with Run(broker, service):
        await until(lambda: not broker.left)
        assert sorted(service.counted.values()) == [1] * 40
        assert {broker.deliveries(n) for n in range(40)} == {1}
        assert broker.violations == []


@pytest.mark.parametrize(
    ("visibility", "first"), [(30.0, 10.0), (12.0, 4.0), (9.0, 3.0), (6.0, 1.0), (3.0, 0.5)]
)
async def test_a_lease_is_extended_at_a_third_of_its_time(visibility: float, first: float) -> None:
    """And at least 5 s before its end; a shorter one than that no sooner than at a sixth."""
    broker = LeasedBroker([1], visibility=visibility)
    start = now()
    async with Run(broker, LeasedService(broker)):
        await asyncio.sleep(visibility * 4)
        times = [at - start for at, _, _ in broker.calls("extend")]
        assert times[0] == pytest.approx(first, abs=0.02)
        assert times[1] - times[0] == pytest.approx(first, abs=0.02)
        assert {seconds for _, _, seconds in broker.calls("extend")} == {visibility}
        assert broker.deliveries(1) == 1


def test_renewal_is_never_late() -> None:
    """It is at a third, or 5 s before the end, whichever is first, and never before a sixth."""
    for left in (0.5, 1, 5, 5.5, 6, 7, 7.5, 10, 30, 43200):
        due = renewal(0.0, left)
        assert left / 6 <= due <= left / 3
        if left > 6:
            assert left - due >= 5


async def test_one_call_extends_all_that_are_due() -> None:
    """Messages received within a second share every call, without a timer for each."""
    broker = LeasedBroker()
    async with Run(broker, LeasedService(broker)):
        for number in range(10):
            broker.produce(number)
            await asyncio.sleep(0.09)
        await asyncio.sleep(30)
        assert [len(ids) for _, ids, _ in broker.calls("extend")] == [10, 10, 10]


async def test_what_is_acknowledged_in_time_is_never_extended() -> None:
    """A service that answers at once costs no extension, and nothing is left of the leases."""
    broker = LeasedBroker(range(200))
    service = LeasedService(broker)
    service.plan = lambda name: (0.02, OK)
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        await asyncio.sleep(60)
        assert broker.calls("extend") == []
        assert len(run.pipeline._leased.leases) == 0


async def test_a_lease_counts_from_before_the_request() -> None:
    """What a slow call brings is as old as its request, so the next one comes sooner after it."""
    broker = LeasedBroker([1])
    broker.latency = lambda call: 2.0
    start = now()
    async with Run(broker, LeasedService(broker)):
        await asyncio.sleep(45)
        times = [at - start for at, _, _ in broker.calls("extend")]
        assert times[0] == pytest.approx(10, abs=0.1)
        assert 9 <= times[1] - times[0] <= 10.1
        assert 9 <= times[2] - times[1] <= 10.1


@pytest.mark.parametrize(
    "error",
    [
        Disconnected("away"),
        Unauthorized("expired"),
        Throttled("slowly", delay=3.0),
        RuntimeError("a defect of the source"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failed_extension_is_tried_again(error: SourceError) -> None:
    """For as long as the lease lasts; then nobody noticed."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (60.0, OK)
    start = now()
    broker.fail = lambda call, when: error if call == "extend" and now() - start < 24 else None
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 1
        assert 3 <= len([at for at, _, _ in broker.calls("extend") if at - start < 24]) < 12
        assert run.counters.settled == {"acked": 1}


async def test_a_throttled_broker_is_left_alone() -> None:
    """The next call comes after the pause that the broker asked for, not before."""
    broker = LeasedBroker([1])
    failures: list[Exception] = [Throttled("slowly", delay=7.0)]
    broker.fail = lambda call, when: failures.pop() if failures else None
    start = now()
    async with Run(broker, LeasedService(broker)):
        await asyncio.sleep(20)
        first, second = [at - start for at, _, _ in broker.calls("extend")][:2]
        assert second - first == pytest.approx(7, abs=0.1)


async def test_a_hung_call_is_given_up_in_time_for_another_one() -> None:
    """A broker that swallows a request costs no lease."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (60.0, OK)
    broker.latency = lambda call: 9e9 if call == "extend" and now() < start + 11 else 0.0
    start = now()
    async with Run(broker, service):
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 1
        assert broker.violations == []


async def test_a_slow_call_does_not_hold_up_the_others() -> None:
    """While one call hangs, messages received later are extended by calls of their own."""
    broker = LeasedBroker(["old"])
    start = now()
    broker.latency = lambda call: 9.0 if now() - start < 12 else 0.0
    async with Run(broker, LeasedService(broker)):
        await asyncio.sleep(5)
        broker.produce("new")
        await asyncio.sleep(40)
        assert broker.deliveries("old") == 1
        assert broker.deliveries("new") == 1
        first = next(at for at, ids, _ in broker.calls("extend") if "new" in ids)
        assert first - start == pytest.approx(15, abs=0.1)
        assert broker.violations == []


class Short(LeasedBroker):
    """Answers with one lease too few, once."""

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        answers = await super().extend(messages, seconds)
        return answers if len(self.calls("extend")) > 1 else answers[1:]


async def test_an_answer_that_does_not_fit_is_no_answer() -> None:
    """A source's defect costs leases, never an event, and no message gets another's receipt."""
    broker = Short(range(3))
    service = LeasedService(broker)
    service.plan = lambda name: (35.0, OK)
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        assert run.counters.errors == {("extending", "Defect"): 1}
        assert broker.violations == []
        assert sorted(service.counted.values()) == [1] * 3


class Partly(LeasedBroker):
    """Of several messages one's own call has no answer: it comes back as it was."""

    unanswered = "1"

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Message | None]:
        answers = list(await super().extend(messages, seconds))
        for at, message in enumerate(messages):
            if message.id == self.unanswered:
                answers[at], self.unanswered = message, ""
        return answers


async def test_a_message_that_comes_back_as_it_was_may_have_another_receipt() -> None:
    """The broker did extend it and says OK to the void receipt; the redelivery is not posted."""
    broker = Partly([1, 2], silent=True)
    service = LeasedService(broker)
    async with Run(broker, service):
        await until(lambda: not broker.unanswered)
        await asyncio.sleep(1)
        service.answer(OK)
        service.answer(OK)
        await until(lambda: not broker.left)
    assert sorted(service.posted) == [b"1", b"2"]
    assert broker.violations == []


async def test_an_acknowledgement_waits_for_the_extension() -> None:
    """And goes with the receipt that it brought; the one it had is void by then."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (11.0, OK)
    broker.latency = lambda call: 2.0
    start = now()
    async with Run(broker, service):
        await until(lambda: not broker.left)
        assert broker.calls("ack")[0][0] - start == pytest.approx(14, abs=0.1)
        assert broker.voided == []
        assert broker.violations == []


async def test_a_message_in_an_extension_does_not_hold_up_the_acks_of_others() -> None:
    """Only what is in the other call waits for it."""
    broker = LeasedBroker(["slow"])
    service = LeasedService(broker)
    service.plan = lambda name: (11.0, OK) if name == "slow" else (0.0, OK)
    broker.latency = lambda call: 3.0 if call == "extend" else 0.0
    start = now()
    async with Run(broker, service):
        await asyncio.sleep(11.5)
        broker.produce("quick")
        await until(lambda: "quick" in broker.acked)
        assert now() - start < 12
        assert "slow" in broker.left


async def test_acks_of_a_track_do_not_pass_one_that_waits_for_its_extension() -> None:
    """One that was received during the call could go at once, but it would leave a gap."""
    broker = LeasedBroker([0], fifo=True)
    broker.locks = False
    broker.latency = lambda call: 2.0 if call == "extend" else 0.0
    service = LeasedService(broker)
    async with Run(broker, service):
        await asyncio.sleep(10.5)
        broker.produce(1)
        service.plan = lambda name: (0.0, OK)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert [ids for _, ids, _ in broker.calls("ack")] == [["0", "1"]]
        assert broker.voided == []


async def test_an_extension_of_an_old_receipt_changes_nothing() -> None:
    """The message was received again during the call: what the call brings is void."""
    broker = LeasedBroker([1])
    broker.latency = lambda call: 2.0 if call == "extend" else 0.0
    service = LeasedService(broker)
    async with Run(broker, service):
        await asyncio.sleep(12.5)
        broker.end_lease(1)
        await asyncio.sleep(3)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 2
        assert broker.voided == []


async def test_a_failed_ack_is_tried_again_while_its_lease_is_extended() -> None:
    """A broker that takes no acknowledgement for minutes does not deliver again."""
    broker = LeasedBroker(range(5))
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    start = now()
    broker.fail = lambda call, when: (
        Disconnected("no acks") if call == "ack" and now() - start < 200 else None
    )
    async with Run(broker, service) as run:
        await until(lambda: not broker.left)
        assert now() - start < 210
        assert {broker.deliveries(n) for n in range(5)} == {1}
        assert run.counters.settled == {"acked": 5}


async def test_a_hung_ack_does_not_cost_the_lease() -> None:
    """It is given up early enough, the lease is extended, and it is tried again."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    broker.latency = lambda call: 9e9 if call == "ack" and len(broker.calls("ack")) == 1 else 0.0
    async with Run(broker, service):
        await until(lambda: not broker.left)
        assert broker.deliveries(1) == 1
        assert service.counted == {b"1": 1}
        assert broker.violations == []


async def test_a_post_that_never_ends_is_held_for_max_hold() -> None:
    """Then its lease is let go; the redelivery takes the POST's outcome over, without another."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    start = now()
    async with Run(broker, service, max_hold="PT60S") as run:
        await until(lambda: broker.deliveries(1) == 2)
        assert 60 + 15 <= now() - start <= 60 + 31
        assert run.counters.settled == {"letGo": 1}
        service.answer(OK)
        await until(lambda: not broker.left)
        assert service.counted == {b"1": 1}
        assert broker.voided == []


async def test_a_message_that_waits_for_max_hold_begins_anew() -> None:
    """It is dropped and delivered again by the broker; nothing of it is posted meanwhile."""
    broker = LeasedBroker(["first", "waits"])
    service = LeasedService(broker, limit=1)
    async with Run(broker, service, max_hold="PT60S", max_buffered=8) as run:
        await until(lambda: broker.deliveries("waits") == 2)
        assert service.posted == [b"first"]
        assert run.counters.settled == {"letGo": 2}
        service.plan = lambda name: (0.0, OK)
        service.answer(OK)
        await until(lambda: not broker.left)
        assert service.counted == {b"first": 1, b"waits": 1}


async def test_an_ack_that_fails_for_max_hold_is_let_go() -> None:
    """The redelivery is acknowledged without a POST, once the broker takes acks again."""
    broker = LeasedBroker([1])
    service = LeasedService(broker)
    service.plan = lambda name: (0.0, OK)
    start = now()
    broker.fail = lambda call, when: (
        Disconnected("no acks") if call == "ack" and now() - start < 300 else None
    )
    async with Run(broker, service, max_hold="PT60S") as run:
        await until(lambda: not broker.left)
        assert broker.deliveries(1) >= 2
        assert service.counted == {b"1": 1}
        assert run.counters.settled["letGo"] >= 1


async def test_a_suspended_machine_finds_its_leases_lost() -> None:
    """The leases' clock went on meanwhile: what waited is dropped before it is posted."""
    broker = LeasedBroker(["wire", "waits"])
    service = LeasedService(broker, limit=1)
    async with Run(broker, service, now=lambda: broker.now) as run:
        await asyncio.sleep(1)
        broker.steal("wire", 3600)
        broker.steal("waits", 3600)
        broker.slept = 1000.0
        await asyncio.sleep(5.1)
        service.answer(OK)
        await asyncio.sleep(100)
        assert service.posted == [b"wire"]
        assert run.counters.settled == {"lost": 2}


async def test_no_more_is_held_than_the_service_will_soon_take() -> None:
    """Twice the concurrency of the moment, so that other receivers get what is left."""
    broker = LeasedBroker(range(1000))
    broker.batch = 1000
    service = LeasedService(broker, limit=64)
    exhausted = Exhausted(leased=True)
    async with Run(broker, service, max_buffered=512, exhausted=exhausted) as run:
        await asyncio.sleep(1)
        assert run.pipeline.held.count == 16
        most = 0
        service.plan = lambda name: (0.01, OK)
        for _, reply in list(service.wire):
            reply(OK)
        while broker.left:
            await asyncio.sleep(0.01)
            most = max(most, run.pipeline.held.count)
        assert 100 < most <= 128


async def test_a_cut_limit_lowers_what_is_held() -> None:
    """After refusals nothing is received until twice the new limit has room again."""
    broker = LeasedBroker(range(1000))
    service = LeasedService(broker, limit=64)
    service.plan = lambda name: (0.01, OK)
    async with Run(broker, service, max_buffered=512) as run:
        await until(lambda: run.pipeline._deliverer.concurrency.limit == 64)
        service.plan = lambda name: (0.01, status(429))
        await asyncio.sleep(1)
        received = run.counters.received
        assert run.pipeline.held.room() == (0, 0)
        service.plan = lambda name: None
        await turn()
        assert run.counters.received == received
