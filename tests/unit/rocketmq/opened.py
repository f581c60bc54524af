"""Sources of an emulator, opened and closed by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.unit.rocketmq.made import context_of, spec_of

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq.source import RocketMQSource
from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec
from eventing_alibaba.testing.contract.solo import QuietFlow
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

PATIENCE = 20.0
ROOM = 32 * 1024 * 1024


class Listening(QuietFlow):
    """A flow that remembers what is reported; `reasons` has None for "well again"."""

    def __init__(self) -> None:
        self.reasons: list[str | None] = []

    def report(self, error: SourceError | None) -> None:
        """Remember."""
        self.reasons.append(None if error is None else error.reason)


def manifest(rocketmq: EmulatorProcess, name: str, /, **fields: Any) -> RocketMQSourceSpec:
    """Return a spec of a topic of the emulator, and of a group of its name."""
    settings = rocketmq.settings
    auth = {
        "username": {"value": settings["username"]},
        "password": {"value": settings["password"]},
    }
    own = {"endpoints": rocketmq.endpoints, "topic": name, "consumerGroup": name, "auth": auth}
    return spec_of(**{**own, "invisibleDuration": "PT10S", **fields})


@asynccontextmanager
async def opened(
    spec: RocketMQSourceSpec, flow: QuietFlow | None = None
) -> AsyncIterator[RocketMQSource]:
    """An open source."""
    source = RocketMQSource(spec, context_of(spec))
    try:
        async with asyncio.timeout(PATIENCE):
            await source.open(flow or QuietFlow())
        yield source
    finally:
        async with asyncio.timeout(PATIENCE):
            await source.close()


async def take(source: RocketMQSource, count: int) -> list[Message]:
    """Receive exactly so many."""
    taken: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        while len(taken) < count:
            taken += await source.receive(count - len(taken), ROOM)
    return taken


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
