"""A queue that lives in this process, and a source for it: the contract at its smallest.

The queue is of the kind that leases: what is taken stays on the shelf, unseen by others, until it
is removed or its lease ends. Each taking gives a new ticket, and only the latest one counts.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.errors import Disconnected, PartialFailure
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl
from eventing_alibaba.contract.spec import Context, SourceSpec

LEASE: Final = 3.0
POLL: Final = 0.2

SHELVES: Final[dict[str, Shelf]] = {}


@dataclass(slots=True)
class Item:
    """Something on the shelf; `ticket` is 0 until it is taken for the first time."""

    id: str
    body: bytes
    free_at: float = 0.0
    ticket: int = 0
    attempts: int = 0


class Shelf:
    """The queue.

    Attributes:
        items: all that was put and not removed, by id.
        up: whether it can be reached.
        latency: seconds until it answers.
        refusing: it removes nothing, and says so.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.up = True
        self.latency = 0.0
        self.refusing = False
        self._tickets = itertools.count(1)
        self._changed = asyncio.Event()

    def put(self, item: Item) -> None:
        self.items[item.id] = item
        self._changed.set()

    async def knock(self) -> None:
        """Answer. Raises ConnectionError when it is down."""
        await asyncio.sleep(self.latency)
        if not self.up:
            raise ConnectionError("nobody is there")

    async def take(self, limit: int) -> list[tuple[Item, int]]:
        """Lease up to `limit` items; wait for one for at most `POLL` seconds."""
        await self.knock()
        end = now() + POLL
        while not (free := [item for item in self.items.values() if item.free_at <= now()]):
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), end - now())
            except TimeoutError:
                return []
            await self.knock()
        for item in free[:limit]:
            item.ticket, item.attempts = next(self._tickets), item.attempts + 1
            item.free_at = now() + LEASE
        return [(item, item.ticket) for item in free[:limit]]

    async def remove(self, ids: dict[str, object]) -> list[str]:
        """Remove items by id and ticket; return the ids whose ticket is void."""
        await self.knock()
        if self.refusing:
            raise PermissionError("not now")
        valid = [id_ for id_, ticket in ids.items() if self._holds(id_, ticket)]
        for id_ in valid:
            del self.items[id_]
        return [id_ for id_ in ids if id_ not in valid]

    async def lease(self, id_: str, ticket: object, seconds: float, *, count: bool) -> int | None:
        """Let a lease end in `seconds`; return the new ticket, or None when the old one is void."""
        await self.knock()
        if not self._holds(id_, ticket):
            return None
        item = self.items[id_]
        item.free_at, item.ticket = now() + seconds, next(self._tickets)
        item.attempts -= not count
        self._changed.set()
        return item.ticket

    def _holds(self, id_: str, ticket: object) -> bool:
        return id_ in self.items and self.items[id_].ticket == ticket


class ShelfSpec(SourceSpec):
    """What users write for a shelf."""

    shelf: str
    """Its name."""

    def build(self, context: Context) -> ShelfSource:
        return ShelfSource(self.shelf)


class ShelfSource:
    """A shelf as the flow sees it; see `contract.source.Source`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shelf = SHELVES[name]
        self.waiting: deque[Message] = deque()
        self.poll: asyncio.Task[list[tuple[Item, int]]] | None = None
        self.quiet = False

    async def open(self, flow: FlowControl) -> None:
        self.quiet = False
        try:
            await self.shelf.knock()
        except ConnectionError as error:
            raise Disconnected(f"the shelf {self.name} cannot be reached: {error}") from error

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        if not self.waiting and not self.quiet:
            await self._fetch(limit)
        size, taken = 0, list[Message]()
        while self.waiting and len(taken) < limit and (size < max_bytes or not taken):
            taken.append(self.waiting.popleft())
            size += len(taken[-1].body)
        return taken

    async def _fetch(self, limit: int) -> None:
        """Wait for a poll. It is a task of its own, so it goes on when the waiting is cancelled."""
        if self.poll is None:
            self.poll = asyncio.create_task(self.shelf.take(limit))
        poll = self.poll
        await asyncio.wait([poll])
        if self.poll is poll:  # another waiter may have been quicker
            self.poll = None
            try:
                self.waiting += [self._message(item, ticket) for item, ticket in poll.result()]
            except ConnectionError as error:
                raise Disconnected(f"the shelf {self.name} was lost: {error}") from error

    async def ack(self, messages: Sequence[Message]) -> None:
        try:
            void = await self.shelf.remove({message.id: message.receipt for message in messages})
        except (ConnectionError, PermissionError) as error:
            raise PartialFailure(str(error), again=messages) from error
        if void:
            lost = [message for message in messages if message.id in void]
            raise PartialFailure(f"{len(void)} leases had ended", lost=lost)

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        try:
            for message in messages:
                await self.shelf.lease(message.id, message.receipt, delay, count=failed)
        except ConnectionError as error:
            raise Disconnected(f"the shelf {self.name} was lost: {error}") from error

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        extended: list[Message | None] = []
        for message in messages:
            before = now()
            ticket = await self.shelf.lease(message.id, message.receipt, seconds, count=True)
            extended.append(
                None if ticket is None else replace(message, receipt=ticket, lease=before + seconds)
            )
        return extended

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Do nothing: there are no tracks."""

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Do nothing: there are no tracks."""

    async def quiesce(self) -> Sequence[Message]:
        self.quiet = True
        if self.poll is not None:
            await self._fetch(0)
        brought, self.waiting = list(self.waiting), deque()
        return brought

    async def close(self) -> None:
        self.quiet = True
        if self.poll is not None:
            self.poll.cancel()
            await asyncio.wait([self.poll])
            self.poll = None

    def event(self, message: Message) -> Event:
        return Event(message.id, f"/shelves/{self.name}", "com.example.shelf.item", message.body)

    def _message(self, item: Item, ticket: int) -> Message:
        return Message(
            item.id,
            item.body,
            (),
            self.name,
            attempt=item.attempts,
            lease=item.free_at,
            receipt=ticket,
        )
