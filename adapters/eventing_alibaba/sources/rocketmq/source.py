"""The contract on top of session, polls and settling.

Polls run by themselves and what they bring goes into `_waiting` first, never straight to who asked,
so a cancelled `receive` loses nothing. No more is asked for than the flow has room for; but the
flow's room may shrink while polls are under way, so messages may wait here for long. Those that
have used up a third of their lease are given back: somebody else may have time for them. Ordered
ones are kept for ten times as long: nobody else gets any of their queue while some are with us, and
each return counts as an attempt.

A client of RocketMQ is greeted again by each proxy as often as need be, so there is no session that
could break. After `open` this source heals by itself: it reports what is wrong, and goes on asking.
Only what nothing but a change of the manifest can cure is raised from `receive`.

Of a queue whose messages come in order some may be with the flow and the rest here. When the flow
gives back its part, the rest goes with it: RocketMQ unlocks a queue only when all are back, and
what is behind a message that failed must not overtake it.

A stop cannot call a waiting poll back. It waits a moment for the polls under way; what they bring
later is given back here, as the flow has stopped listening, and `close` cuts them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Disconnected, Misconfigured, SourceError
from eventing_alibaba.sources.rocketmq.connecting import (
    Way,
    consumer,
    expression,
    names_of,
    resource,
)
from eventing_alibaba.sources.rocketmq.diagnosis import Diagnosis
from eventing_alibaba.sources.rocketmq.events import EventMapper
from eventing_alibaba.sources.rocketmq.messages import receipt_of
from eventing_alibaba.sources.rocketmq.polls import Polls
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.session import Session
from eventing_alibaba.sources.rocketmq.settling import Settling
from eventing_alibaba.sources.trouble import Trouble

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.source import FlowControl
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

_QUIESCING: Final = 1.0
"""Seconds that a stop waits for polls under way, in all: `close` waits no second time."""
_GIVING_BACK: Final = 2.0
"""Seconds that closing waits for messages on their way back."""
_PATIENCE_PART: Final = 3
"""Messages wait here for this part of their lease."""
_KEPT: Final = 10
"""Times that the leases of ordered ones are prolonged."""


class RocketMQSource:
    """A topic of RocketMQ 5; see `contract.source.Source`."""

    def __init__(self, spec: RocketMQSourceSpec, context: Context) -> None:
        self._spec = spec
        self._context = context
        self._names = names_of(spec)
        self._map = EventMapper(spec, context)
        self._now = context.now
        self._trouble = Trouble(context.now)
        self._session: Session | None = None
        self._polls: Polls | None = None
        self._settling: Settling | None = None
        self._fatal: Misconfigured | None = None
        self._waiting: deque[Message] = deque()
        self._paused: set[Hashable] = set()
        self._wake: asyncio.Future[None] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._quiet = False  # `quiesce` was called
        self._patient = 0.0  # ... and waits for polls until then, by the loop's time
        self._over = False  # ... and has returned

    def __repr__(self) -> str:
        return f"<RocketMQSource {self._spec.topic} waiting={len(self._waiting)} {self._polls!r}>"

    async def open(self, flow: FlowControl) -> None:
        """Find the topic's brokers; return when the first of them knows this client.

        Raises Disconnected, Throttled, Unavailable or Unauthorized; Misconfigured for a filter or
        a duration that is not accepted.
        """
        await self._end()
        self._quiet = self._over = False
        self._fatal = None
        self._trouble.report = flow.report
        spec = self._spec
        way = Way(spec, self._context)
        explain = Diagnosis(way, self._names).explain
        session = Session(
            way,
            consumer(spec, way, spec.topic, spec.consumer_group),
            trouble=self._trouble,
            names=self._names,
            now=self._now,
            moved=self._awaken,
            explain=explain,
        )
        try:
            await session.open()
        except BaseException:
            await session.close()
            raise
        self._trouble.clear()
        self._session = session
        group, topic = resource(spec, spec.consumer_group), resource(spec, spec.topic)
        self._settling = Settling(
            session,
            topic=topic,
            group=group,
            trouble=self._trouble,
            now=self._now,
            explain=explain,
        )
        self._polls = Polls(
            session,
            pb.ReceiveMessageRequest(group=group, filter_expression=expression(spec)),
            origin=spec.topic,
            invisible=spec.invisible_seconds,
            most=spec.polls,
            now=self._now,
            arrived=self._arrived,
            failed=self._failed,
            well=self._trouble.well,
            free=self._awaken,
            explain=explain,
        )

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        """Return up to `limit` messages as soon as there are some.

        What goes wrong with RocketMQ is reported to the flow and healed here. Raises Disconnected
        where the source is not open, and Misconfigured.
        """
        while True:
            if self._waiting and (batch := self._take(limit, max_bytes)):
                return batch
            if self._fatal is not None:
                raise self._fatal
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
        """Acknowledge messages. Raises PartialFailure, or the SourceError that all of them met."""
        await self._settle().ack(messages)
        if self._polls is not None:
            self._polls.care.acknowledged(messages)

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Let messages be delivered again in `delay` seconds, and what is behind them here."""
        tracks = {message.track for message in messages if message.track is not None}
        behind = self._behind(tracks) if tracks else []
        settling = self._settle()
        if tracks and self._polls is not None:
            self._polls.care.given_back(tracks, self._now() + delay)
        if behind:
            self._chore(self._give_back(behind, delay))
        await settling.release(messages, delay, failed=failed)

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        """Prolong the invisible time of messages; aligned, None = lost."""
        return await self._settle().extend(messages, max(seconds, self._spec.invisible_seconds))

    def lost(self, tracks: Iterable[Hashable]) -> None:
        """Hand out nothing that came behind what the flow has lost: RocketMQ begins there again.

        What is being extended just now is in a call already, and left to its lease.
        """
        behind = [one for one in self._behind(set(tracks)) if not receipt_of(one).busy]
        if behind:
            self._chore(self._give_back(behind, 0.0))

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Hand out no more of these queues; what has been received of them waits here."""
        self._paused.update(tracks)

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Hand out messages of these queues again."""
        self._paused.difference_update(tracks)
        self._awaken()

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
        self._paused.clear()
        return self._take(len(self._waiting), None)

    async def close(self) -> None:
        """Give back what is left, and close all connections."""
        rest = await self.quiesce()
        if rest and self._settling is not None:
            back = self._settling.release(rest, 0.0, failed=False)
            self._chore(self._given_back(back))
        await self._end()
        self._awaken()

    def event(self, message: Message) -> Event | Sequence[Event]:
        """Map a message to its event; see `events`."""
        return self._map.event(message)

    def status(self) -> dict[str, object]:
        """Return what `/status` shows of it."""
        told: dict[str, object] = {
            "topic": self._spec.topic,
            "consumerGroup": self._spec.consumer_group,
            "waiting": len(self._waiting),
        }
        if self._session is not None and self._polls is not None:
            told["polls"] = len(self._polls)
            told["brokers"] = sorted(self._session.brokers)
            told["fifo"] = self._session.fifo
            if self._session.max_attempts:
                told["maxAttempts"] = self._session.max_attempts
        return told

    async def _end(self) -> None:
        """End the session, if there is one. What waits here stays, with its lease.

        The work goes on when the one who waits is cancelled; who calls again waits for it.
        """
        if self._session is not None and self._polls is not None and self._settling is not None:
            work = self._finish(self._polls, self._settling, self._session)
            self._polls = self._settling = self._session = None
            self._ending = asyncio.create_task(work, name="end")
        if self._ending is not None:
            await asyncio.shield(self._ending)
            self._ending = None

    async def _finish(self, polls: Polls, settling: Settling, session: Session) -> None:
        polls.stop()
        await polls.cut()
        if self._chores:
            await asyncio.wait(self._chores, timeout=_GIVING_BACK)
        for chore in self._chores:
            chore.cancel()
        if self._later is not None:
            self._later.cancel()
            self._later = None
        await settling.finish(_GIVING_BACK)
        await session.close()

    def _settle(self) -> Settling:
        if self._settling is None:
            raise Disconnected("the source is closed")
        return self._settling

    def _failed(self, what: str, error: SourceError) -> None:
        if isinstance(error, Misconfigured):
            self._fatal = error
            self._awaken()
        self._trouble.note(what, error)

    def _arrived(self, messages: list[Message]) -> None:
        if self._over:
            if self._settling is not None:
                self._chore(self._give_back(messages, 0.0))
            return
        self._waiting.extend(messages)
        self._awaken()
        if self._later is None:
            self._look_later()

    def _awaken(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _take(self, limit: int, max_bytes: int | None) -> list[Message]:
        """Take what waits, without what RocketMQ has given to others, and what is behind that."""
        waiting = self._waiting
        gone: set[Hashable] = set()
        now = self._now()
        taken: list[Message] = []
        kept: list[Message] = []
        size = 0
        while waiting and len(taken) < limit:
            message = waiting[0]
            assert message.lease is not None
            if message.lease <= now:
                if message.track is not None:
                    gone.add(message.track)
            else:
                if message.track is not None and (
                    message.track in self._paused
                    or message.track in gone
                    or receipt_of(message).busy
                ):
                    kept.append(waiting.popleft())
                    continue
                size += len(message.body)
                if taken and max_bytes is not None and size > max_bytes:
                    break
                taken.append(message)
            waiting.popleft()
        waiting.extendleft(reversed(kept))
        if gone:
            self.lost(gone)
        return taken

    def _behind(self, tracks: set[Hashable]) -> list[Message]:
        """Take what waits of these queues."""
        behind = [message for message in self._waiting if message.track in tracks]
        if behind:
            self._waiting = deque(m for m in self._waiting if m.track not in tracks)
        return behind

    def _look_later(self) -> None:
        wait = max(0.1, self._spec.invisible_seconds / _PATIENCE_PART / 2)
        self._later = asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        """Give back what waits here for too long."""
        self._later = None
        if not self._waiting or self._quiet:
            return
        tired = self._now() + self._spec.invisible_seconds * (1 - 1 / _PATIENCE_PART)
        back: list[Message] = []
        kept: list[Message] = []
        rest: deque[Message] = deque()
        for message in self._waiting:
            if (message.lease or 0.0) > tired:
                rest.append(message)
            elif message.track is not None and receipt_of(message).kept < _KEPT:
                receipt_of(message).kept += 1
                kept.append(message)
                rest.append(message)
            else:
                back.append(message)
        self._waiting = rest
        if back:
            self._chore(self._give_back(back, 0.0))
        if kept:
            self._chore(self._keep(kept))
        if self._waiting:
            self._look_later()

    async def _keep(self, messages: Sequence[Message]) -> None:
        """Prolong leases of what waits here; the flow gets none of it meanwhile."""
        receipts = [receipt_of(message) for message in messages]
        for receipt in receipts:
            receipt.busy = True
        try:
            answers = await self._settle().extend(messages, self._spec.invisible_seconds)
        except SourceError as error:
            self._trouble.note("invisible", error)
        else:
            newer = {id(old): new for old, new in zip(messages, answers, strict=True)}
            for at, message in enumerate(self._waiting):
                if (new := newer.get(id(message))) is not None:
                    self._waiting[at] = new
        finally:
            for receipt in receipts:
                receipt.busy = False
            self._awaken()

    async def _give_back(self, messages: Sequence[Message], delay: float) -> None:
        if self._settling is not None:
            await self._given_back(self._settling.release(messages, delay, failed=False))

    async def _given_back(self, work: Awaitable[None]) -> None:
        try:
            await work
        except SourceError as error:
            self._trouble.note("invisible", error)

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="give back")
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
