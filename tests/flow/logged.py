"""A log with partitions, as Kafka is one, which keeps books on every promise of the flow.

`Log` is the source, `Witness` the service. What must never happen is noted in `violations`:

- an acknowledgement of what no service or dead-letter sink has accepted, or past a gap
- a second POST of what this process has delivered in this session of the partition
- a POST before the one ahead of it in its lane has been settled
- more held than `max_buffered`, more on the wire than the limit
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from tests.flow.harness import OK, Result, Service

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl

PARTITIONS = 3


@dataclass(eq=False)
class Assignment:
    """A partition while it is assigned; the flow's track."""

    partition: int
    position: int
    acked: int
    live: bool = True
    done: set[int] = field(default_factory=set)
    wire: set[int] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"<{self.partition} at {self.position}>"


class Log:
    """A source over partitions that outlive it.

    Attributes:
        committed: per partition, the offset to begin at next time.
        accepted: per partition, offsets that the service or a dead-letter sink has.
        violations: what broke a promise.
        fail: returns the error of a call, or None.
    """

    def __init__(self, ordering: str, chance: random.Random) -> None:
        self.ordering = ordering
        self.chance = chance
        self.ends = [0] * PARTITIONS
        self.committed = [0] * PARTITIONS
        self.accepted: list[set[int]] = [set() for _ in range(PARTITIONS)]
        self.violations: list[str] = []
        self.fail: Callable[[], Exception | None] = lambda: None
        self.keys: dict[tuple[int, int], int] = {}
        self.assigned: dict[int, Assignment] = {}
        self.paused: set[Hashable] = set()
        self.flow: FlowControl
        self._more = asyncio.Event()

    def produce(self, partition: int) -> None:
        offset = self.ends[partition]
        self.keys[partition, offset] = self.chance.randrange(3)
        self.ends[partition] = offset + 1
        self._more.set()

    @property
    def left(self) -> int:
        return sum(self.ends) - sum(self.committed)

    def lane(self, partition: int, offset: int) -> Hashable:
        if self.ordering == "unordered":
            return None
        key = self.keys[partition, offset] if self.ordering == "keyed" else 0
        return (self.assigned[partition], key)

    def assign(self, partition: int) -> None:
        start = self.committed[partition]
        self.assigned[partition] = Assignment(partition, start, start)
        self._more.set()

    async def revoke(self, partition: int, *, lost: bool) -> None:
        """Take a partition away, as a rebalance does, and give it back from what is committed."""
        track = self.assigned[partition]
        # What was received and not yet handed over is the source's to drop.
        track.position = self.ends[partition]
        await self.flow.drain([track], lost=lost, timeout=self.chance.choice([0.0, 1.0, 10.0]))
        settled = self.flow.settled(track)
        track.live = False
        if settled is not None and not lost:
            assert isinstance(settled.receipt, int)
            self._commit(track, settled.receipt + 1)
        self.flow.forget(track)
        self.assign(partition)

    async def open(self, flow: FlowControl) -> None:
        self.flow = flow
        if error := self.fail():
            raise error
        for partition in range(PARTITIONS):
            if partition not in self.assigned:
                self.assign(partition)

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        if error := self.fail():
            raise error
        while True:
            taken: list[Message] = []
            tracks = [t for t in self.assigned.values() if t.live and t not in self.paused]
            for track in self.chance.sample(tracks, len(tracks)):
                end = min(self.ends[track.partition], track.position + limit - len(taken))
                taken += [self._message(track, offset) for offset in range(track.position, end)]
                track.position = max(track.position, end)
            if taken:
                return taken
            self._more.clear()
            await self._more.wait()

    async def ack(self, messages: Sequence[Message]) -> None:
        early = self.fail()
        if early:
            raise early
        for message in messages:
            track: Any = message.track
            assert isinstance(message.receipt, int)
            if not track.live:
                continue  # it was on its way when the partition went; a source ignores it
            if message.receipt > track.acked:
                self.violations.append(f"acknowledged {message.id} past {track.acked}")
            self._commit(track, message.receipt + 1)
        if late := self.fail():
            raise late

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        if failed:
            self.violations.append("a log was asked to take something back")

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        return messages

    def pause(self, tracks: Iterable[Hashable]) -> None:
        self.paused.update(tracks)

    def resume(self, tracks: Iterable[Hashable]) -> None:
        self.paused.difference_update(tracks)
        self._more.set()

    async def quiesce(self) -> Sequence[Message]:
        return ()

    async def close(self) -> None:
        pass

    def close_all(self) -> None:
        """End all assignments, as the group does when a member is gone."""
        for track in self.assigned.values():
            track.live = False
        self.assigned.clear()
        self.paused.clear()

    def event(self, message: Message) -> Event:
        return Event(message.id, "/s", "t", message.body)

    def _message(self, track: Assignment, offset: int) -> Message:
        return Message(
            id=f"{track.partition}/{offset}",
            body=b"x" * 10,
            attributes=(),
            origin="log",
            track=track,
            lane=self.lane(track.partition, offset),
            receipt=offset,
        )

    def _commit(self, track: Assignment, offset: int) -> None:
        for one in range(self.committed[track.partition], offset):
            if one not in self.accepted[track.partition]:
                self.violations.append(f"committed {track.partition}/{one}, which nobody has")
        track.acked = max(track.acked, offset)
        self.committed[track.partition] = max(self.committed[track.partition], offset)


class Witness(Service):
    """A service that checks every POST against the log's books.

    Attributes:
        plan: the seconds until the answer to an event, and the answer.
        held: how many messages the flow holds now, and how many it may.
    """

    def __init__(self, log: Log, *, limit: int) -> None:
        super().__init__(limit=limit)
        self.log = log
        self.plan: Callable[[], tuple[float, Result]] = lambda: (0.0, OK)
        self.held: Callable[[], tuple[int, int]] = lambda: (0, 0)

    def send(
        self, request: bytes, done: Callable[[Any, Result], None], token: Any, *, timeout: float
    ) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        if b"cloudevents-batch" in head:
            names = [event["id"] for event in orjson.loads(body)]
        else:
            names = [head.split(b"ce-id: ")[1].split(b"\r\n")[0].decode()]
        held, most = self.held()
        if held > most:
            self.log.violations.append(f"{held} messages held, {most} allowed")
        posted: list[tuple[Assignment, int]] = []
        for name in names:
            posted.append(self._post(name, posted))

        def answered(token: Any, result: Result) -> None:
            for track, offset in posted:
                track.wire.discard(offset)
                if result is OK:
                    track.done.add(offset)
                    self.log.accepted[track.partition].add(offset)
            done(token, result)

        super().send(request, answered, token, timeout=timeout)
        delay, result = self.plan()
        entry = self.wire[-1]
        asyncio.get_running_loop().call_later(delay, lambda: self._reply(entry, result))
        return True

    def buried(self, track: Assignment, offset: int) -> None:
        """Note that a dead-letter sink has an event."""
        track.done.add(offset)
        self.log.accepted[track.partition].add(offset)

    def _reply(self, entry: tuple[bytes, Callable[[Result], None]], result: Result) -> None:
        if entry in self.wire:
            entry[1](result)

    def _post(self, name: str, before: list[tuple[Assignment, int]]) -> tuple[Assignment, int]:
        """Check one event of a request that has `before` in front of it."""
        log = self.log
        partition, offset = map(int, name.split("/"))
        track = log.assigned[partition]
        if offset in track.done:
            log.violations.append(f"{name} is posted again after its 2xx")
        if offset in track.wire:
            log.violations.append(f"{name} is posted twice at once")
        lane = log.lane(partition, offset)
        for ahead in range(track.acked, offset) if lane is not None else ():
            ready = ahead in track.done or (track, ahead) in before
            if not ready and log.lane(partition, ahead) == lane:
                log.violations.append(f"{name} is posted before {partition}/{ahead}")
        track.wire.add(offset)
        return track, offset
