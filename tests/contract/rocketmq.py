"""RocketMQ as the contract suite is told about it, on the emulator."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

from eventing_alibaba.testing.contract import Ability, Harness, Produced
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess
from eventing_alibaba.testing.emulators.rocketmq.core.spread import bucket
from eventing_alibaba.testing.ledger import Ordering

_BATCH: Final = 200
_INVISIBLE: Final = 10
"""Seconds of a lease, the fewest that RocketMQ takes."""


class RocketmqHarness(Harness):
    """A topic and a group of its own."""

    kind: ClassVar[str] = "RocketMQSource"
    orderings: Sequence[Ordering] = ("unordered",)
    cannot: Mapping[Ability, str] = {
        "tracks": "outside of FIFO groups messages are acknowledged one by one, in any order",
    }
    patience = 25.0

    def __init__(self, emulator: EmulatorProcess, topic: str) -> None:
        self.topic = topic
        self._emulator = emulator
        self._produced = 0

    def spec(self, ordering: Ordering) -> dict[str, Any]:
        settings = self._emulator.settings
        return {
            "endpoints": self._emulator.endpoints,
            "topic": self.topic,
            "consumerGroup": self.topic,
            "invisibleDuration": f"PT{_INVISIBLE}S",
            "auth": {
                "username": {"value": settings["username"]},
                "password": {"value": settings["password"]},
            },
        }

    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        return await asyncio.to_thread(self._produce, count, size)

    async def backlog(self) -> int:
        counts = await asyncio.to_thread(self._emulator.counts, self.topic, self.topic)
        return counts["backlog"]

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
        self._emulator.fail("AckMessage", "INTERNAL_SERVER_ERROR")
        try:
            yield
        finally:
            self._emulator.heal()

    def _produce(self, count: int, size: int) -> list[Produced]:
        sent: list[Produced] = []
        for at in range(0, count, _BATCH):
            sent += self._send(min(_BATCH, count - at), size)
        return sent

    def _send(self, count: int, size: int) -> list[Produced]:
        numbers = range(self._produced, self._produced + count)
        self._produced = numbers.stop
        ids = self._emulator.send(self.topic, [body(n, size) for n in numbers])
        return [Produced(identity) for identity in ids]


class FifoHarness(RocketmqHarness):
    """A FIFO group: what is in order is the queue, whatever message groups are in it.

    RocketMQ hands out no more of a queue until all that it handed out is acknowledged. So tests
    that receive by hand and acknowledge at the end need a queue for each message; those with
    hundreds have several in each.
    """

    orderings: Sequence[Ordering] = ("ordered",)
    cannot: Mapping[Ability, str] = {
        "tracks": "a queue is locked until all that was received of it is acknowledged, so a track"
        " cannot be received in several steps by hand",
    }

    def __init__(self, emulator: EmulatorProcess, topic: str) -> None:
        super().__init__(emulator, topic)
        emulator.create_group(topic, fifo=True)

    def _send(self, count: int, size: int) -> list[Produced]:
        numbers = range(self._produced, self._produced + count)
        self._produced = numbers.stop
        sent: list[Produced] = []
        for at, name in enumerate(_GROUPS):
            mine = [n for n in numbers if n % len(_GROUPS) == at]
            if mine:
                ids = self._emulator.send(self.topic, [body(n, size) for n in mine], group=name)
                sent += [Produced(identity, track=name, key=name) for identity in ids]
        return sent


QUEUES: Final = 64


def _groups() -> list[str]:
    """Return names of message groups that are in a queue each."""
    found: dict[int, str] = {}
    for number in itertools.count():
        name = f"g{number}"
        found.setdefault(bucket(name, QUEUES), name)
        if len(found) == QUEUES:
            return list(found.values())
    raise AssertionError


_GROUPS: Final = _groups()


def body(number: int, size: int) -> str:
    return f"{number}".ljust(size, ".")
