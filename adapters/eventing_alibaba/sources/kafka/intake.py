"""From librdkafka's queue into batches, on demand.

A batch is taken by `consume(n, 0)`, which returns what is there; only an empty queue is waited for,
by `poll`, which returns at the first record (`consume` with a timeout would wait for all `n`).

Without demand the consumer must still be polled, or the group would think it dead; but polling
hands out records that nobody wants. So after half a second without demand all partitions are
paused, and polled empty-handed; the next demand resumes them. librdkafka drops what it has fetched
of a paused partition and fetches it again from the position after the last record it handed out, so
a pause costs some traffic and no record, but most of a second until records come again.

That is too slow for the other kind of pause. The flow holds a track whenever it has its share of
waiting records, which with ordered delivery is many times a second. Records of a held track
therefore go into its `Shelf`, in order, and come from there when it is let go; librdkafka's pause
is used only when a shelf is full, and ended when it is half empty. There, too, wait the records of
a track whose start could not be committed yet: after a kill the next process would look for its
start anew, and might pass over what was still to be delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import TopicPartition

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.sources.kafka.assignment import Assignment
    from eventing_alibaba.sources.kafka.records import RecordReader
    from eventing_alibaba.sources.kafka.tracks import Track

PATIENCE: Final = 0.5
"""Seconds without demand after which partitions are paused."""

_LIKELY: Final = 16_384.0
_SHELF_RECORDS: Final = 4096
_SHELVES_BYTES: Final = 8 * 1024 * 1024
"""What all shelves together may hold; each partition has its part of it."""


class Shelf:
    """Records of one track that were read and not yet handed out, in order.

    Attributes:
        full: librdkafka was asked to fetch no more of the track.
    """

    __slots__ = ("full", "messages", "size")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.size = 0
        self.full = False


class Intake:
    """Takes batches; used in the consumer's thread."""

    def __init__(self, assignment: Assignment, reader: RecordReader) -> None:
        self._assignment = assignment
        self._reader = reader
        self._shelves: dict[Track, Shelf] = {}
        self._held: set[Track] = set()
        self._starting: set[Track] = set()
        self._mean = _LIKELY
        self.paused = False

    def take(self, consumer: Consumer, *, limit: int, max_bytes: int, wait: float) -> list[Message]:
        """Return up to `limit` messages of about `max_bytes`.

        Waits `wait` seconds for the first one; the list may be empty.
        """
        self._set_paused(consumer, paused=False)
        if self._starting:
            self._starting = {track for track in self._starting if track.live and not track.safe}
        batch: list[Message] = []
        size = self._unshelve(consumer, batch, limit, max_bytes) if self._shelves else 0
        if self._shelves:
            wait = 0.0  # held tracks have records: what is waited for is their being let go
        while len(batch) < limit and (size < max_bytes or not batch):
            asked = min(limit - len(batch), max(1, int((max_bytes - size) / self._mean)))
            records = consumer.consume(asked, 0)
            if not records and not batch and wait:
                first = consumer.poll(wait)
                wait = 0.0
                if first is not None:
                    size += self._read(consumer, [first], batch)
                    continue
            size += self._read(consumer, records, batch)
            if len(records) < asked:
                break
        # A rebalance within a poll may have taken partitions away again.
        live = attrgetter("track.live")
        return [message for message in batch if live(message)]

    def stand_by(self, consumer: Consumer) -> None:
        """Poll without taking records; called several times a second while there is no demand."""
        self._set_paused(consumer, paused=True)
        self.listen(consumer, wait=0)

    def listen(self, consumer: Consumer, *, wait: float) -> None:
        """Poll once; a record that comes is handed out with the next batch.

        Nothing is paused, because a start is about to be asked for records.
        """
        stray = consumer.poll(wait)
        if stray is not None:
            got: list[Message] = []
            self._read(consumer, [stray], got)
            for message in got:
                self._shelve(consumer, message)

    def hold(self, tracks: Iterable[Track]) -> None:
        """Hand out no more of `tracks`."""
        self._held.update(track for track in tracks if track.live)

    def let_go(self, tracks: Iterable[Track]) -> None:
        """Hand out records of `tracks` again."""
        self._held.difference_update(tracks)

    def assigned(self, consumer: Consumer, tracks: Iterable[Track]) -> None:
        """Pause or resume what was assigned just now, as it must be; forget what is gone.

        librdkafka remembers for ever that a partition was paused, also when it was away meanwhile.
        """
        self._starting.update(track for track in tracks if not track.safe)
        self._held = {track for track in self._held if track.live}
        self._shelves = {track: shelf for track, shelf in self._shelves.items() if track.live}
        for track in tracks:
            (consumer.pause if self.paused else consumer.resume)(_named([track]))

    @property
    def shelved(self) -> int:
        """How many records wait on shelves."""
        return sum(len(shelf.messages) for shelf in self._shelves.values())

    def _set_paused(self, consumer: Consumer, *, paused: bool) -> None:
        if paused == self.paused:
            return
        self.paused = paused
        full = {track for track, shelf in self._shelves.items() if shelf.full}
        tracks = [track for track in self._assignment.tracks() if track not in full]
        if tracks:
            (consumer.pause if paused else consumer.resume)(_named(tracks))

    def _read(self, consumer: Consumer, records: Iterable[object], batch: list[Message]) -> int:
        """Read into `batch`, or on shelves; return the bytes that went into `batch`."""
        if not (self._held or self._shelves or self._starting):
            before = len(batch)
            size = self._reader.read(records, batch)  # type: ignore[arg-type]
            self._learn(size, len(batch) - before)
            return size
        got: list[Message] = []
        self._learn(self._reader.read(records, got), len(got))  # type: ignore[arg-type]
        size = 0
        for message in got:
            # What is on the shelf of its track was there first.
            track = cast("Track", message.track)
            if self._waits(track) or track in self._shelves:
                self._shelve(consumer, message)
            else:
                batch.append(message)
                size += len(message.body)
        return size

    def _waits(self, track: Track) -> bool:
        return track in self._held or track in self._starting

    def _learn(self, size: int, count: int) -> None:
        if count:
            self._mean = max(1.0, self._mean + (size / count - self._mean) / 4)

    def _shelve(self, consumer: Consumer, message: Message) -> None:
        track = cast("Track", message.track)
        if not track.live:
            return
        shelf = self._shelves.get(track)
        if shelf is None:
            self._shelves[track] = shelf = Shelf()
        shelf.messages.append(message)
        shelf.size += len(message.body)
        records = len(shelf.messages)
        if not shelf.full and (records >= _SHELF_RECORDS or shelf.size >= self._most()):
            shelf.full = True
            if not self.paused:
                consumer.pause(_named([track]))

    def _unshelve(
        self, consumer: Consumer, batch: list[Message], limit: int, max_bytes: int
    ) -> int:
        """Take from the shelves of tracks that are not held, a fair part of each."""
        free = [track for track in self._shelves if not (track.live and self._waits(track))]
        size = 0
        part = max(1, limit // len(free)) if free else 0
        for track in free:
            shelf = self._shelves[track]
            if not track.live:
                del self._shelves[track]
                continue
            count = min(part, limit - len(batch))
            while shelf.messages and count and (size < max_bytes or not batch):
                message = shelf.messages.popleft()
                shelf.size -= len(message.body)
                size += len(message.body)
                batch.append(message)
                count -= 1
            half = len(shelf.messages) <= _SHELF_RECORDS // 2 and shelf.size <= self._most() // 2
            if shelf.full and half:
                self._half_empty(consumer, track, shelf)
            if not shelf.messages:
                del self._shelves[track]
        return size

    def _most(self) -> int:
        """Bytes of one shelf."""
        return _SHELVES_BYTES // max(1, sum(map(len, self._assignment.by_topic.values())))

    def _half_empty(self, consumer: Consumer, track: Track, shelf: Shelf) -> None:
        shelf.full = False
        if not self.paused:
            consumer.resume(_named([track]))


def _named(tracks: Iterable[Track]) -> list[TopicPartition]:
    return [TopicPartition(track.topic, track.partition) for track in tracks]
