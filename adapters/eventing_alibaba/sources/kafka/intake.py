"""From librdkafka's queue into batches, on demand.

A batch is taken by `consume(n, 0)`, which returns what is there; only an empty queue is waited for,
by `poll`, which returns at the first record (`consume` with a timeout would wait for all `n`).

Without demand the consumer must still be polled, or the group would think it dead; but polling
hands out records that nobody wants. So after half a second without demand all partitions are
paused, and polled empty-handed; the next demand resumes them. librdkafka drops what it has fetched
of a paused partition and fetches it again from the position after the last record it handed out, so
a pause costs some traffic and no record.
"""

from __future__ import annotations

from collections.abc import Iterable
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


class Intake:
    """Takes batches; used in the consumer's thread."""

    def __init__(self, assignment: Assignment, reader: RecordReader) -> None:
        self._assignment = assignment
        self._reader = reader
        self._carried: list[Message] = []
        self._held: set[Track] = set()
        self._mean = _LIKELY
        self.paused = False

    def take(self, consumer: Consumer, *, limit: int, max_bytes: int, wait: float) -> list[Message]:
        """Return up to `limit` messages of about `max_bytes`.

        Waits `wait` seconds for the first one; the list may be empty.
        """
        self._set_paused(consumer, paused=False)
        batch, self._carried = self._carried, []
        size = sum(len(message.body) for message in batch)
        while len(batch) < limit and (size < max_bytes or not batch):
            asked = min(limit - len(batch), max(1, int((max_bytes - size) / self._mean)))
            records = consumer.consume(asked, 0)
            if not records and not batch and wait:
                first = consumer.poll(wait)
                wait = 0.0
                if first is not None:
                    size += self._read([first], batch)
                    continue
            size += self._read(records, batch)
            if len(records) < asked:
                break
        # A rebalance within a poll may have taken partitions away again.
        return [message for message in batch if cast("Track", message.track).live]

    def stand_by(self, consumer: Consumer) -> None:
        """Poll without taking records; called several times a second while there is no demand."""
        self._set_paused(consumer, paused=True)
        self.listen(consumer, wait=0)

    def listen(self, consumer: Consumer, *, wait: float) -> None:
        """Poll once; a record that comes is handed out with the next batch.

        Nothing is paused: librdkafka needs most of a second to fetch again after a pause, which a
        start that is about to be asked for records should not pay.
        """
        stray = consumer.poll(wait)
        if stray is not None:
            self._read([stray], self._carried)

    def hold(self, consumer: Consumer, tracks: Iterable[Track]) -> None:
        """Take no more of `tracks`."""
        held = [track for track in tracks if track.live and track not in self._held]
        self._held.update(held)
        if held and not self.paused:
            consumer.pause(_named(held))

    def let_go(self, consumer: Consumer, tracks: Iterable[Track]) -> None:
        """Take records of `tracks` again."""
        free = [track for track in tracks if track.live and track in self._held]
        self._held.difference_update(free)
        if free and not self.paused:
            consumer.resume(_named(free))

    def assigned(self, consumer: Consumer, tracks: Iterable[Track]) -> None:
        """Pause or resume what was assigned just now, as it must be.

        librdkafka remembers for ever that a partition was paused, also when it was away meanwhile.
        """
        self._held = {track for track in self._held if track.live}
        for track in tracks:
            still = self.paused or track in self._held
            (consumer.pause if still else consumer.resume)(_named([track]))

    def _set_paused(self, consumer: Consumer, *, paused: bool) -> None:
        if paused == self.paused:
            return
        self.paused = paused
        tracks = [track for track in self._assignment.tracks() if track not in self._held]
        if tracks:
            (consumer.pause if paused else consumer.resume)(_named(tracks))

    def _read(self, records: Iterable[object], batch: list[Message]) -> int:
        before = len(batch)
        size = self._reader.read(records, batch)  # type: ignore[arg-type]
        count = len(batch) - before
        if count:
            self._mean += (size / count - self._mean) / 4
            self._mean = max(self._mean, 1.0)
        return size


def _named(tracks: Iterable[Track]) -> list[TopicPartition]:
    return [TopicPartition(track.topic, track.partition) for track in tracks]
