"""The contract on the event loop's side; the work is done in the thread of a `Session`.

`receive` asks the thread for a batch and waits. What the thread brings goes into `_waiting` first,
never straight to who asked, so a cancelled `receive` loses nothing: the next one finds it there.
For the same reason the thread may be asked for more than is wanted now: a flow that is nearly full
asks for a few records at a time, and a hand-over between threads for each few would cost more than
the records.

`ack` only moves marks. The thread commits them in its time (see `commits`), also inside its revoke
callback, so nothing waits for itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Disconnected, SourceError
from eventing_alibaba.sources.kafka.events import EventMapper
from eventing_alibaba.sources.kafka.session import Session
from eventing_alibaba.sources.kafka.tracks import Track

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.source import FlowControl
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

_BATCH: Final = 256
"""Records asked of the thread at least, if as many are there."""

_CLOSING: Final = 20.0


class KafkaSource:
    """Topics of a Kafka cluster, as a member of a consumer group; see `contract.source.Source`."""

    def __init__(self, spec: AliKafkaSourceSpec, context: Context) -> None:
        self._spec = spec
        self._context = context
        self._map = EventMapper(spec, context)
        self.outline = self._map.outline
        self._started: set[str] = set()
        self._session: Session | None = None
        self._waiting: deque[Message] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._asked = False
        self._quiet = False

    def __repr__(self) -> str:
        state = "open" if self._session else "closed"
        return f"<KafkaSource {','.join(self._spec.topics)} {state} waiting={len(self._waiting)}>"

    async def open(self, flow: FlowControl) -> None:
        """Join the group; return when start offsets are committed and records may come.

        Raises Disconnected, Unavailable, Unauthorized or Misconfigured, and leaves nothing behind
        then.
        """
        await self._end_session()
        self._waiting.clear()
        self._asked = self._quiet = False
        session = Session(
            spec=self._spec,
            context=self._context,
            flow=flow,
            started=self._started,
            arrived=self._arrived,
        )
        self._session = session
        session.ended.add_done_callback(lambda _: self._awaken())
        session.start()
        try:
            await asyncio.shield(session.ready)
        except asyncio.CancelledError:
            session.stop()
            raise
        except SourceError:
            await self._end_session()
            raise

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        """Return up to `limit` messages as soon as there are some.

        Raises Disconnected when the session has ended; messages of its tracks are void then.
        """
        while True:
            if self._waiting and (batch := self._take(limit)):
                return batch
            session = self._session
            if session is None:
                raise Disconnected("the session is closed")
            if session.ended.done():
                raise session.ended.result() or Disconnected("the session is closed")
            if self._quiet:
                return []
            if not self._asked:
                self._asked = True
                session.demand(max(limit, _BATCH), max_bytes)
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    async def ack(self, messages: Sequence[Message]) -> None:
        """Move the marks; commits follow within 0.2 s. Never fails: a failed commit is repeated."""
        for message in messages:
            track, offset = message.track, message.receipt
            if isinstance(track, Track) and isinstance(offset, int) and offset >= track.acked:
                track.acked = offset + 1

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Do nothing for messages that were never tried: what is not committed comes again.

        Raises ValueError for failed ones: a partition is a log, nothing can be put back into it.
        """
        if failed:
            msg = f"Kafka cannot deliver {len(messages)} failed records again after {delay:g} s"
            raise ValueError(msg)

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        """Return the messages as they are: Kafka has no leases."""
        del seconds
        return messages

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Take no more records of these partitions."""
        if self._session is not None:
            self._session.hold([track for track in tracks if isinstance(track, Track)])

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Take records of these partitions again."""
        if self._session is not None:
            self._session.let_go([track for track in tracks if isinstance(track, Track)])

    async def quiesce(self) -> Sequence[Message]:
        """Take nothing more; return what had been taken. Membership and commits go on."""
        self._quiet = True
        session = self._session
        if session is not None and not session.ended.done():
            either: list[asyncio.Future[Any]] = [session.quiesce(), session.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._awaken()
        return self._take(len(self._waiting))

    async def close(self) -> None:
        """Commit all marks and leave the group."""
        self._quiet = True
        await self._end_session()
        self._awaken()

    def event(self, message: Message) -> Event:
        """Map a record to its event; see `events`."""
        return self._map.event(message)

    async def _end_session(self) -> None:
        session = self._session
        if session is not None:
            session.stop()
            # Longer only when a drain that began before takes its time.
            await asyncio.wait([session.ended], timeout=_CLOSING)
            if self._session is session:
                self._session = None

    def _arrived(self, batch: list[Message]) -> None:
        self._asked = False
        self._waiting.extend(batch)
        self._awaken()

    def _awaken(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _take(self, limit: int) -> list[Message]:
        """Take what waits, without the records of partitions that were given up meanwhile."""
        waiting = self._waiting
        taken: list[Message] = []
        while waiting and len(taken) < limit:
            message = waiting.popleft()
            track: Any = message.track
            if track.live:
                taken.append(message)
        return taken
