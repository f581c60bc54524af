"""Long polls: which brokers are asked, and by how many polls at once.

A poll is answered by one broker out of all its queues, with up to 32 messages. So each broker has
one poll waiting at all times, however little room there is: a message at the broker that is not
asked would wait for the end of a poll that brings nothing. A poll that comes back full makes room
for one more at its broker, one that comes back empty for one less. The queue that a poll names is
ignored by RocketMQ's own proxy; where another one keeps to it, all have their turn.

A poll is never cancelled by who waits for messages: what it brings is handed to `arrived`, whenever
that is, also where its connection breaks in the middle. How large messages are shows in the last
ones, and polls ask for so many as there is room for.

A poll has an *attempt id*. In a group of ordered messages a poll whose answer got lost has locked
queues, and only a poll with the same id is given their messages again.

A poll that failed pauses its broker alone. Refusals come at once; so the poll after one that failed
counts as accepted when it has waited for a moment, not only when it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import (
    Disconnected,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.rocketmq.care import Care
from eventing_alibaba.sources.rocketmq.connecting import POLL_SECONDS, duration
from eventing_alibaba.sources.rocketmq.errors import FORGETFUL, Refused, Unreached
from eventing_alibaba.sources.rocketmq.messages import read
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.sources.rocketmq.session import Broker, Session

log: Final = logging.getLogger(__name__)

_PROCESS: Final = secrets.token_hex(8)
_NUMBERS: Final = itertools.count()

BATCH: Final = 32
"""Messages that a poll may bring."""

_SLACK: Final = 5.0
"""Seconds that a poll's deadline is behind its end: proxies refuse a poll without any."""
_MARGIN: Final = 0.5
"""Seconds that a lease is taken to end earlier than was asked for."""
_EARLY: Final = 0.5
"""An empty answer within this part of the time that was asked for is an early one."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 3.0
_MISSING_PAUSE: Final = 3.0
"""Seconds between two polls of a topic that is missing, or with a login that is refused."""
_ACCEPTED: Final = 1.5
"""Seconds after which a poll that was not refused is taken as accepted."""
_FORGETTING: Final = 0.98
"""By how much the size of the largest message is forgotten with each poll."""


@dataclass(slots=True, eq=False)
class _Feed:
    """The polls of one broker."""

    name: str
    width: int = 1
    under_way: int = 0
    turn: int = 0
    failures: int = 0
    early: int = 0
    pause: asyncio.TimerHandle | None = None
    attempts: list[str] = field(default_factory=list)


class Polls:
    """The polls of a topic.

    `arrived` is given what a poll brought and must not raise; `failed` what and why, once that is
    known; `well` is called after each poll that was answered, `free` when another one may be
    started; `explain` finds out why a proxy did not answer.

    Attributes:
        asked: messages that those under way may bring.
        care: says where a poll may bring but one.
        stopped: no more are started, for good.
    """

    def __init__(
        self,
        session: Session,
        request: pb.ReceiveMessageRequest,
        *,
        origin: str,
        invisible: float,
        most: int,
        now: Callable[[], float],
        arrived: Callable[[list[Message]], None],
        failed: Callable[[str, SourceError], None],
        well: Callable[[str], None],
        free: Callable[[], None],
        explain: Callable[[Refused | Unreached], Awaitable[SourceError]],
    ) -> None:
        self.asked = 0
        self.care = Care()
        self.stopped = False
        self._session = session
        self._base = request
        self._origin = origin
        self._invisible = invisible
        self._most = most
        self._now = now
        self._arrived = arrived
        self._failed = failed
        self._well = well
        self._free = free
        self._explain = explain
        self._feeds: dict[str, _Feed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._largest = 1024.0
        self._base.invisible_duration.CopyFrom(duration(invisible))
        self._base.long_polling_timeout.CopyFrom(duration(POLL_SECONDS))

    def __len__(self) -> int:
        """Polls under way."""
        return len(self._tasks)

    def want(self, room: int, max_bytes: int) -> None:
        """Start polls for up to `room` messages of `max_bytes`, those under way included."""
        if self.stopped or room < 1:
            return
        room = min(room, max(1, int(max_bytes / self._largest)))
        idle = []
        eager = []
        for broker in self._session.brokers.values():
            feed = self._feeds.get(broker.name)
            if feed is None:
                feed = self._feeds[broker.name] = _Feed(broker.name)
            if feed.pause is not None or not broker.proxy.usable:
                continue
            if feed.under_way == 0:
                idle.append((feed, broker))
            if feed.width > max(1, feed.under_way):
                eager.append((feed, broker))
        for left, (feed, broker) in enumerate(reversed(idle)):
            self._start(feed, broker, max(1, min(BATCH, (room - self.asked) // (len(idle) - left))))
        # A further poll for a few messages more is not worth its price.
        while eager and len(self._tasks) < self._most and room - self.asked >= BATCH // 2:
            for feed, broker in list(eager):
                if feed.under_way >= feed.width:
                    eager.remove((feed, broker))
                elif len(self._tasks) < self._most and room - self.asked >= BATCH // 2:
                    self._start(feed, broker, min(BATCH, room - self.asked))

    def stop(self) -> None:
        """Start no more polls."""
        self.stopped = True
        for feed in self._feeds.values():
            if feed.pause is not None:
                feed.pause.cancel()
                feed.pause = None

    async def idle(self, timeout: float) -> bool:
        """Wait until no poll is under way; False when `timeout` seconds were not enough."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._tasks

    async def cut(self) -> None:
        """End the polls under way; what brokers hand out to them comes again later."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _start(self, feed: _Feed, broker: Broker, count: int) -> None:
        telemetry = broker.proxy.telemetry
        if telemetry.fifo:
            attempts = telemetry.max_attempts
            count = self.care.most(feed.name, self._now(), attempts=attempts, usual=count)
        self.asked += count
        feed.under_way += 1
        task = asyncio.create_task(self._poll(feed, broker, count), name=f"poll {feed.name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _poll(self, feed: _Feed, broker: Broker, count: int) -> None:
        attempt = feed.attempts.pop() if feed.attempts else f"{_PROCESS}-{next(_NUMBERS):x}"
        begun = self._now()
        answered = False
        accepted = None
        if feed.failures:
            loop = asyncio.get_running_loop()
            accepted = loop.call_later(_ACCEPTED, self._well, f"receive {feed.name}")
        try:
            found = await self._asking(feed, broker, count, attempt, begun)
            answered = True
            feed.failures = 0
            if found:
                feed.early = 0
                if found == count == BATCH and feed.width < self._most:
                    feed.width += 1
            else:
                self._empty(feed, self._now() - begun)
            self._well(f"receive {feed.name}")
        except (Refused, Unreached, SourceError) as error:
            answered = isinstance(error, Refused)
            if isinstance(error, Refused) and _forgotten(error, feed.failures):
                self._session.doubt(broker.proxy.link)
            await self._fail(feed, error)
        finally:
            if accepted is not None:
                accepted.cancel()
            if not answered and broker.proxy.telemetry.fifo and not self.stopped:
                feed.attempts.append(attempt)
            self.asked -= count
            feed.under_way -= 1

    async def _asking(
        self, feed: _Feed, broker: Broker, count: int, attempt: str, begun: float
    ) -> int:
        """Ask, hand on what comes; return how many came."""
        request = pb.ReceiveMessageRequest()
        request.CopyFrom(self._base)
        feed.turn += 1
        request.message_queue.CopyFrom(broker.queues[feed.turn % len(broker.queues)])
        request.batch_size = count
        request.attempt_id = attempt
        telemetry = broker.proxy.telemetry
        link = broker.proxy.link
        origin, name, fifo = self._origin, feed.name, telemetry.fifo
        found: list[Message] = []
        largest = 0
        status = None
        answer = await link.receive(request, POLL_SECONDS + _SLACK)
        # A poll that was answered late, because this process stood still, was answered by its end
        # at the latest.
        start = min(answer.since, begun + POLL_SECONDS + 1.0)
        lease = start + self._invisible - _MARGIN
        part = pb.ReceiveMessageResponse.FromString
        for data in answer.messages:
            told = part(data)
            if told.HasField("message"):
                message = read(told.message, origin, name, link, lease, fifo=fifo)
                found.append(message)
                size = len(message.body)
                largest = max(largest, size)
            elif told.HasField("status"):
                status = told.status
        if found:
            self._largest = max(float(largest), self._largest * _FORGETTING, 1024.0)
            self.care.arrived(found)
            self._arrived(found)
        if answer.error is not None:
            raise link.broken(answer.error)
        if status is not None and status.code not in (pb.OK, pb.MESSAGE_NOT_FOUND):
            raise link.refusal(status)
        return len(found)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a poll failed in a way it should not", exc_info=error)
            self._failed("receive", Disconnected("a defect; see the log", reason="Defect"))
            for feed in self._feeds.values():
                self._rest(feed, _LONGEST_PAUSE)
        self._free()

    def _empty(self, feed: _Feed, took: float) -> None:
        feed.width = max(1, feed.width - 1)
        if took >= POLL_SECONDS * _EARLY:
            feed.early = 0
            return
        feed.early += 1
        if feed.early > 2:
            self._rest(feed, min(_FIRST_PAUSE * 2.0 ** min(feed.early - 3, 10), _LONGEST_PAUSE))

    async def _fail(self, feed: _Feed, error: Refused | Unreached | SourceError) -> None:
        if self.stopped:
            return
        feed.failures += 1
        feed.width = 1
        told = error if isinstance(error, SourceError) else await self._explain(error)
        self._failed(f"receive {feed.name}", told)
        self._session.stale()
        if isinstance(told, Throttled):
            pause = told.delay
        elif isinstance(told, (Unavailable, Unauthorized)):
            pause = _MISSING_PAUSE
        else:
            pause = min(_FIRST_PAUSE * 2.0 ** min(feed.failures, 10), _LONGEST_PAUSE)
        self._rest(feed, pause)

    def _rest(self, feed: _Feed, seconds: float) -> None:
        if self.stopped:
            return
        if feed.pause is not None:
            feed.pause.cancel()
        feed.pause = asyncio.get_running_loop().call_later(seconds, self._rested, feed)

    def _rested(self, feed: _Feed) -> None:
        feed.pause = None
        self._free()

    def __repr__(self) -> str:
        resting = sum(feed.pause is not None for feed in self._feeds.values())
        return f"<Polls {len(self._tasks)} at {len(self._feeds)} brokers, {resting} resting>"


def _forgotten(error: Refused, failures: int) -> bool:
    """Return whether the proxy may have lost our settings: it says so, or fails again and again."""
    return error.code == pb.UNRECOGNIZED_CLIENT_TYPE or (
        error.code in FORGETFUL and failures % 3 == 2
    )
