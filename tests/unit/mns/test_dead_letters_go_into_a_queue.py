"""`delivery.deadLetterSink.mns`: what is written, what is said where that fails, the way back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.cli.main import main
from eventing_alibaba.contract.deadletter import UNDECODABLE
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.contract.structured import read_structured
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.sources.mns.deadletter import MnsDeadLetters, body_of
from eventing_alibaba.sources.mns.spec import MnsSourceSpec
from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess

_REASONS = {"knativeerrordest": "http://x/", "knativeerrorcode": 400, "knativeerrordata": "bm8="}


def _event(data: bytes = b'{"n": 1.10}', **changes: Any) -> Event:
    given: dict[str, Any] = {
        "id": "1",
        "source": "acs:mns",
        "type": "t",
        "data": data,
        "datacontenttype": "application/json",
        "extensions": {"mnsqueue": "orders", **_REASONS},
    }
    return Event(**{**given, **changes})


def _spec(mns: EmulatorProcess, queue: str, dead: str, **fields: Any) -> dict[str, Any]:
    key = {"value": "test"}
    return {
        "endpoint": mns.endpoint,
        "queue": queue,
        "auth": {"accessKeyId": key, "accessKeySecret": key},
        "delivery": {"deadLetterSink": {"mns": {"queue": dead}}},
        **fields,
    }


def _target(mns: EmulatorProcess, queue: str) -> MnsDeadLetters:
    spec = MnsSourceSpec.model_validate(_spec(mns, "orders", queue))
    return MnsDeadLetters(spec, Context("MnsSource", "default", "x", SecretResolver()), queue)


@pytest.fixture
async def into(mns_emulator: EmulatorProcess) -> AsyncIterator[Callable[[str], MnsDeadLetters]]:
    """A function that makes a target."""
    made: list[MnsDeadLetters] = []

    def make(queue: str) -> MnsDeadLetters:
        made.append(_target(mns_emulator, queue))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def _told(target: MnsDeadLetters, event: Event) -> str | None:
    done: asyncio.Future[NotTaken | None] = asyncio.get_running_loop().create_future()
    assert target.send(event, lambda _, why: done.set_result(why), None)
    why = await asyncio.wait_for(done, 10)
    return None if why is None else why.reason


async def test_the_event_is_the_body(
    mns_emulator: EmulatorProcess,
    mns_queue: Callable[..., str],
    into: Callable[[str], MnsDeadLetters],
) -> None:
    """All of it, the reasons included; it is told as safe when the queue has it."""
    queue = mns_queue()
    assert await _told(into(queue), _event()) is None
    (message,) = mns_emulator.messages(queue)
    event = read_structured(message["body"].encode())
    assert event is not None
    assert (event.id, event.data) == ("1", b'{"n": 1.10}')
    assert event.extensions == {"mnsqueue": "orders", **_REASONS}


@pytest.mark.parametrize("data", [b"\x00\xff", "\ufffe\uffff\u0007 é".encode(), b'"\xef\xbf\xbf"'])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_any_data_fits_into_xml(
    mns_emulator: EmulatorProcess,
    mns_queue: Callable[..., str],
    into: Callable[[str], MnsDeadLetters],
    data: bytes,
    content_type: str | None,
) -> None:
    """Bytes, and characters that XML has not, come back as they were."""
    queue = mns_queue()
    assert await _told(into(queue), _event(data, datacontenttype=content_type)) is None
    (message,) = mns_emulator.messages(queue)
    event = read_structured(message["body"].encode())
    assert event is not None
    if event.data != data:  # a JSON string, in which a character may stand as an escape
        assert json.loads(event.data or b"") == json.loads(data)


async def test_a_queue_that_is_not_there_is_named(into: Callable[[str], MnsDeadLetters]) -> None:
    """The sentence has the field in which the name stands; the event counts as not safe."""
    told = await _told(into("nowhere"), _event())
    assert told is not None
    assert "there is no queue nowhere" in told
    assert "spec.delivery.deadLetterSink.mns.queue" in told


async def test_what_is_too_large_is_told(
    mns_queue: Callable[..., str], into: Callable[[str], MnsDeadLetters]
) -> None:
    """An event that the queue does not take is not lost: it is told as not safe, with why."""
    told = await _told(into(mns_queue(maximum_message_size=1024)), _event(b"x" * 2000))
    assert told is not None
    assert "does not take a message" in told
    assert "MaximumMessageSize" in told


async def test_a_close_tells_what_is_under_way(
    mns_emulator: EmulatorProcess,
    mns_queue: Callable[..., str],
    into: Callable[[str], MnsDeadLetters],
) -> None:
    """Nothing that was taken is left without a word."""
    queue = mns_queue()
    mns_emulator.fail("BatchSendMessage", cut="never", queue=queue)
    target, told = into(queue), list[NotTaken | None]()
    for number in range(16):
        assert target.send(_event(id=str(number)), lambda _, why: told.append(why), None)
    assert not target.send(_event(), lambda *_: None, None), "it takes more than it has room for"
    await asyncio.sleep(0)
    await target.close()
    await asyncio.sleep(0)
    assert told == [NotTaken("the adapter stops")] * 16


@pytest.mark.parametrize("encoding", ["auto", "base64", "raw"])
def test_they_come_back_as_the_events_that_they_were(
    mns_emulator: EmulatorProcess, mns_queue: Callable[..., str], tmp_path: Path, encoding: str
) -> None:
    """Refused, set aside, brought back and accepted: the same id, and no word of the refusal."""
    queue, dead = mns_queue(), mns_queue()
    with SinkProcess(default=Answer(status=400), keep=10) as sink:
        spec = _spec(mns_emulator, queue, dead, sink={"uri": sink.url}, bodyEncoding=encoding)
        source = manifest("MnsSource", spec)
        body = '{"n":1}' if encoding != "base64" else base64.b64encode(b'{"n":1}').decode()
        (identity,) = mns_emulator.send(queue, [body])
        file = tmp_path / "source.json"
        file.write_text(json.dumps(source))
        with AdapterProcess(source) as adapter:
            sink.wait_recorded(1, timeout=20.0)
            adapter.wait_status(lambda status: status["counters"]["settled"].get("acked") == 1)
            sink.set_default(Answer(status=204))
            assert main(["redrive", "-f", str(file), "--from", dead]) == 0
            sink.wait_delivered(1, timeout=20.0)
            assert adapter.stop() == 0
        assert mns_emulator.messages(queue) == []
        refused, accepted = sink.events()
    assert refused["attributes"]["id"] == accepted["attributes"]["id"] == identity
    assert accepted["bytes"] == len(b'{"n":1}')
    assert not [name for name in accepted["attributes"] if name.startswith("knativeerror")]


@pytest.mark.parametrize(
    ("event", "fields", "body"),
    [
        (_event(b"hello", datacontenttype="text/plain"), {"event": {"format": "raw"}}, "hello"),
        (_event(b"%%", type=UNDECODABLE), {"bodyEncoding": "base64"}, "%%"),
    ],
)
def test_what_is_no_event_goes_back_as_its_data(
    mns_emulator: EmulatorProcess,
    mns_queue: Callable[..., str],
    tmp_path: Path,
    event: Event,
    fields: dict[str, Any],
    body: str,
) -> None:
    """A source that sends bodies alone gets the body; what could not be decoded, as it was."""
    queue, dead = mns_queue(), mns_queue()
    mns_emulator.send(dead, [body_of(event, fields.get("bodyEncoding", "auto")), "somebody's own"])
    file = tmp_path / "source.json"
    file.write_text(json.dumps(manifest("MnsSource", _spec(mns_emulator, queue, dead, **fields))))
    assert main(["redrive", "-f", str(file), "--from", dead]) == 0
    assert [one["body"] for one in mns_emulator.messages(queue)] == [body, "somebody's own"]
