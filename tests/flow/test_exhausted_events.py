"""Where events go whose retries are used up: virtual time, scripted sinks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, status, turn, until

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted
from eventing_alibaba.wire.answer import Answer

pytestmark = pytest.mark.looptime


class Grave:
    """A dead-letter target.

    Attributes:
        events, times: what it was sent, in order, and when.
        trouble: errors for the next ones, one each; then all is safe.
    """

    def __init__(self, *, limit: int = 4) -> None:
        self.events: list[Event] = []
        self.trouble: list[NotTaken] = []
        self.times: list[float] = []
        self.waiting: list[Callable[[NotTaken | None], None]] = []
        self.limit = limit
        self.silent = False
        self.closed = 0
        self._busy = 0

    def send(self, event: Event, done: Callable[[Any, NotTaken | None], None], token: Any) -> bool:
        if self._busy >= self.limit:
            return False
        self._busy += 1
        self.events.append(event)
        self.times.append(asyncio.get_running_loop().time())

        def answer(error: NotTaken | None) -> None:
            self._busy -= 1
            done(token, error)

        if self.silent:
            self.waiting.append(answer)
        else:
            error = self.trouble.pop(0) if self.trouble else None
            asyncio.get_running_loop().call_soon(answer, error)
        return True

    async def close(self) -> None:
        self.closed += 1


def dead(grave: Grave, **changes: Any) -> Exhausted:
    fields: dict[str, Any] = {"route": "deadLetter", "destination": "http://service/"}
    return Exhausted(target=grave, **(fields | changes))


RETRY = Retry(most=2, delay=1.0, longest=60.0, chance=lambda: 1.0)


async def test_an_exhausted_event_goes_to_the_dead_letter_sink_and_is_then_acknowledged() -> None:
    """It carries destination, code and the answer's first bytes; other events are untouched."""
    broker, service, grave = Broker([message(n) for n in range(3)]), Service(), Grave()
    answer = Answer(500, [], b"<html>" + b"x" * 5000)
    service.rule = lambda body: answer if body == b"body 1" else OK
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)) as run:
        await asyncio.sleep(2.5)
        assert grave.events == []
        await until(lambda: len(broker.acked) == 3, within=10)
        [event] = grave.events
        assert (event.id, event.source, event.type, event.data) == ("1", "/s", "t", b"body 1")
        assert event.extensions["knativeerrordest"] == "http://service/"
        assert event.extensions["knativeerrorcode"] == 500
        data = base64.b64decode(str(event.extensions["knativeerrordata"]))
        assert data == (b"<html>" + b"x" * 5000)[:1024]
        assert run.counters.settled == {"deadLettered": 1, "acked": 3}
        assert service.counted[b"body 1"] == 3
    assert grave.closed == 1


async def test_a_final_answer_goes_there_at_once() -> None:
    """400 is not retried: the dead-letter sink has the event without a wait."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    service.rule = lambda body: status(400)
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)):
        await asyncio.sleep(0.1)
        assert [e.id for e in grave.events] == ["1"]
        assert broker.acked_ids == ["1"]


async def test_an_event_without_an_answer_says_why_in_words() -> None:
    """A timeout has no code; the data is the sentence."""
    from tests.flow.harness import TIMEOUT

    broker, service, grave = Broker([message(1)]), Service(), Grave()
    service.rule = lambda body: TIMEOUT
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)):
        await until(lambda: grave.events, within=10)
        extensions = grave.events[0].extensions
        assert "knativeerrorcode" not in extensions
        assert base64.b64decode(str(extensions["knativeerrordata"])).endswith(b"in time")


async def test_nothing_is_dead_lettered_while_the_service_is_away() -> None:
    """Refused connections say nothing about an event, however long they last."""
    from tests.flow.harness import REFUSED

    broker, service, grave = Broker([message(n) for n in range(50)]), Service(), Grave()
    service.rule = lambda body: REFUSED
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)):
        await asyncio.sleep(1800)
        assert grave.events == []


async def test_what_cannot_become_an_event_goes_there_with_its_raw_bytes() -> None:
    """A defect and an impossible mapping are dead letters of their own type, never posted."""
    broker = Broker(
        [
            message(1, body=b"unconvertible", track=1),
            message(2, body=b"\x1f\x8bbroken", track=2, defect="its body is no valid gzip"),
        ]
    )
    service, grave = Service(), Grave()
    async with Run(broker, service, exhausted=dead(grave, route="block")):
        await asyncio.sleep(1)
        assert service.posted == []
        assert [(e.type, e.data) for e in grave.events] == [
            ("dev.eventing-alibaba.message.undecodable", b"unconvertible"),
            ("dev.eventing-alibaba.message.undecodable", b"\x1f\x8bbroken"),
        ]
        assert broker.acked_ids == ["1", "2"]


async def test_the_lane_waits_until_the_dead_letter_is_safe() -> None:
    """The next event of the lane goes out only after the dead one was taken."""
    broker = Broker([message(1, lane="x"), message(2, lane="x")])
    service, grave = Service(), Grave()
    grave.silent = True
    service.rule = lambda body: status(400) if body == b"body 1" else OK
    async with Run(broker, service, exhausted=dead(grave)):
        await asyncio.sleep(100)
        assert service.posted == [b"body 1"]
        grave.waiting.pop()(None)
        await asyncio.sleep(1)
        assert service.posted == [b"body 1", b"body 2"]
        assert broker.acked_ids == ["1", "2"]


async def test_a_dead_letter_sink_that_fails_is_retried() -> None:
    """Its own failures are tried again with backoff, and the event is posted no more meanwhile."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("dead:80 answered 503")] * 2
    service.rule = lambda body: status(400)
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)):
        await asyncio.sleep(0.5)
        assert len(grave.events) == 1
        await until(lambda: broker.acked, within=5)
        assert len(grave.events) == 3
        assert len(service.posted) == 1


async def test_a_dead_letter_sink_is_left_alone_for_as_long_as_it_asks() -> None:
    """Neither the event that it answered so gets there before, nor one that dies meanwhile."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("dead:80 answered 429", retry_after=30.0)]
    service.rule = lambda body: status(400)
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)):
        await until(lambda: grave.events)
        broker.produce(message(2, track="another"))
        await until(lambda: len(broker.acked) == 2)
    first, *later = grave.times
    assert sorted(event.id for event in grave.events) == ["1", "1", "2"]
    assert all(30 <= one - first < 31 for one in later)


@pytest.mark.parametrize(("longest", "waits"), [(5.0, 5.0), (0.0, 1.0)])
async def test_nobody_is_left_alone_for_longer_than_retry_after_max(
    longest: float, waits: float
) -> None:
    """A year becomes `retryAfterMax`; where that is nothing, the ordinary backoff holds."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("dead:80 answered 503", retry_after=31_536_000.0)]
    service.rule = lambda body: status(400)
    retry = Retry(most=2, delay=1.0, longest=60.0, after_max=longest, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry, exhausted=dead(grave)):
        await until(lambda: broker.acked)
    first, second = grave.times
    assert waits <= second - first < waits + 1


async def test_a_stop_does_not_wait_for_a_dead_letter_sink_that_is_left_alone() -> None:
    """What waits for it is left to the broker."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("dead:80 answered 429", retry_after=300.0)]
    service.rule = lambda body: status(400)
    loop = asyncio.get_running_loop()
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)) as run:
        await until(lambda: grave.events)
        await asyncio.sleep(5)
        begun = loop.time()
        await run.end()
    assert loop.time() - begun < 1
    assert len(grave.events) == 1
    assert broker.acked == []


async def test_when_the_dead_letter_sink_fails_too_the_event_is_kept() -> None:
    """Blocked with both reasons; later the service, then the dead-letter sink, get another try."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("dead:80 answered 500")] * 3
    service.rule = lambda body: status(400)
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)) as run:
        await asyncio.sleep(20)
        assert broker.acked == []
        [blocked] = run.pipeline.blocked()
        assert blocked["reason"] == "the dead-letter sink failed too: dead:80 answered 500"
        await until(lambda: broker.acked, within=100)
        assert len(service.posted) == 2
        assert run.pipeline.blocked() == []


async def test_many_dead_letters_do_not_exceed_what_the_target_takes() -> None:
    """A storm of refusals is buried a few at a time, and none is lost."""
    broker, service, grave = Broker([message(n, track=n) for n in range(200)]), Service(), Grave()
    service.rule = lambda body: status(400)
    async with Run(broker, service, exhausted=dead(grave)):
        await until(lambda: len(broker.acked) == 200, within=60)
        assert sorted(int(e.id) for e in grave.events) == list(range(200))


@pytest.mark.parametrize("defect", [ValueError("no Unicode"), TypeError("a defect")])
async def test_a_dead_letter_that_cannot_be_sent_at_all_is_kept(defect: Exception) -> None:
    """Whatever the target raises, the event is blocked and the next dead letter goes its way."""
    broker = Broker([message(n, track=n) for n in range(2)])
    service, grave = Service(), Grave()
    service.rule = lambda body: status(400)
    send = grave.send

    def fail(event: Event, done: Callable[[Any, NotTaken | None], None], token: Any) -> bool:
        if event.id == "0":
            raise defect
        return send(event, done, token)

    grave.send = fail  # type: ignore[method-assign]
    async with Run(broker, service, exhausted=dead(grave)) as run:
        await until(lambda: broker.acked_ids == ["1"], within=10)
        assert [b["id"] for b in run.pipeline.blocked()] == ["0"]
        await broker.flow.drain([0], lost=False, timeout=1)
        assert run.pipeline.blocked() == [], "nothing is thought to be on the wire"


async def test_drop_acknowledges_because_the_user_wrote_it() -> None:
    """`onExhausted: drop` settles and counts; it is the only way to lose an event."""
    broker, service = Broker([message(1), message(2)]), Service()
    service.rule = lambda body: status(400) if body == b"body 1" else OK
    async with Run(broker, service, exhausted=Exhausted(route="drop")) as run:
        await asyncio.sleep(1)
        assert broker.acked_ids == ["1", "2"]
        assert run.counters.settled == {"dropped": 1, "acked": 2}


async def test_one_of_several_events_is_buried_alone() -> None:
    """Of a message's three events the second is refused: it is buried, the third is posted."""
    broker, service, grave = Broker([message(1, body=b"split:a,b,c")]), Service(), Grave()
    service.rule = lambda body: status(400) if body == b"b" else OK
    async with Run(broker, service, exhausted=dead(grave)):
        await asyncio.sleep(1)
        assert service.posted == [b"a", b"b", b"c"]
        assert [e.id for e in grave.events] == ["1/1"]
        assert broker.acked_ids == ["1"]


async def test_a_stop_waits_for_dead_letters_on_the_wire() -> None:
    """A dead letter that is under way may finish within the grace and is then acknowledged."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.silent = True
    service.rule = lambda body: status(400)
    async with Run(broker, service, exhausted=dead(grave)) as run:
        await asyncio.sleep(1)
        run.stop.set()
        await asyncio.sleep(5)
        assert broker.closed == 0
        grave.waiting.pop()(None)
        await asyncio.sleep(1)
        assert broker.acked_ids == ["1"]
        assert broker.closed == 1


@pytest.mark.parametrize("most", [0, 10])
async def test_a_stop_waits_no_longer_than_for_a_dead_letter_that_fails(most: int) -> None:
    """Nothing is on the wire any more, so the rest of the grace would be waited in vain."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.silent = True
    service.rule = lambda body: status(400)
    retry = Retry(most=most, delay=1.0, longest=60.0)
    async with Run(broker, service, retry=retry, exhausted=dead(grave)) as run:
        await asyncio.sleep(1)
        run.stop.set()
        await asyncio.sleep(1)
        grave.waiting.pop()(NotTaken("no"))
        await asyncio.sleep(1)
        assert broker.closed == 1
        assert broker.acked_ids == []


async def test_a_drain_waits_for_dead_letters_on_the_wire() -> None:
    """A revoked track counts a dead letter that became safe during the drain as settled."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.silent = True
    service.rule = lambda body: status(400)
    async with Run(broker, service, exhausted=dead(grave)):
        await asyncio.sleep(1)
        drained = asyncio.create_task(broker.flow.drain(["t"], lost=False, timeout=10))
        await turn()
        assert not drained.done()
        grave.waiting.pop()(None)
        await drained
        settled = broker.flow.settled("t")
        assert settled is not None
        assert settled.id == "1"


async def test_a_drained_event_is_not_buried_again() -> None:
    """Retries of a dead letter end with the track: its next owner decides anew."""
    broker, service, grave = Broker([message(1)]), Service(), Grave()
    grave.trouble = [NotTaken("no")] * 99
    service.rule = lambda body: status(400)
    async with Run(broker, service, retry=RETRY, exhausted=dead(grave)) as run:
        await asyncio.sleep(0.5)
        await broker.flow.drain(["t"], lost=False, timeout=10)
        await asyncio.sleep(100)
        assert len(grave.events) == 1
        assert run.pipeline.blocked() == []


@pytest.mark.parametrize("batching", [None, Batching(10, 1 << 20, 0.05)], ids=["single", "batches"])
@pytest.mark.parametrize("lane", [None, "one"])
async def test_any_number_of_messages_in_a_row_may_be_dropped(
    lane: str | None, batching: Batching | None
) -> None:
    """None that cannot become an event keeps the others, which are delivered after them."""
    bad = [message(n, lane=lane, body=b"unconvertible") for n in range(1_000)]
    broker, service = Broker([*bad, message(1_000, lane=lane)]), Service()
    service.rule = lambda _body: OK
    exhausted = Exhausted(route="drop")
    async with Run(
        broker, service, exhausted=exhausted, batching=batching, max_buffered=2_000
    ) as run:
        await until(lambda: len(broker.acked) == 1_001, within=60)
        assert run.counters.settled == {"dropped": 1_000, "acked": 1_001}
        assert broker.opened == 1
    assert len(service.posted) == 1
