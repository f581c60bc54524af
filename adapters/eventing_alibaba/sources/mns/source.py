"""The contract on top of polls and settling.

Polls run by themselves and what they bring goes into `_waiting` first, never straight to who asked,
so a cancelled `receive` loses nothing. No more is asked for than the flow has room for; but the
flow's room may shrink while polls are under way, so messages may wait here for long. Those that
have used up a third of their lease are given back: somebody else may have time for them.

The service is asked over HTTP, so there is no session that could break. After `open` this source
heals by itself: it reports what is wrong, and goes on asking.

A stop cannot call a waiting poll back. It waits a second for the polls under way; what they bring
later is given back here, as the flow has stopped listening, and `close` cuts them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Disconnected, SourceError
from eventing_alibaba.sources.mns import errors
from eventing_alibaba.sources.mns.client import MnsClient
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.sources.mns.events import EventMapper
from eventing_alibaba.sources.mns.messages import MessageReader
from eventing_alibaba.sources.mns.polls import Polls
from eventing_alibaba.sources.mns.settling import Settling
from eventing_alibaba.sources.trouble import Trouble
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.source import FlowControl
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.exchange import Reply
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

_QUIESCING: Final = 1.0
"""Seconds that a stop waits for polls under way, in all: `close` waits no second time."""
_GIVING_BACK: Final = 2.0
"""Seconds that closing waits for messages on their way back."""
_PATIENCE_PART: Final = 3
"""Messages wait here for this part of their lease."""


class MnsSource:
    """A queue of MNS; see `contract.source.Source`."""

    def __init__(self, spec: MnsSourceSpec, context: Context) -> None:
        self._spec = spec
        self._context = context
        self._names = names_of(spec)
        self._map = EventMapper(spec, context)
        self._now = context.now
        self._trouble = Trouble(context.now)
        self._client: MnsClient | None = None
        self._polls: Polls | None = None
        self._settling: Settling | None = None
        self._reader: MessageReader | None = None
        self._waiting: deque[Message] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._quiet = False  # `quiesce` was called
        self._patient = 0.0  # ... and waits for polls until then, by the loop's time
        self._over = False  # ... and has returned

    def __repr__(self) -> str:
        return f"<MnsSource {self._spec.queue} waiting={len(self._waiting)} {self._polls!r}>"

    async def open(self, flow: FlowControl) -> None:
        """Ask for the queue's attributes; return when it is there and the key is accepted.

        Raises Disconnected, Throttled, Unavailable or Unauthorized; Misconfigured where a package
        is missing.
        """
        client = self._client
        if client is None:
            client = self._client = client_of(self._spec, self._context)
        self._trouble.report = flow.report
        try:
            found = await client.attributes(self._spec.queue)
        except (errors.Refused, WireError) as error:
            raise errors.signal(error, self._names) from error
        self._trouble.clear()
        self._quiet = self._over = False
        reader = MessageReader(
            self._spec.queue,
            self._spec.body_encoding,
            client.exchange.clock,
            wrapped=self._spec.envelope == "auto",
            count=self._context.count,
        )
        if found.visibility is not None:
            reader.visibility = float(found.visibility)
        self._reader = reader
        self._settling = Settling(client, self._names, self._trouble)
        if self._polls is None or self._polls.stopped:
            self._polls = Polls(
                client,
                self._names,
                wait=self._spec.wait_seconds,
                most=self._spec.polls,
                arrived=self._arrived,
                failed=lambda error: self._trouble.note("receive", error),
                well=lambda: self._trouble.well("receive"),
                free=self._awaken,
            )

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        """Return up to `limit` messages as soon as there are some.

        What goes wrong with the service is reported to the flow and healed here. Raises
        Disconnected where the source is not open.
        """
        while True:
            if self._waiting and (batch := self._take(limit, max_bytes)):
                return batch
            if self._polls is None:
                raise Disconnected("the source is closed")
            if self._quiet:
                return []
            self._polls.want(limit, max_bytes)
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    async def ack(self, messages: Sequence[Message]) -> None:
        """Delete messages. Raises PartialFailure, or the SourceError that all of them met."""
        await self._settle().delete(messages)

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Make messages visible in `delay` seconds, at least one. MNS counts it as an attempt."""
        del failed
        await self._settle().release(messages, delay)

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        """Prolong the invisibility of messages; aligned, None = lost."""
        span = max(seconds, float(self._spec.visibility_timeout or 0))
        return await self._settle().extend(messages, span)

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Do nothing: messages of MNS have no tracks."""

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Do nothing: messages of MNS have no tracks."""

    async def quiesce(self) -> Sequence[Message]:
        """Start no new poll; return what those under way bring, a second after the first call."""
        now = asyncio.get_running_loop().time()
        if not self._quiet:
            self._quiet = True
            self._patient = now + _QUIESCING
        self._awaken()
        if self._polls is not None:
            self._polls.stop()
            await self._polls.idle(max(0.0, self._patient - now))
        self._over = True
        return self._take(len(self._waiting), None)

    async def close(self) -> None:
        """Give back what is left, and close all connections."""
        rest = await self.quiesce()
        if rest and self._settling is not None:
            self._chore(self._give_back(rest))
        if self._polls is not None:
            await self._polls.cut()
        if self._chores:
            await asyncio.wait(self._chores, timeout=_GIVING_BACK)
        for chore in self._chores:
            chore.cancel()
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._client is not None:
            await self._client.close()
        self._client = self._polls = self._settling = None
        self._awaken()

    def event(self, message: Message) -> Event | Sequence[Event]:
        """Map a message to its event; see `events`."""
        return self._map.event(message)

    def status(self) -> dict[str, object]:
        """Return what `/status` shows of it."""
        told: dict[str, object] = {"queue": self._spec.queue, "waiting": len(self._waiting)}
        if self._polls is not None and self._client is not None:
            clock = self._client.exchange.clock
            told["polls"] = len(self._polls)
            told["clockSkewSeconds"] = round(clock.skew, 3)
        return told

    def _settle(self) -> Settling:
        if self._settling is None:
            raise Disconnected("the source is closed")
        return self._settling

    def _arrived(self, reply: Reply) -> None:
        assert self._reader is not None
        messages = self._reader.read(reply)
        if self._over:
            self._chore(self._give_back(messages))
            return
        self._waiting.extend(messages)
        if messages and messages[-1].lane is not None and self._polls is not None:
            self._polls.grouped()
        self._awaken()
        if self._later is None:
            self._look_later()

    def _awaken(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _take(self, limit: int, max_bytes: int | None) -> list[Message]:
        """Take what waits, without what the broker has given to others meanwhile."""
        waiting = self._waiting
        now = self._now()
        taken: list[Message] = []
        size = 0
        while waiting and len(taken) < limit:
            message = waiting[0]
            assert message.lease is not None
            if message.lease > now:
                size += len(message.body)
                if taken and max_bytes is not None and size > max_bytes:
                    break
                taken.append(message)
            waiting.popleft()
        return taken

    def _look_later(self) -> None:
        assert self._reader is not None
        wait = max(0.1, self._reader.visibility / _PATIENCE_PART / 2)
        self._later = asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        """Give back what waits here for too long."""
        self._later = None
        assert self._reader is not None
        if not self._waiting or self._quiet:
            return
        tired = self._now() + self._reader.visibility * (1 - 1 / _PATIENCE_PART)
        back = []
        while self._waiting and (self._waiting[0].lease or 0.0) <= tired:
            back.append(self._waiting.popleft())
        if back:
            self._chore(self._give_back(back))
        if self._waiting:
            self._look_later()

    async def _give_back(self, messages: Sequence[Message]) -> None:
        try:
            await self._settle().release(messages, 0.0)
        except SourceError as error:
            self._trouble.note("visibility", error)

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="give back")
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
