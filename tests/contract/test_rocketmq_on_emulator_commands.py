"""What `check`, `send` and `redrive` do to a topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.rocketmq.made import context_of
from tests.unit.rocketmq.opened import manifest, opened, take

from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.contract.redrive import Progress, Unredrivable, Wish
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.sources.rocketmq import redrive as redriving
from eventing_alibaba.sources.rocketmq.messages import receipt_of
from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess


async def _asked(spec: RocketMQSourceSpec) -> dict[str, str]:
    """Return what each step of a check said: its answer, or the reason of its failure."""
    said = {}
    async for step in spec.check(context_of(spec)):
        name = " ".join(step.name.split()[:1])
        try:
            said[name] = await step.ask()
        except SourceError as error:
            said[name] = error.reason
    return said


async def test_a_check_leaves_messages_where_they_are(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """All is well, and the message that is there is to be had at once."""
    topic = rocketmq_topic()
    rocketmq_emulator.create_group(topic)
    await asyncio.to_thread(rocketmq_emulator.send, topic, ["x"])
    assert await _asked(manifest(rocketmq_emulator, topic)) == {
        "login": "given",
        "topic": "4 queues at 1 broker, messages of type NORMAL",
        "consumer": "messages in any order, 17 deliveries at most",
        "filter": "",
        "right": "",
    }
    async with opened(manifest(rocketmq_emulator, topic)) as source:
        async with asyncio.timeout(5):  # half of what it would be invisible had it been taken
            await source.ack(await take(source, 1))


@pytest.mark.parametrize(
    ("fields", "step", "reason"),
    [
        ({"topic": "nothing"}, "topic", "TopicNotFound"),
        ({"endpoints": "127.0.0.1:1"}, "topic", "CannotConnect"),
        ({"endpoints": "nowhere.invalid:8081"}, "topic", "HostNotFound"),
        ({"tls": {"enable": True}}, "topic", "TlsRefused"),
        (
            {"auth": {"username": {"value": "test"}, "password": {"value": "wrong"}}},
            "topic",
            "Unauthorized",
        ),
        ({"auth": {"username": {"env": "NO"}, "password": {"value": "x"}}}, "login", None),
        ({"filter": {"type": "sql92", "expression": "a = = ("}}, "filter", "IllegalFilter"),
    ],
)
async def test_a_check_names_the_cause(
    rocketmq_emulator: EmulatorProcess,
    rocketmq_topic: Callable[..., str],
    fields: dict[str, Any],
    step: str,
    reason: str | None,
) -> None:
    """Each in the step that it belongs to, and nothing is asked that makes no sense after it."""
    topic = rocketmq_topic()
    said = await _asked(manifest(rocketmq_emulator, topic, **fields))
    assert said[step] == (reason or "SecretMissing")
    if step != "filter":
        assert list(said)[-1] == step


async def test_a_group_that_there_is_not_is_found_by_a_check() -> None:
    """Where groups are not made by themselves, the question for no messages tells."""
    with EmulatorProcess(topics=["t"], groups=["other"], make_groups=False) as rocketmq:
        said = await _asked(manifest(rocketmq, "t"))
    assert "ConsumerGroupNotFound" in said.values()


async def test_messages_are_sent_and_received(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """Key, tag, keys and properties arrive as they were given."""
    topic = rocketmq_topic()
    spec = manifest(rocketmq_emulator, topic)
    sender = spec.sender(context_of(spec), None)
    await sender.open()
    try:
        headers = [("tag", b"paid"), ("keys", b"k2"), ("tenant", b"t")]
        assert await sender.send([Outgoing(b"x", b"k1", headers)]) == [None]
    finally:
        await sender.close()
    async with opened(spec) as source:
        (message,) = await take(source, 1)
        event: Any = source.event(message)
        assert (event.subject, event.extensions["rocketmqkeys"]) == ("paid", "k1 k2")
        assert message.attributes == (("tenant", "t"),)


async def test_messages_of_an_ordered_topic_keep_the_order_of_their_key(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """A key is the message group there, and one that is missing is made up for."""
    topic = rocketmq_topic(kind="FIFO")
    rocketmq_emulator.create_group(topic, fifo=True)
    spec = manifest(rocketmq_emulator, topic)
    sender = spec.sender(context_of(spec), None)
    await sender.open()
    try:
        sent = [Outgoing(b"%d" % n, b"g") for n in range(40)]
        assert set(await sender.send([*sent, Outgoing(b"bare")])) == {None}
    finally:
        await sender.close()
    stored = rocketmq_emulator.messages(topic)
    mine = sorted((m for m in stored if m["group"] == "g"), key=lambda m: int(m["offset"]))
    assert [m["body"] for m in mine] == [str(n) for n in range(40)]


async def test_what_cannot_be_sent_is_said(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """Another topic, a body that is too large, a header that is no text."""
    topic = rocketmq_topic()
    spec = manifest(rocketmq_emulator, topic)
    with pytest.raises(Unsendable, match="one topic"):
        spec.sender(context_of(spec), "other")
    sender = spec.sender(context_of(spec), None)
    for message in (Outgoing(bytes(5_000_000)), Outgoing(b"x", None, [("a", b"\xff")])):
        with pytest.raises(Unsendable):
            await sender.send([message])


async def _redriven(spec: RocketMQSourceSpec, wish: Wish) -> list[Progress]:
    return [progress async for progress in spec.redrive(context_of(spec), wish)]


async def test_dead_letters_come_back(
    rocketmq_emulator: EmulatorProcess,
    rocketmq_topic: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With id, tag, keys and properties as they were; and only as many as were asked for."""
    monkeypatch.setattr(redriving, "_INVISIBLE", 0.0)
    monkeypatch.setattr(redriving, "_MARGIN", 0.0)
    topic = rocketmq_topic()
    rocketmq_emulator.create_group(topic, max_retries=0)
    ids = await asyncio.to_thread(
        rocketmq_emulator.send, topic, ["a", "b", "c"], tag="t", keys=["k"], properties={"p": "v"}
    )
    spec = manifest(rocketmq_emulator, topic)
    async with opened(spec) as source:
        await source.release(await take(source, 3), 0.0, failed=True)
    monkeypatch.setattr(redriving, "_INVISIBLE", 10.0)
    progress = await _redriven(spec, Wish(f"%DLQ%{topic}", most=2))
    assert progress[-1].moved == 2
    rocketmq_emulator.create_group(topic)
    async with opened(spec) as source:
        back = await take(source, 2)
        assert {m.id for m in back} < set(ids)
        assert back[0].attributes == (("p", "v"),)
        assert receipt_of(back[0]).tag == "t"
        await source.ack(back)


async def test_what_cannot_be_redriven_is_said(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """The topic itself, a dry run, and a topic that there is not."""
    topic = rocketmq_topic()
    spec = manifest(rocketmq_emulator, topic)
    with pytest.raises(Unredrivable, match="%DLQ%"):
        await _redriven(spec, Wish(topic))
    with pytest.raises(Unredrivable, match="dry-run"):
        await _redriven(spec, Wish("%DLQ%x", dry_run=True))
    with pytest.raises(Unavailable, match="--from"):
        await _redriven(spec, Wish("%DLQ%nothing"))
