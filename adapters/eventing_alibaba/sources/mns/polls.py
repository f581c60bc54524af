"""Long polls: how many wait at the service at once, and when none does.

A poll takes up to 16 messages and costs a round trip, so one alone does not empty a full queue. A
poll that comes back full makes room for one more, one that comes back empty for one less; an idle
queue has a single poll. Each is billed, also an empty one, and the service caps how many of an
account may wait: beyond the cap it answers "no message" at once. An empty answer that comes much
earlier than was asked for is therefore not repeated at once, but after a pause that grows.

A poll is never cancelled by who waits for messages: what it brings is handed to `arrived`, whenever
that is. Never more is asked for than there is room for.

Of a FIFO queue the next message of a group comes when the one before is deleted. No document says
that a waiting poll is told so; so while such messages come, and half a minute longer, a poll waits
a second and no more.

A poll that failed pauses all of them, and the next one does not wait at the service: so it is known
at once when all is well again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import (
    Disconnected,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.mns import errors
from eventing_alibaba.sources.mns.client import BATCH, MnsClient
from eventing_alibaba.sources.mns.reading import NotXml
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.sources.mns.exchange import Reply

log: Final = logging.getLogger(__name__)

LARGEST: Final = 64 * 1024
"""Bytes of a body, at most."""

_EARLY: Final = 0.8
"""An empty answer within this part of the time that was asked for is an early one."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 3.0
_BRIEF: Final = 1
_BRIEF_FOR: Final = 30.0
_MISSING_PAUSE: Final = 5.0
"""Seconds between two polls of a queue that is missing, or with a key that is refused."""


class Polls:
    """The polls of one queue.

    `arrived` is given what a poll brought and must not raise but NotXml; `failed` a SourceError;
    `well` is called after each poll that was answered, `free` when another one may be started.

    Attributes:
        width: polls that may be under way at once.
        asked: messages that those under way may bring.
        stopped: no more are started, for good.
    """

    def __init__(
        self,
        client: MnsClient,
        names: errors.Names,
        *,
        wait: int,
        most: int,
        arrived: Callable[[Reply], None],
        failed: Callable[[SourceError], None],
        well: Callable[[], None],
        free: Callable[[], None],
    ) -> None:
        self.width = 1
        self.asked = 0
        self._client = client
        self._names = names
        self._wait = wait
        self._most = most
        self._arrived = arrived
        self._failed = failed
        self._well = well
        self._free = free
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._failures = 0
        self._early = 0
        self._brief_until = 0.0
        self.stopped = False

    def __len__(self) -> int:
        """Polls under way."""
        return len(self._tasks)

    def want(self, room: int, max_bytes: int) -> None:
        """Start polls for up to `room` messages of `max_bytes`, those under way included."""
        if self.stopped or self._pause is not None:
            return
        room = min(room, max(1, max_bytes // LARGEST))
        while len(self._tasks) < self.width:
            count = min(BATCH, room - self.asked)
            # A second poll for a few messages more is not worth its price.
            if count < 1 or (self._tasks and count < BATCH):
                return
            self.asked += count
            task = asyncio.create_task(self._poll(count), name="poll")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def grouped(self) -> None:
        """Take note that the queue is a FIFO queue with messages."""
        self._brief_until = self._client.exchange.clock.now() + _BRIEF_FOR

    def stop(self) -> None:
        """Start no more polls."""
        self.stopped = True
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    async def idle(self, timeout: float) -> bool:
        """Wait until no poll is under way; False when `timeout` seconds were not enough."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._tasks

    async def cut(self) -> None:
        """End the polls under way; what the service hands out to them comes again later."""
        self._client.exchange.cut_polls()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _poll(self, count: int) -> None:
        clock = self._client.exchange.clock
        begun = clock.now()
        wait = self._wait if begun >= self._brief_until else min(self._wait, _BRIEF)
        if self._failures:
            wait = 0
        try:
            reply = await self._client.receive(self._names.queue, count, wait=wait)
            if reply is None:
                self._empty(clock.now() - begun, wait)
            else:
                self._arrived(reply)
                self._early = 0
                # Counted by their receipt handles: the messages are not read a second time.
                if reply.document.count(b"</ReceiptHandle>") >= count == BATCH:
                    self.width = min(self._most, self.width + 1)
            self._failures = 0
            self._well()
        except (errors.Refused, WireError) as error:
            self._fail(errors.signal(error, self._names))
        except NotXml as error:
            self._fail(Unavailable(f"{self._names.endpoint}: {error}", reason="NotMns"))
        except SourceError as error:
            self._fail(error)
        finally:
            self.asked -= count

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a poll failed in a way it should not", exc_info=error)
            self._fail(Disconnected("a defect of the adapter; see its log", reason="Defect"))
        self._free()

    def _empty(self, took: float, wait: int) -> None:
        self.width = max(1, self.width - 1)
        if took >= wait * _EARLY:
            self._early = 0
            return
        self.width = 1
        self._early += 1
        self._rest(min(_FIRST_PAUSE * 2.0 ** min(self._early - 1, 10), _LONGEST_PAUSE))

    def _fail(self, error: SourceError) -> None:
        if self.stopped:
            return
        self._failures += 1
        self.width = 1
        self._failed(error)
        if isinstance(error, Throttled):
            pause = error.delay
        elif isinstance(error, (Unavailable, Unauthorized)):
            pause = _MISSING_PAUSE
        else:
            pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
        self._rest(pause)

    def _rest(self, seconds: float) -> None:
        if self.stopped:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._pause = None
        self._free()

    def __repr__(self) -> str:
        resting = " resting" if self._pause is not None else ""
        return f"<Polls {len(self._tasks)} of {self.width}, asked={self.asked}{resting}>"
