"""A dead-letter sink over HTTP: safe after a 2xx; anything else says why, and for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.sink.test_a_process_makes_its_sink import made
from tests.wire.scripted import OK, Scripted, answering

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.runtime.destination import SinkAddress
from eventing_alibaba.sink.deadletter import HttpDeadLetters


@pytest.mark.parametrize(
    ("answer", "retry_after"),
    [
        (b"429 Slow\r\nRetry-After: 7", 7.0),
        (b"503 Away\r\nRetry-After: 7", 7.0),
        (b"503 Away", None),
        (b"400 No\r\nRetry-After: 7", None),
    ],
)
async def test_what_a_dead_letter_sink_answers_is_passed_on(
    tmp_path: Path, answer: bytes, retry_after: float | None
) -> None:
    """A sentence with its status, and how long it wants to be left alone; then it is safe."""
    refusal = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % answer
    async with Scripted(answering(refusal, OK)) as server:
        target = HttpDeadLetters(made(tmp_path, SinkAddress(server.url), dead_letters=True))
        told: asyncio.Queue[NotTaken | None] = asyncio.Queue()

        async def sent() -> NotTaken | None:
            event = Event("1", "/s", "t", b"")
            assert target.send(event, lambda _, why: told.put_nowait(why), None)
            return await told.get()

        why = await sent()
        assert why is not None
        assert answer[:3].decode() in why.reason
        assert why.retry_after == retry_after
        assert await sent() is None
        await target.close()
