"""A source between flow and source: everything goes through, and what went through is known.

It also looks after the one promise that only this place can see: `receive` keeps to its limit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl, Source


class Watched:
    """A `Source` that passes everything on to another.

    Attributes:
        received: messages handed out, in order.
        acked: messages whose acknowledgement the source has taken, in order.
        released: messages given back, in order.
        faults: sentences about promises that were broken.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.received: list[Message] = []
        self.acked: list[Message] = []
        self.released: list[Message] = []
        self.faults: list[str] = []

    async def open(self, flow: FlowControl) -> None:
        """Pass on."""
        await self._source.open(flow)

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        """Pass on; look at the limit."""
        batch = await self._source.receive(limit, max_bytes)
        if len(batch) > limit:
            self.faults.append(f"receive({limit}) returned {len(batch)} messages")
        self.received += batch
        return batch

    async def ack(self, messages: Sequence[Message]) -> None:
        """Pass on; note what was taken."""
        await self._source.ack(messages)
        self.acked += messages

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Pass on; note what was taken."""
        await self._source.release(messages, delay, failed=failed)
        self.released += messages

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        """Pass on."""
        return await self._source.extend(messages, seconds)

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Pass on."""
        self._source.pause(tracks)

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Pass on."""
        self._source.resume(tracks)

    async def quiesce(self) -> Sequence[Message]:
        """Pass on; note what it brought."""
        brought = await self._source.quiesce()
        self.received += brought
        return brought

    async def close(self) -> None:
        """Pass on."""
        await self._source.close()

    def event(self, message: Message) -> Event | Sequence[Event]:
        """Pass on."""
        return self._source.event(message)

    def __repr__(self) -> str:
        return f"<Watched {self._source!r} received={len(self.received)} acked={len(self.acked)}>"
