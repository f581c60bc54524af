"""What `skip` does within the flow: virtual time, scripted sinks."""

from __future__ import annotations

import asyncio

import pytest
from tests.flow.harness import OK, REFUSED, Broker, Run, Service, message, status, until

from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted

pytestmark = pytest.mark.looptime

REFUSES = status(400)


def refusing(*bodies: bytes) -> Service:
    """A service that refuses these for good and takes all others."""
    service = Service()
    service.rule = lambda body: REFUSES if body in bodies else OK
    return service


async def test_a_skipped_message_is_acknowledged_and_its_lane_goes_on() -> None:
    """It counts as skipped, is no longer blocked, and is never posted again."""
    broker = Broker([message(n, lane="x") for n in (1, 2)])
    service = refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        assert service.counted[b"body 2"] == 0
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked_ids == ["1", "2"]
        assert run.pipeline.blocked() == []
        assert run.counters.settled == {"skipped": 1, "acked": 2}
        await asyncio.sleep(3600)  # the retry that slept does not come back
        assert service.counted == {b"body 1": 1, b"body 2": 1}
        assert run.pipeline.held.count == 0


async def test_only_what_is_blocked_can_be_skipped() -> None:
    """Neither a message on the wire, nor one that waits for a retry, nor an unknown one."""
    broker = Broker([message(1, track=1), message(2, track=2)])
    service = Service()
    service.rule = lambda body: status(500) if body == b"body 2" else None
    async with Run(broker, service) as run:
        await asyncio.sleep(0.5)
        for number in ("1", "2", "3"):
            assert not run.pipeline.skip(number)
        assert broker.acked == []
        service.rule = lambda body: OK
        service.answer(OK, b"body 1")


async def test_one_message_is_skipped_at_a_time() -> None:
    """Of two of the same id the older goes, unless its origin says which is meant."""
    first, second, third = (message(1, track=n) for n in range(3))
    second.origin = "other"
    broker, service = Broker([first, second, third]), refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(lambda: len(run.pipeline.blocked()) == 3, within=10)
        assert not run.pipeline.skip("1", "third")
        assert run.pipeline.skip("1", "other")
        await asyncio.sleep(0.5)
        assert broker.acked == [second]
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked == [second, first]
        assert [one["origin"] for one in run.pipeline.blocked()] == ["topic"]


async def test_a_request_under_way_is_waited_for_and_a_failure_skips() -> None:
    """The answer of a retry may be the 2xx that was hoped for; if not, the message goes."""
    broker, service = Broker([message(1)]), refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        service.rule = lambda body: None
        await until(lambda: service.wire, within=3600)
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked == []
        assert len(run.pipeline.blocked()) == 1
        service.answer(status(503))
        await asyncio.sleep(0.5)
        assert broker.acked_ids == ["1"]
        assert run.counters.settled == {"skipped": 1, "acked": 1}
        assert run.pipeline.blocked() == []


async def test_a_success_under_way_is_a_delivery_and_no_skip() -> None:
    """It is counted once, as what it was."""
    broker, service = Broker([message(1)]), refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        service.rule = lambda body: None
        await until(lambda: service.wire, within=3600)
        assert run.pipeline.skip("1")
        service.answer(OK)
        await asyncio.sleep(0.5)
        assert run.counters.settled == {"acked": 1}
        assert run.counters.delivered == 1


async def test_a_message_that_waits_for_an_open_breaker_is_skipped_at_once() -> None:
    """It stands in line to be sent, and leaves that line."""
    broker = Broker([message(n, track=n) for n in range(8)])
    service = refusing(b"body 0")
    async with Run(broker, service, retry=Retry(delay=1.0, longest=4.0)) as run:
        await until(lambda: len(broker.acked) == 7, within=10)
        service.rule = lambda body: REFUSED
        broker.produce(*(message(n, track=n) for n in range(8, 20)))
        await until(lambda: run.pipeline.breaker() == "open", within=60)
        [line] = await _standing(run, "0")
        assert run.pipeline.skip("0")
        await asyncio.sleep(0.5)
        assert broker.acked_ids[-1] == "0"
        assert line not in run.pipeline.held.ready


async def _standing(run: Run, identity: str) -> list[object]:
    """Return the delivery of this id once it is in line."""

    def there() -> list[object]:
        return [d for d in run.pipeline.held.ready if d.message.id == identity and not d.wire]

    await until(there, within=60)
    return there()


async def test_what_cannot_become_an_event_can_be_skipped() -> None:
    """It is never tried, so nothing would ever free its lane."""
    broker = Broker([message(1, body=b"unconvertible", lane="x"), message(2, lane="x")])
    async with Run(broker, refusing()) as run:
        await until(run.pipeline.blocked, within=10)
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked_ids == ["1", "2"]


async def test_one_of_several_events_is_skipped_alone() -> None:
    """Of a message's three events the second is refused: the third is posted after it."""
    broker, service = Broker([message(1, body=b"split:a,b,c")]), refusing(b"b")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        assert run.pipeline.skip("1")
        await until(lambda: broker.acked, within=10)
        await asyncio.sleep(3600)
        assert service.counted == {b"a": 1, b"b": 1, b"c": 1}
        assert broker.acked_ids == ["1"]


async def test_what_is_on_its_way_to_the_dead_letter_sink_is_skipped_when_that_fails() -> None:
    """The dead letter may still become safe, which is better than a skip."""
    from tests.flow.test_exhausted_events import Grave

    broker, service, grave = Broker([message(1)]), refusing(b"body 1"), Grave()
    grave.trouble = [NotTaken("dead:80 answered 500")]
    exhausted = Exhausted(route="deadLetter", target=grave, destination="http://service/")
    retry = Retry(most=0, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry, exhausted=exhausted) as run:
        await until(run.pipeline.blocked, within=10)
        grave.silent = True
        await until(lambda: grave.waiting, within=3600)
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked == []
        grave.waiting.pop()(NotTaken("dead:80 answered 500"))
        await asyncio.sleep(0.5)
        assert broker.acked_ids == ["1"]
        assert run.counters.settled == {"skipped": 1, "acked": 1}


async def test_a_message_of_a_track_that_was_given_up_cannot_be_skipped() -> None:
    """Its next owner decides anew."""
    broker, service = Broker([message(1)]), refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        await broker.flow.drain(["t"], lost=False, timeout=1)
        assert not run.pipeline.skip("1")
        assert run.counters.settled == {}


async def test_a_skip_is_logged_with_what_was_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """Origin, id and reason, for who looks for the event later."""
    broker, service = Broker([message(1)]), refusing(b"body 1")
    async with Run(broker, service) as run:
        await until(run.pipeline.blocked, within=10)
        caplog.clear()
        assert run.pipeline.skip("1")
    [line] = [r.getMessage() for r in caplog.records if "skipped" in r.getMessage()]
    assert line.startswith("topic 1 is skipped, as told: ")
    assert "400" in line


BATCHES = [None, Batching(1, 1 << 20, 0.0)]


@pytest.mark.parametrize("batching", BATCHES, ids=["single", "batches"])
async def test_a_skip_is_over_when_its_event_is_accepted(batching: Batching | None) -> None:
    """Of three events of a message the first is to be skipped and gets through; the others, too."""
    broker, service = Broker([message(0, body=b"split:a,b,c")]), Service()
    retry = Retry(most=0, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry, batching=batching) as run:
        await until(lambda: service.wire)
        service.answer(REFUSES)
        await until(run.pipeline.blocked, within=10)
        await until(lambda: service.wire, within=3600)
        assert run.pipeline.skip("0")
        service.answer(OK)
        await until(lambda: service.wire)
        assert run.pipeline.blocked() == []
        service.answer(status(503))
        service.rule = lambda _body: OK
        await until(lambda: broker.acked, within=3600)
        assert run.counters.settled == {"acked": 1}
        assert run.counters.delivered == 3


@pytest.mark.parametrize("batching", BATCHES, ids=["single", "batches"])
async def test_what_follows_a_skipped_event_of_its_message_is_delivered_once(
    batching: Batching | None,
) -> None:
    """It was on the wire when it was to be skipped, and failed; it is not tried again."""
    broker, service = Broker([message(0, body=b"split:a,b,c")]), Service()
    retry = Retry(most=1, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry, batching=batching) as run:
        for _ in range(2):
            await until(lambda: service.wire, within=10)
            service.answer(status(500))
        await until(run.pipeline.blocked, within=10)
        await until(lambda: service.wire, within=3600)
        assert run.pipeline.skip("0")
        service.rule = lambda _body: OK
        service.answer(status(500))
        await until(lambda: broker.acked, within=10)
        await asyncio.sleep(3600)
        assert len(service.posted) == 5
        assert run.pipeline.blocked() == []
        assert run.pipeline.held.count == 0
        assert len(broker.acked) == 1


@pytest.mark.parametrize("retry_after", [None, 300.0])
async def test_what_waits_for_the_dead_letter_sink_is_skipped_at_once(
    retry_after: float | None,
) -> None:
    """Between two attempts, or while that wants to be left alone, nothing is under way."""
    from tests.flow.test_exhausted_events import Grave

    broker, service, grave = Broker([message(1)]), refusing(b"body 1"), Grave()
    grave.trouble = [NotTaken("dead:80 answered 429", retry_after)] * 99
    exhausted = Exhausted(route="deadLetter", target=grave, destination="http://service/")
    retry = Retry(most=2, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry, exhausted=exhausted) as run:
        await until(run.pipeline.blocked, within=3600)
        sent = len(grave.events)
        await until(lambda: len(grave.events) > sent, within=3600)
        assert run.pipeline.skip("1")
        await asyncio.sleep(0.5)
        assert broker.acked_ids == ["1"]
        sent = len(grave.events)
        await asyncio.sleep(3600)
        assert len(grave.events) == sent
        assert run.counters.settled == {"skipped": 1, "acked": 1}
