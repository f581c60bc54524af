"""Sources that break one promise each, so that the suite can be seen to find it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence

from tests.contract.shelf import Item, ShelfSource

from eventing_alibaba.contract.errors import PartialFailure
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl, Source
from eventing_alibaba.testing.contract.watched import Watched

# On a shelf, which has leases and no order.


class AcksAtOnce(ShelfSource):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        batch = await super().receive(limit, max_bytes)
        if batch:
            await self.ack(batch)
        return batch


class AcksNothing(ShelfSource):
    async def ack(self, messages: Sequence[Message]) -> None:
        """Say that all is well."""


class OverrunsLimit(ShelfSource):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        return await super().receive(limit + 1, max_bytes)


class LosesWhatIsCancelled(ShelfSource):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        batch = await super().receive(limit, max_bytes)
        await asyncio.sleep(0)
        return batch


class NamesByTicket(ShelfSource):
    def _message(self, item: Item, ticket: int) -> Message:
        message = super()._message(item, ticket)
        message.id = f"{item.id}/{ticket}"
        return message


class CountsEvents(ShelfSource):
    events = 0

    def event(self, message: Message) -> Event:
        self.events += 1
        event = super().event(message)
        event.extensions["number"] = self.events
        return event


class DropsWhenQuiet(ShelfSource):
    async def quiesce(self) -> Sequence[Message]:
        await super().quiesce()
        return ()


class GoesOnWhenQuiet(ShelfSource):
    async def quiesce(self) -> Sequence[Message]:
        brought = await super().quiesce()
        self.waiting.extend(brought)
        return brought


class ClosesOnce(ShelfSource):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        await super().close()


class OpensOnce(ShelfSource):
    begun = False

    async def open(self, flow: FlowControl) -> None:
        if self.begun:
            raise RuntimeError("opened already")
        self.begun = True
        await super().open(flow)


class StaysCancelled(ShelfSource):
    acking = False

    async def ack(self, messages: Sequence[Message]) -> None:
        if not self.acking:
            self.acking = True
            await super().ack(messages)
            self.acking = False


class KeepsQuietAboutTrouble(ShelfSource):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        try:
            return await super().receive(limit, max_bytes)
        except Exception:  # noqa: BLE001 - that is the defect
            await asyncio.sleep(0.01)
            return ()


class ReleasesNothing(ShelfSource):
    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Leave it to the leases."""


class TakesVoidReceipts(ShelfSource):
    async def ack(self, messages: Sequence[Message]) -> None:
        try:
            await super().ack(messages)
        except PartialFailure as error:
            if error.again:
                raise


class ExtendsOutOfLine(ShelfSource):
    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        return [m for m in await super().extend(messages, seconds) if m is not None]


class CountsNoAttempts(ShelfSource):
    def _message(self, item: Item, ticket: int) -> Message:
        message = super()._message(item, ticket)
        message.attempt = 1
        return message


# Around Kafka, which has order and no leases.


class Reverses(Watched):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        return list(reversed(await super().receive(limit, max_bytes)))


class HasNoLanes(Watched):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        batch = await super().receive(limit, max_bytes)
        for message in batch:
            message.lane = None
        return batch


class AcksAhead(Watched):
    """Acknowledges with a message all that was received of its track."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.latest: dict[Hashable, Message] = {}

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        batch = await super().receive(limit, max_bytes)
        self.latest.update((message.track, message) for message in batch)
        return batch

    async def ack(self, messages: Sequence[Message]) -> None:
        await super().ack([self.latest[message.track] for message in messages])


class NeverPauses(Watched):
    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Go on."""


class LosesRecords(Watched):
    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        batch = await super().receive(limit, max_bytes)
        await asyncio.sleep(0)
        return batch
