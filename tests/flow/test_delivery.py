"""What the flow does with answers, on a scripted source and sink in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

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

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    PartialFailure,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.retry import Retry

pytestmark = pytest.mark.looptime


async def test_a_message_is_acknowledged_only_after_its_2xx() -> None:
    """Nothing is acknowledged while the service has not answered, everything after it has."""
    broker, service = Broker([message(1)]), Service()
    async with Run(broker, service):
        await asyncio.sleep(30)
        assert service.posted == [b"body 1"]
        assert broker.acked == []
        service.answer(OK)
        await asyncio.sleep(1)
        assert broker.acked_ids == ["1"]


async def test_acks_of_a_track_wait_for_the_earlier_ones() -> None:
    """A later answer acknowledges nothing until all earlier messages of the track have theirs."""
    broker, service = Broker([message(n) for n in range(4)]), Service()
    async with Run(broker, service):
        for number in (3, 1, 2):
            service.answer(OK, b"body %d" % number)
        await asyncio.sleep(1)
        assert broker.acked == []
        service.answer(OK, b"body 0")
        await asyncio.sleep(1)
        assert broker.acked_ids == ["0", "1", "2", "3"]


async def test_acks_are_gathered_into_few_calls() -> None:
    """Many answers within a moment are acknowledged by one call."""
    broker, service = Broker([message(n) for n in range(60)]), Service(limit=60)
    service.rule = lambda body: OK
    async with Run(broker, service):
        await until(lambda: len(broker.acked) == 60)
        assert len(broker.ack_calls) <= 3


async def test_the_next_event_of_a_lane_waits_for_the_one_before() -> None:
    """One event of a lane is on the wire at a time; another lane does not wait for it."""
    broker = Broker([message(1, lane="x"), message(2, lane="x"), message(3, lane="y")])
    service = Service()
    async with Run(broker, service):
        assert service.posted == [b"body 1", b"body 3"]
        service.answer(status(500), b"body 1")
        await asyncio.sleep(0.5)
        assert service.posted == [b"body 1", b"body 3"]
        await asyncio.sleep(1)
        service.answer(OK, b"body 1")
        await turn()
        assert service.posted == [b"body 1", b"body 3", b"body 1", b"body 2"]


@pytest.mark.parametrize("answer", [status(500), status(404), status(409), RESET, TIMEOUT])
async def test_a_suspect_answer_is_retried_with_growing_waits(answer: Result) -> None:
    """Attempts of one event come after 1, 2, 4, 8 s, then every backoffMax, and never stop."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: answer
    retry = Retry(most=3, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry) as run:
        await asyncio.sleep(200)
        waits = [round(b - a) for a, b in zip(service.times, service.times[1:], strict=False)]
        assert waits == [1, 2, 4, 60, 60, 60]
        assert broker.acked == []
        assert [b["id"] for b in run.pipeline.blocked()] == ["1"]
        service.rule = lambda body: OK
        await asyncio.sleep(60)
        assert broker.acked_ids == ["1"]
        assert run.pipeline.blocked() == []


@pytest.mark.parametrize("code", [300, 302, 400, 401, 403, 413, 415, 422])
async def test_a_final_answer_blocks_at_once_and_loses_nothing(code: int) -> None:
    """The event is kept, shown with its status, and tried again at the longest interval."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(code)
    async with Run(broker, service) as run:
        await asyncio.sleep(50)
        assert len(service.posted) == 1
        assert run.pipeline.blocked() == [
            {
                "origin": "topic",
                "id": "1",
                "reason": f"the service answered {code}",
                "status": code,
                "since": run.pipeline.blocked()[0]["since"],
            }
        ]
        await asyncio.sleep(60)
        assert len(service.posted) == 2
        assert broker.acked == []


async def test_a_poison_event_holds_up_its_own_lane_only() -> None:
    """With one lane blocked for good, other tracks and other lanes run to their bound."""
    poison = [message(n, track="p", lane="p") for n in range(1000)]
    others = [message(n, track="o", lane=n % 7) for n in range(1000, 3000)]
    mixed = [m for pair in zip(poison, others[:1000], others[1000:], strict=True) for m in pair]
    broker, service = Broker(mixed), Service()
    service.rule = lambda body: status(400) if body == b"body 0" else OK
    async with Run(broker, service):
        await until(lambda: len(broker.acked) == 2000, within=60)
        assert {m.track for m in broker.acked} == {"o"}
        assert broker.paused == {"p"}


async def test_beside_a_poison_event_the_other_partitions_run_at_full_speed() -> None:
    """Three of four ordered partitions take no longer than without it, by the clock."""

    async def seconds(poison: bytes | None) -> float:
        broker = Broker([message(n, track=n % 4, lane=n % 4) for n in range(1200)])
        service = Service(limit=64)
        service.rule = lambda body: status(400) if body == poison else 0.05
        async with Run(broker, service):
            wanted = 1200 if poison is None else 900
            return await until(lambda: len(broker.acked) == wanted, within=60)

    assert await seconds(b"body 0") <= 1.05 * await seconds(None)


async def test_beside_a_poison_event_other_keys_run_up_to_the_bound() -> None:
    """With keyed ordering its partition goes on without its key, `maxUncommitted` past it."""
    keyed = [message(n, track="p", lane=("p", n % 10)) for n in range(1000)]
    broker, service = Broker(keyed), Service(limit=64)
    service.rule = lambda body: status(400) if body == b"body 0" else OK
    async with Run(broker, service, max_uncommitted=200, max_buffered=64) as run:
        await asyncio.sleep(60)
        (track,) = run.pipeline.held.tracks()
        received = len(track.window)
        assert 200 < received <= 200 + 64, "the bound, and what was received with the last one"
        delivered = [int(body.split()[1]) for body in service.posted if body != b"body 0"]
        assert sorted(delivered) == [n for n in range(received) if n % 10]
        assert broker.acked == []
        assert broker.paused == {"p"}


async def test_a_track_is_paused_beyond_max_uncommitted() -> None:
    """Answers that pile up behind an unfinished message are bounded, then the track goes on."""
    broker, service = Broker([message(n) for n in range(500)]), Service()
    service.rule = lambda body: None if body == b"body 0" else OK
    async with Run(broker, service, max_uncommitted=100):
        await asyncio.sleep(5)
        assert len(service.posted) <= 100 + 64
        service.answer(OK, b"body 0")
        await until(lambda: len(broker.acked) == 500)


async def test_what_is_held_is_bounded() -> None:
    """A service that never answers makes the flow hold `maxBuffered` messages, no more."""
    broker, service = Broker([message(n) for n in range(500)]), Service()
    async with Run(broker, service, max_buffered=50) as run:
        await asyncio.sleep(100)
        assert run.pipeline.held.count == 50
        assert len(broker.waiting) == 450


async def test_bytes_held_are_bounded() -> None:
    """Large messages are bounded by `maxBytes`; one that is larger than that still passes."""
    big = [message(n, body=b"x" * 100_000) for n in range(20)]
    huge = message(99, body=b"y" * 1_000_000)
    broker, service = Broker([*big, huge]), Service(limit=1)
    service.rule = lambda body: OK
    async with Run(broker, service, max_bytes=200_000):
        await until(lambda: len(broker.acked) == 21)


async def test_a_message_that_cannot_become_an_event_is_never_acknowledged() -> None:
    """It is blocked with a sentence, not posted, and messages of other tracks pass."""
    broker = Broker(
        [
            message(1, body=b"unconvertible", track="a"),
            message(2, body=b"raw", track="b", defect="its body is no valid gzip"),
            message(3, track="c"),
        ]
    )
    service = Service()
    service.rule = lambda body: OK
    async with Run(broker, service) as run:
        await asyncio.sleep(300)
        assert service.posted == [b"body 3"]
        assert broker.acked_ids == ["3"]
        assert [b["reason"] for b in run.pipeline.blocked()] == [
            "it cannot become an event: its header x is no UTF-8",
            "it cannot become an event: its body is no valid gzip",
        ]


@pytest.mark.parametrize("batching", [None, Batching(max_events=10, max_bytes=10**6, max_wait=0.1)])
async def test_a_defect_in_the_mapping_is_that_of_one_message(batching: Batching | None) -> None:
    """Whatever it raises, the message is blocked and shown, and the others are delivered."""
    broker = Broker([message(n, track=n) for n in range(20)])
    mapped = broker.event

    def event(one: Message) -> Event | Sequence[Event]:
        if one.id == "3":
            raise RecursionError("secret " + one.body.decode())
        return mapped(one)

    broker.event = event  # type: ignore[assignment, method-assign]
    service = Service()
    service.rule = lambda body: OK
    async with Run(broker, service, batching=batching) as run:
        await until(lambda: len(broker.acked) == 19, within=10)
        (blocked,) = run.pipeline.blocked()
        assert blocked["id"] == "3"
        assert str(blocked["reason"]).startswith(
            "it cannot become an event: a defect of the adapter (RecursionError in test_delivery.py"
        )
        assert "secret" not in str(blocked)
        assert broker.opened == 1


async def test_a_message_of_several_events_is_acknowledged_with_the_last() -> None:
    """Its events go one after the other; a failure repeats that one event only."""
    broker, service = Broker([message(1, body=b"split:a,b,c")]), Service()
    async with Run(broker, service):
        for answer in (OK, status(500)):
            service.answer(answer)
            await turn()
        await asyncio.sleep(2)
        assert service.posted == [b"a", b"b", b"b"]
        service.answer(OK)
        await turn()
        assert broker.acked == []
        service.answer(OK)
        await asyncio.sleep(1)
        assert service.posted == [b"a", b"b", b"b", b"c"]
        assert broker.acked_ids == ["1"]


async def test_a_message_of_no_event_is_acknowledged() -> None:
    """A message that maps to an empty list is settled without a request."""
    broker, service = Broker([message(1, body=b"split:")]), Service()
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        assert service.posted == []
        assert broker.acked_ids == ["1"]
        assert run.counters.settled == {"empty": 1, "acked": 1}


async def test_an_ack_that_fails_is_tried_again_and_nothing_is_posted_twice() -> None:
    """Partial and whole failures of an acknowledgement are repeated for those they left."""
    broker, service = Broker([message(n, track=None) for n in range(3)]), Service()
    service.rule = lambda body: OK
    first = list(broker.waiting)
    broker.fail_ack = [
        Disconnected("the broker is gone"),
        PartialFailure("some failed", again=first[:1], lost=first[1:2]),
        Throttled("slower", delay=7.0),
    ]
    async with Run(broker, service) as run:
        await asyncio.sleep(30)
        assert broker.ack_calls == [3, 3, 1, 1]
        assert broker.acked_ids == ["0"]
        assert run.counters.settled == {"acked": 2, "lost": 1}
        assert max(service.counted.values()) == 1


async def test_acks_that_do_not_get_through_stop_receiving() -> None:
    """While the broker takes no acknowledgement, memory does not grow with what is delivered."""
    broker, service = Broker([message(n) for n in range(1000)]), Service()
    service.rule = lambda body: OK
    broker.fail_ack = [Disconnected("gone") for _ in range(20)]
    async with Run(broker, service, max_buffered=32):
        await asyncio.sleep(10)
        assert len(service.posted) <= 128
        await until(lambda: len(broker.acked) == 1000)


async def test_every_signal_opens_the_source_again_but_a_wrong_manifest() -> None:
    """Trouble is reported with its sentence and cured without a restart."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: OK
    broker.fail_open = [
        Disconnected("broker:9092 refused"),
        Unavailable("topic t does not exist"),
        Unauthorized("the password was refused"),
    ]
    async with Run(broker, service) as run:
        await until(lambda: broker.acked, within=60)
        assert [str(r) if r else "ready" for r in run.reports] == [
            "broker:9092 refused",
            "topic t does not exist",
            "the password was refused",
            "ready",
        ]
        broker.fail_receive = [Disconnected("the session ended")]
        broker.produce(message(2), message(3))
        await until(lambda: broker.opened == 5 and run.reports[-1] is None, within=60)
        assert len(broker.acked) == 3


async def test_throttling_waits_and_keeps_the_session() -> None:
    """A throttled receive goes on after the delay with the same session."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: OK
    broker.fail_receive = [Throttled("slower", delay=20.0)]
    async with Run(broker, service):
        await asyncio.sleep(19)
        assert service.posted == []
        await asyncio.sleep(2)
        assert broker.acked_ids == ["1"]
        assert broker.opened == 1


async def test_misconfigured_ends_the_run_in_order() -> None:
    """Only a wrong manifest ends it; the source is closed and the error is the caller's."""
    broker, service = Broker(), Service()
    broker.fail_open = [Misconfigured("spec.topics: no such thing")]
    run = Run(broker, service)
    with pytest.raises(Misconfigured, match=r"spec\.topics"):
        await run.pipeline.run(run.stop)
    assert broker.closed == 1


async def test_a_defect_of_the_source_is_retried_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An exception nobody foresaw neither ends the process nor stays unseen."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: OK
    broker.fail_receive = [ZeroDivisionError("oops")]  # type: ignore[list-item]
    async with Run(broker, service) as run:
        await until(lambda: broker.acked, within=60)
        assert [r.reason if r else None for r in run.reports] == [None, "Defect", None]
        assert "oops" in caplog.text


async def test_a_connection_that_cannot_be_made_is_no_fault_of_the_event() -> None:
    """Refused connections do not use up `retry`: with retry 0 the event is not exhausted."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: REFUSED
    async with Run(broker, service, retry=Retry(most=0, delay=1.0)) as run:
        await asyncio.sleep(100)
        assert run.pipeline.blocked() == []
        service.rule = lambda body: OK
        await until(lambda: broker.acked, within=10)


async def test_sick_answers_count_when_others_get_through() -> None:
    """503 for one event only, while others pass, is that event's fault in the end."""
    broker, service = Broker([message(n, track=n) for n in range(2000)]), Service()
    service.rule = lambda body: status(503) if body == b"body 0" else 1.0
    retry = Retry(most=2, delay=1.0, longest=60.0, chance=lambda: 1.0)
    async with Run(broker, service, retry=retry) as run:
        await until(run.pipeline.blocked, within=60)
        assert [b["id"] for b in run.pipeline.blocked()] == ["0"]
