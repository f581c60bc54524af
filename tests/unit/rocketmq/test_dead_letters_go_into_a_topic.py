"""`delivery.deadLetterSink.rocketmq`: what is written, what is said where that fails, the way back.

The way back waits for what another may hold; the real cluster's test has it as a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from tests.unit.rocketmq.made import context_of, mapper, message, row, spec_of
from tests.unit.rocketmq.opened import manifest

from eventing_alibaba.contract.deadletter import UNDECODABLE
from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.redrive import Wish
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.contract.validation import Invalid
from eventing_alibaba.sources.rocketmq import redrive as redriving
from eventing_alibaba.sources.rocketmq.deadletter import (
    RocketMQDeadLetters,
    draft_of,
    is_buried,
    unburied,
)
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

_REASONS = {"knativeerrordest": "http://x/", "knativeerrorcode": 400, "knativeerrordata": "bm8="}

Into = Callable[[str], RocketMQDeadLetters]


def _event(data: bytes | None = b'{"n": 1.10}', **changes: Any) -> Event:
    own = {"rocketmqtopic": "orders", "rocketmqkeys": "k1 k2", "rocketmqgroup": "g", "ok": True}
    given: dict[str, Any] = {
        "id": "1",
        "source": "rocketmq://x/orders",
        "type": "t",
        "data": data,
        "datacontenttype": "application/json",
        "subject": "paid",
        "extensions": {**own, **_REASONS},
    }
    return Event(**{**given, **changes})


def _back(event: Event, *, raw: bool = False) -> Event:
    """Return the event that a source makes of a dead letter that was brought back."""
    draft = draft_of(event)
    assert is_buried(draft)
    draft = unburied(draft, raw=raw)
    given = row(draft.body, properties=dict(draft.properties), message_id=draft.id)
    return mapper({"format": "raw"} if raw else None).event(message(given))


@pytest.fixture
async def into(rocketmq_emulator: EmulatorProcess) -> AsyncIterator[Into]:
    """A function that makes a target."""
    made: list[RocketMQDeadLetters] = []

    def make(topic: str) -> RocketMQDeadLetters:
        spec = manifest(rocketmq_emulator, "orders")
        made.append(RocketMQDeadLetters(spec, context_of(spec), topic))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def _told(target: RocketMQDeadLetters, event: Event) -> str | None:
    done: asyncio.Future[NotTaken | None] = asyncio.get_running_loop().create_future()
    assert target.send(event, lambda _, why: done.set_result(why), None)
    why = await asyncio.wait_for(done, 20)
    return None if why is None else why.reason


@pytest.mark.parametrize("data", [b'{"n": 1.10}', b"\x00\xff", None])
def test_an_event_comes_back_as_it_was(data: bytes | None) -> None:
    """Data to the byte, attributes as texts, and no word of the refusal."""
    back = _back(_event(data))
    assert back.extensions == {
        "rocketmqtopic": "orders",
        "rocketmqkeys": "k1 k2",
        "rocketmqgroup": "g",
        "ok": "true",
    }
    assert asdict(replace(back, extensions={})) == asdict(_event(data, extensions={}))


def test_a_document_comes_back_as_it_was() -> None:
    """An event in a format that is passed on unread stays that document, under its content type."""
    avro = "application/cloudevents+avro"
    extensions = {"knativeerrordest": "http://x/"}
    event = _event(b"\x01", structured=True, datacontenttype=avro, extensions=extensions)
    back = _back(event)
    assert (back.structured, back.datacontenttype, back.data) == (True, avro, b"\x01")


@pytest.mark.parametrize(
    ("event", "raw", "content_type"),
    [
        (_event(b"%%"), True, "application/json"),
        (_event(b"%%", type=UNDECODABLE, datacontenttype="application/octet-stream"), False, None),
    ],
    ids=["raw", "undecodable"],
)
def test_what_is_no_event_goes_back_as_its_data(
    event: Event, raw: bool, content_type: str | None
) -> None:
    """A source that sends bodies alone gets the body; what could not be decoded, as it was."""
    draft = unburied(draft_of(event), raw=raw)
    assert (draft.body, draft.id, draft.tag) == (b"%%", "1", "paid")
    told = {} if content_type is None else {"content-type": content_type}
    assert draft.properties == told


async def test_the_event_is_the_message(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], into: Into
) -> None:
    """Attributes are properties, and it is told as safe when the topic has it."""
    topic = rocketmq_topic()
    assert await _told(into(topic), _event()) is None
    (stored,) = rocketmq_emulator.messages(topic)
    assert (stored["body"], stored["tag"], stored["group"]) == ('{"n": 1.10}', "paid", None)
    assert stored["keys"] == ["k1", "k2"]
    assert stored["properties"]["CE_id"] == "1"
    assert stored["properties"]["CE_knativeerrorcode"] == "400"


async def test_an_ordered_topic_gets_a_message_group(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], into: Into
) -> None:
    """The one the event had, or one that is made up, or RocketMQ would not take it."""
    topic = rocketmq_topic(kind="FIFO")
    target = into(topic)
    assert await _told(target, _event()) is None
    assert await _told(target, _event(extensions=_REASONS)) is None
    assert {one["group"] for one in rocketmq_emulator.messages(topic)} == {"g", "default"}


async def test_a_topic_that_is_not_there_is_named_and_waited_for(
    rocketmq_emulator: EmulatorProcess, into: Into
) -> None:
    """The sentence has the field in which the name stands; when it is made, it is written to."""
    target = into("made-later")
    told = await _told(target, _event())
    assert told is not None
    assert "there is no topic made-later" in told
    assert "spec.delivery.deadLetterSink.rocketmq.topic" in told
    rocketmq_emulator.create_topic("made-later")
    assert await _told(target, _event()) is None


async def test_a_proxy_that_forgot_us_is_greeted_anew(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], into: Into
) -> None:
    """A failure costs one attempt; what is sent after it goes by a new producer."""
    topic = rocketmq_topic()
    target = into(topic)
    assert await _told(target, _event()) is None
    rocketmq_emulator.fail("SendMessage", "INTERNAL_SERVER_ERROR", topic=topic, times=1)
    assert await _told(target, _event()) is not None
    assert await _told(target, _event()) is None
    rocketmq_emulator.restart()
    told = [await _told(target, _event()) for _ in range(3)]
    assert told[-1] is None
    assert len(rocketmq_emulator.messages(topic)) == 2 + told.count(None)


async def test_what_is_too_large_is_told(rocketmq_topic: Callable[..., str], into: Into) -> None:
    """An event that RocketMQ does not take is told as not safe, with why; others go on."""
    target = into(rocketmq_topic())
    told = await _told(target, _event(bytes(5 << 20)))
    assert told is not None
    assert "4 MiB" in told
    assert await _told(target, _event()) is None


async def test_a_close_tells_what_is_under_way(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str], into: Into
) -> None:
    """Nothing that was taken is left without a word."""
    topic = rocketmq_topic()
    rocketmq_emulator.fail("SendMessage", topic=topic, delay=60)
    target, told = into(topic), list[NotTaken | None]()
    for number in range(16):
        assert target.send(_event(id=str(number)), lambda _, why: told.append(why), None)
    assert not target.send(_event(), lambda *_: None, None), "it takes more than it has room for"
    await asyncio.sleep(0)
    await target.close()
    await asyncio.sleep(0)
    assert told == [NotTaken("the adapter stops")] * 16


async def test_check_looks_at_the_topic(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """That it is there, and by its field where it is not."""
    topic, dead = rocketmq_topic(), rocketmq_topic()
    rocketmq_emulator.create_group(topic)
    said: dict[str, str] = {}
    for name in (dead, "nowhere"):
        sink = {"deadLetterSink": {"rocketmq": {"topic": name}}}
        spec = manifest(rocketmq_emulator, topic, delivery=sink)
        async for step in spec.check(context_of(spec)):
            try:
                said[step.name] = await step.ask()
            except SourceError as error:
                said[step.name] = str(error)
    assert said[f"dead-letter topic {dead}"] == "4 queues"
    assert "deadLetterSink.rocketmq.topic" in said["dead-letter topic nowhere"]


async def test_dead_letters_are_redriven(
    rocketmq_emulator: EmulatorProcess,
    rocketmq_topic: Callable[..., str],
    into: Into,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Into the source's topic, with the tag its filter wants and without why they were dead."""
    monkeypatch.setattr(redriving, "_MARGIN", -15.0)
    topic, dead = rocketmq_topic(), rocketmq_topic()
    assert await _told(into(dead), _event()) is None
    spec = manifest(rocketmq_emulator, topic)
    moved = [one.moved async for one in spec.redrive(context_of(spec), Wish(dead, most=1))]
    assert moved[-1] == 1
    (stored,) = rocketmq_emulator.messages(topic)
    assert (stored["tag"], stored["group"], stored["properties"]["CE_id"]) == ("paid", None, "1")
    assert not [name for name in stored["properties"] if name.startswith("CE_knativeerror")]


@pytest.mark.parametrize(
    ("sink", "told"),
    [
        ({"rocketmq": {"topic": "orders"}}, "name another one"),
        ({"mns": {"queue": "d"}}, "write `rocketmq`, or `uri`"),
        ({"rocketmq": {"topic": "d"}, "kafka": {"topic": "d"}}, "exactly one of"),
    ],
)
def test_places_that_make_no_sense_are_refused(sink: dict[str, Any], told: str) -> None:
    """The source's own topic, another broker's place, two places."""
    with pytest.raises(Invalid, match=told):
        spec_of(delivery={"deadLetterSink": sink})
