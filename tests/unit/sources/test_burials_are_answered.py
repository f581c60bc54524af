"""Whoever gives a dead letter away hears of it, whatever happens to it."""

from __future__ import annotations

import asyncio

import pytest

from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.sources.burials import Burials


async def test_what_the_broker_said_is_told() -> None:
    """None where it was taken, else its sentence; each with its own token."""
    heard: asyncio.Queue[tuple[int, NotTaken | None]] = asyncio.Queue()
    burials = Burials()

    async def sending(said: str | None) -> str | None:
        return said

    for token, said in enumerate((None, "the queue is not there")):
        burials.begin(sending(said), lambda *told: heard.put_nowait(told), token)
    assert await heard.get() == (0, None)
    assert await heard.get() == (1, NotTaken("the queue is not there"))
    assert len(burials) == 0


async def test_a_defect_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is logged, and the message is not held for ever."""
    heard: asyncio.Queue[tuple[str, NotTaken | None]] = asyncio.Queue()
    burials = Burials()

    async def sending() -> str | None:
        raise ValueError("an answer that cannot be read")

    burials.begin(sending(), lambda *told: heard.put_nowait(told), "token")
    token, said = await heard.get()
    assert token == "token"
    assert said is not None
    assert "a defect of the adapter" in said.reason
    assert "a dead letter was not sent" in caplog.text


async def test_a_close_is_an_answer_too() -> None:
    """What is under way is cancelled, and told as not sent; more than sixteen do not begin."""
    heard: list[tuple[int, NotTaken | None]] = []
    burials = Burials()

    async def sending() -> str | None:
        await asyncio.Event().wait()
        return None

    for token in range(16):
        assert not burials.full
        burials.begin(sending(), lambda *told: heard.append(told), token)
    assert burials.full
    await burials.close()
    assert heard == [(token, NotTaken("the adapter stops")) for token in range(16)]
