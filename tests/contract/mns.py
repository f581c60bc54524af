"""MNS as the contract suite is told about it, on the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

from eventing_alibaba.testing.contract import Ability, Harness, Produced
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.ledger import Ordering

VISIBILITY: Final = 6
"""Seconds of a lease: long enough for a busy machine, short enough to wait for its end."""

_BATCH: Final = 200
_GROUPS: Final = 50
"""Of a FIFO queue one message of each group may be out at once, and tests take up to 40."""


class MnsHarness(Harness):
    """A queue of its own."""

    kind: ClassVar[str] = "MnsSource"
    orderings: Sequence[Ordering] = ("unordered",)
    cannot: Mapping[Ability, str] = {
        "tracks": "messages of MNS are acknowledged one by one, in any order",
    }

    def __init__(self, emulator: EmulatorProcess, queue: str, *, fifo: bool = False) -> None:
        self.queue = queue
        self._emulator = emulator
        self._fifo = fifo
        self._produced = 0

    def spec(self, ordering: Ordering) -> dict[str, Any]:
        settings = self._emulator.settings
        return {
            "endpoint": self._emulator.endpoint,
            "queue": self.queue,
            "auth": {
                "accessKeyId": {"value": settings["accessKeyId"]},
                "accessKeySecret": {"value": settings["accessKeySecret"]},
            },
            "waitSeconds": 2,
        }

    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        return await asyncio.to_thread(self._produce, count, size)

    async def backlog(self) -> int:
        counts = await asyncio.to_thread(self._emulator.counts, self.queue)
        return counts["active"] + counts["inactive"] + counts["delayed"]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._emulator.refuse)
        try:
            yield
        finally:
            await asyncio.to_thread(self._emulator.accept)

    @asynccontextmanager
    async def slow(self, seconds: float) -> AsyncIterator[None]:
        self._emulator.fail(delay=seconds)
        try:
            yield
        finally:
            self._emulator.heal()

    @asynccontextmanager
    async def refusing_acks(self) -> AsyncIterator[None]:
        self._emulator.fail("*DeleteMessage", "InternalError")
        try:
            yield
        finally:
            self._emulator.heal()

    def _produce(self, count: int, size: int) -> list[Produced]:
        sent: list[Produced] = []
        for at in range(0, count, _BATCH):
            numbers = range(self._produced, self._produced + min(_BATCH, count - at))
            self._produced = numbers.stop
            if not self._fifo:
                ids = self._emulator.send(self.queue, [_body(n, size) for n in numbers])
                sent += [Produced(identity) for identity in ids]
                continue
            for group in range(min(_GROUPS, len(numbers))):
                name = f"g{(numbers.start + group) % _GROUPS}"
                bodies = [_body(n, size) for n in numbers[group::_GROUPS]]
                ids = self._emulator.send(self.queue, bodies, group=name)
                sent += [Produced(identity, track=name) for identity in ids]
        return sent


def _body(number: int, size: int) -> str:
    return f"{number}".ljust(size, ".")
