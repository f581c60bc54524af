"""RocketMQ as the contract suite is told about it, on a real cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from tests.contract.rocketmq import QUEUES, FifoHarness
from tests.real.rocketmq.place import Place
from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.testing.contract import Ability, Harness, Produced
from eventing_alibaba.testing.ledger import Ordering


class RocketHarness(Harness):
    """A topic of a cluster whose proxy a test may take away.

    The proxy and not the broker, which has forgotten some acknowledgements when it comes back: the
    suite wants to see no message twice.
    """

    kind: ClassVar[str] = "RocketMQSource"
    cannot: Mapping[Ability, str] = {
        "tracks": "messages of an ordinary topic are acknowledged one by one, in any order",
        "refuse acks": "a real broker refuses no acknowledgements alone",
    }
    patience = 45.0

    def __init__(self, server: RocketServer, *, fifo: bool = False, queues: int = 2) -> None:
        self._place = Place(server, "contract", fifo=fifo, queues=queues)
        self._server = server

    def spec(self, ordering: Ordering) -> dict[str, Any]:
        return self._place.spec()

    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        written = await asyncio.to_thread(self._place.send, count, size=size)
        return [
            Produced(message.id, track=str(message.queue) if self._place.fifo else None)
            for message in written
        ]

    async def backlog(self) -> int:
        return await asyncio.to_thread(self._place.backlog)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.kill, "proxy")
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)

    @asynccontextmanager
    async def slow(self, seconds: float) -> AsyncIterator[None]:
        stuttering = asyncio.create_task(self._stutter(seconds))
        try:
            yield
        finally:
            stuttering.cancel()
            await asyncio.wait([stuttering])

    async def _stutter(self, seconds: float) -> None:
        """Let the proxy's clock stand still half of the time."""
        while True:
            self._server.freeze("proxy")
            try:
                await asyncio.sleep(seconds)
            finally:
                self._server.thaw("proxy")
            await asyncio.sleep(seconds)


class OrderedHarness(RocketHarness):
    """A FIFO topic and group: each queue in its order; see `FifoHarness` for how many."""

    orderings: Sequence[Ordering] = ("ordered",)
    cannot: Mapping[Ability, str] = {**RocketHarness.cannot, **FifoHarness.cannot}

    def __init__(self, server: RocketServer) -> None:
        super().__init__(server, fifo=True, queues=QUEUES)
