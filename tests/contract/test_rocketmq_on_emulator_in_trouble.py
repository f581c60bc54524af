"""What goes wrong between a RocketMQ source and its broker, one thing after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.unit.rocketmq.opened import ROOM, Listening, manifest, opened, take, until

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    PartialFailure,
    Unavailable,
)
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq.messages import receipt_of
from eventing_alibaba.sources.rocketmq.source import RocketMQSource
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess


async def _goes_on(source: RocketMQSource, rocketmq: EmulatorProcess, topic: str) -> None:
    """A message that is sent now is received and acknowledged."""
    await asyncio.to_thread(rocketmq.send, topic, ["after"])
    (message,) = await take(source, 1)
    assert message.body == b"after"
    await source.ack([message])
    assert rocketmq.counts(topic, topic)["backlog"] == 0


async def _poll_for_many(source: RocketMQSource) -> None:
    """Let a poll for many messages wait, though nobody waits for its messages any more."""
    receiving = asyncio.create_task(source.receive(100, ROOM))
    await until(lambda: source.status()["polls"])
    receiving.cancel()
    await asyncio.wait([receiving])


@pytest.mark.parametrize("what", ["cut_telemetry", "forget_clients", "reconnect", "restart"])
async def test_settings_are_sent_again(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], what: str
) -> None:
    """A proxy that lost them, or wants another connection, gets them and is polled again."""
    topic = rocketmq_topic()
    flow = Listening()
    async with opened(manifest(rocketmq_emulator, topic), flow) as source:
        await _goes_on(source, rocketmq_emulator, topic)
        await asyncio.to_thread(getattr(rocketmq_emulator, what))
        await _goes_on(source, rocketmq_emulator, topic)
        await until(lambda: not flow.reasons or flow.reasons[-1] is None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("TOPIC_NOT_FOUND", "TopicNotFound"),
        ("TOO_MANY_REQUESTS", "TooManyRequests"),
        ("INTERNAL_SERVER_ERROR", "InternalError"),
        ("UNAUTHORIZED", "Unauthorized"),
    ],
)
async def test_a_refused_poll_is_told_and_asked_again(
    rocketmq_emulator: EmulatorProcess,
    rocketmq_topic: Callable[..., str],
    code: str,
    reason: str,
) -> None:
    """Not ready while it lasts, and going on by itself when it is over."""
    topic = rocketmq_topic()
    flow = Listening()
    async with opened(manifest(rocketmq_emulator, topic), flow) as source:
        rocketmq_emulator.fail("ReceiveMessage", code)
        waiting = asyncio.create_task(take(source, 1))
        await until(lambda: flow.reasons == [reason])
        rocketmq_emulator.heal()
        await asyncio.to_thread(rocketmq_emulator.send, topic, ["x"])
        await source.ack(await waiting)
        await until(lambda: flow.reasons == [reason, None])


async def test_a_topic_that_is_made_later_is_found(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """A missing topic is Unavailable, with its name, until somebody makes it."""
    topic = rocketmq_topic()
    await asyncio.to_thread(rocketmq_emulator.delete_topic, topic)
    spec = manifest(rocketmq_emulator, topic)
    with pytest.raises(Unavailable, match=f"no topic {topic}"):
        async with opened(spec):
            pass
    await asyncio.to_thread(rocketmq_emulator.create_topic, topic)
    async with opened(spec) as source:
        await _goes_on(source, rocketmq_emulator, topic)


async def test_partly_failed_acknowledgements_are_sorted(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """What may be tried again is told apart from what is lost, and the rest counts."""
    topic = rocketmq_topic()
    await asyncio.to_thread(rocketmq_emulator.send, topic, [str(n) for n in range(40)])
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        taken = await take(source, 40)
        rocketmq_emulator.fail("AckMessage", "INTERNAL_SERVER_ERROR", items=True, times=3)
        with pytest.raises(PartialFailure) as partly:
            await source.ack(taken)
        again = partly.value.again
        assert (len(again), len(partly.value.lost)) == (3, 0)
        assert rocketmq_emulator.counts(topic, topic)["backlog"] == 3
        rocketmq_emulator.heal()
        rocketmq_emulator.fail("AckMessage", "INVALID_RECEIPT_HANDLE", items=True, times=1)
        with pytest.raises(PartialFailure) as partly:
            await source.ack(again)
        assert (len(partly.value.again), len(partly.value.lost)) == (0, 1)


async def test_a_proxy_that_refuses_all_acknowledgements_is_told_the_settings_again(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """It may have lost them, and says so by an internal error; a partial failure is none of it."""
    topic = rocketmq_topic()
    await asyncio.to_thread(rocketmq_emulator.send, topic, ["x", "y"])
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        taken = await take(source, 2)

        def told() -> int:
            return len(rocketmq_emulator.requests("Telemetry"))

        before = told()
        rocketmq_emulator.fail("AckMessage", "INTERNAL_SERVER_ERROR", times=1)
        with pytest.raises(Disconnected, match="internal error"):
            await source.ack(taken)
        await until(lambda: told() > before)
        await source.ack(taken)
        assert rocketmq_emulator.counts(topic, topic)["backlog"] == 0


async def test_an_acknowledgement_after_the_lease_is_lost_without_a_question(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """RocketMQ would answer OK, and mean nothing by it."""
    topic = rocketmq_topic()
    await asyncio.to_thread(rocketmq_emulator.send, topic, ["x"])
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        (message,) = await take(source, 1)
        message.lease = 0.0
        with pytest.raises(PartialFailure) as late:
            await source.ack([message])
        assert late.value.lost == [message]
        assert rocketmq_emulator.counts(topic, topic)["backlog"] == 1


async def test_a_stream_that_breaks_in_the_middle_costs_no_message(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """What had come is handed out, the rest comes after its lease."""
    topic = rocketmq_topic()
    rocketmq_emulator.fail("ReceiveMessage", half=True, times=1)
    await asyncio.to_thread(rocketmq_emulator.send, topic, [str(n) for n in range(8)])
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        taken = await take(source, 8)
        assert {m.body for m in taken} == {b"%d" % n for n in range(8)}


async def test_a_stream_that_breaks_is_asked_for_again_in_an_ordered_group(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """With the same attempt id the locked queue's messages come at once, in their order."""
    topic = rocketmq_topic(kind="FIFO")
    rocketmq_emulator.create_group(topic, fifo=True)
    await asyncio.to_thread(rocketmq_emulator.send, topic, [str(n) for n in range(8)], group="g")
    rocketmq_emulator.fail("ReceiveMessage", grpc="UNAVAILABLE", performed=True, times=1)
    spec = manifest(rocketmq_emulator, topic, invisibleDuration="PT1H")
    async with opened(spec) as source:
        taken = await take(source, 8)
        assert [m.body for m in taken] == [b"%d" % n for n in range(8)]
        await source.ack(taken)


async def test_a_damaged_body_is_a_defect(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """It goes the dead-letter road instead of to the service."""
    topic = rocketmq_topic()
    await asyncio.to_thread(rocketmq_emulator.send, topic, ["x"])
    rocketmq_emulator.fail("ReceiveMessage", digest=True)
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        (message,) = await take(source, 1)
        assert message.defect is not None
        assert message.body == b"x"


async def test_what_waits_behind_a_released_message_goes_back_with_it(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """Part of a queue is with the flow, the rest here: none overtakes, and all comes again."""
    topic = rocketmq_topic(kind="FIFO")
    rocketmq_emulator.create_group(topic, fifo=True)
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        await _poll_for_many(source)
        await asyncio.to_thread(
            rocketmq_emulator.send, topic, [str(n) for n in range(6)], group="g"
        )
        first = await source.receive(1, ROOM)
        assert [m.body for m in first] == [b"0"]
        await source.release(first, 0.5, failed=True)
        again: list[Message] = []
        while len(again) < 6:  # the queue is now read one at a time, and is locked until it is done
            batch = await take(source, 1)
            await source.ack(batch)
            again += batch
        assert [m.body for m in again] == [b"%d" % n for n in range(6)]
        assert rocketmq_emulator.counts(topic, topic)["backlog"] == 0


async def test_closing_waits_no_second_time_for_polls(
    rocketmq_emulator: EmulatorProcess,
    rocketmq_topic: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `quiesce` has waited for in vain is cut by `close` at once."""
    async with opened(manifest(rocketmq_emulator, rocketmq_topic())) as source:
        await _poll_for_many(source)
        await source.quiesce()
        assert source.status()["polls"]
        monkeypatch.setattr("eventing_alibaba.sources.rocketmq.source._QUIESCING", 60.0)
        async with asyncio.timeout(5):
            await source.close()


async def test_a_paused_queue_waits_here(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """Nothing of it is handed out until it is resumed; then all, in order."""
    topic = rocketmq_topic(kind="FIFO")
    rocketmq_emulator.create_group(topic, fifo=True)
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        await _poll_for_many(source)
        await asyncio.to_thread(
            rocketmq_emulator.send, topic, [str(n) for n in range(6)], group="g"
        )
        (first,) = await source.receive(1, ROOM)
        source.pause([first.track])
        waiting = asyncio.create_task(take(source, 5))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        source.resume([first.track])
        assert [m.body for m in await waiting] == [b"%d" % n for n in range(1, 6)]


async def test_a_message_that_was_tried_often_enough_is_put_aside(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """After as many attempts as the group allows it is in the dead-letter topic, at once."""
    topic = rocketmq_topic()
    rocketmq_emulator.create_group(topic, max_retries=1)
    await asyncio.to_thread(rocketmq_emulator.send, topic, ["x"])
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        for attempt in (1, 2):
            (message,) = await take(source, 1)
            assert message.attempt == attempt
            await source.release([message], 0.0, failed=True)
        assert rocketmq_emulator.counts(topic, topic)["backlog"] == 0
        assert [m["body"] for m in rocketmq_emulator.messages(f"%DLQ%{topic}")] == ["x"]


async def test_an_illegal_filter_ends_the_source(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """Nothing but the manifest can cure it."""
    topic = rocketmq_topic()
    wrong = {"type": "sql92", "expression": "a = = ("}
    with pytest.raises(Misconfigured, match=r"spec\.filter\.expression"):
        async with opened(manifest(rocketmq_emulator, topic, filter=wrong)) as source:
            await take(source, 1)


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "tag", "expression": "a || b"},
        {"type": "sql92", "expression": "n > 1"},
    ],
)
async def test_a_filter_is_applied_by_the_broker(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], wanted: dict[str, str]
) -> None:
    """By tags and by SQL92."""
    topic = rocketmq_topic()

    def send() -> None:
        rocketmq_emulator.send(topic, ["no"], tag="c", properties={"n": "1"})
        rocketmq_emulator.send(topic, ["yes"], tag="b", properties={"n": "2"})

    await asyncio.to_thread(send)
    async with opened(manifest(rocketmq_emulator, topic, filter=wanted)) as source:
        assert [m.body for m in await take(source, 1)] == [b"yes"]


async def test_all_brokers_are_asked_and_one_that_is_away_holds_up_none() -> None:
    """Messages of two brokers come; of the one that is left, too, and of both when it is back."""
    with EmulatorProcess(brokers=2, topics=["spread"]) as rocketmq:
        flow = Listening()
        async with opened(manifest(rocketmq, "spread"), flow) as source:
            await asyncio.to_thread(rocketmq.send, "spread", [str(n) for n in range(64)])
            taken = await take(source, 64)
            assert len({receipt_of(m).link for m in taken}) == 2
            await source.ack(taken)
            names = sorted({m["broker"] for m in rocketmq.messages("spread")})
            waiting = asyncio.create_task(take(source, 1))
            await asyncio.to_thread(rocketmq.refuse, names[1])
            await until(lambda: flow.reasons)
            await asyncio.to_thread(rocketmq.accept, names[1])
            await until(lambda: flow.reasons[-1] is None)
            await asyncio.to_thread(rocketmq.send, "spread", ["x"])
            await source.ack(await waiting)
            assert rocketmq.counts("spread", "spread")["backlog"] == 0
