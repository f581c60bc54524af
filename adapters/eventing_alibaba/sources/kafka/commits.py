"""Marks become committed offsets.

A commit costs a broker milliseconds, and librdkafka queues commits without bound when they are
asked for faster than they are answered. So marks are committed together, every 0.2 s or when 1,000
records wait, at once when there is nothing else to do, and at most one commit is under way. What a
killed process had delivered beyond its last commit is delivered again: that is the price, and the
bound.

Nothing is lost by a commit that fails: the mark is still ahead of what is stored, so the next one
carries it. While partitions are given up, and at the end, commits are waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from eventing_alibaba.sources.kafka.errors import PASSING, Names, signal

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from eventing_alibaba.sources.kafka.tracks import Track
    from eventing_alibaba.sources.kafka.trouble import Trouble

PERIOD: Final = 0.2
RECORDS: Final = 1_000
_FORGOTTEN: Final = 60.0
_LASTING: Final = 10.0
_INSISTING: Final = 1.0
# While other members are still being told of an assignment, and while a coordinator moves.
_MOMENTARY: Final = frozenset(
    {
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
log: Final = logging.getLogger(__name__)


class Commits:
    """Commits marks; used in the consumer's thread, also inside its callbacks."""

    def __init__(
        self,
        tracks: Callable[[], Iterable[Track]],
        names: Names,
        trouble: Trouble,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tracks = tracks
        self._names = names
        self._trouble = trouble
        self._now = now
        self._under_way: dict[tuple[str, int], tuple[Track, int]] = {}
        self._since = 0.0
        self._next = 0.0
        self._failing_since: float | None = None

    def tend(self, consumer: Consumer, *, idle: bool) -> None:
        """Start a commit if it is time for one."""
        now = self._now()
        if self._under_way:
            if now - self._since < _FORGOTTEN:
                return
            self._under_way = {}
        due = idle or now >= self._next
        waiting = [
            (track, mark) for track in self._tracks() if (mark := track.mark()) > track.stored
        ]
        if not waiting or not (due or sum(m - t.stored for t, m in waiting) >= RECORDS):
            return
        self._since = now
        self._next = now + PERIOD
        self._under_way = {(t.topic, t.partition): (t, mark) for t, mark in waiting}
        try:
            consumer.commit(offsets=[_offset(t, mark) for t, mark in waiting], asynchronous=True)
        except KafkaException as error:
            self._under_way = {}
            self._failed(error.args[0])

    def on_commit(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Take the answer to an asynchronous commit; librdkafka calls it while polling."""
        under_way, self._under_way = self._under_way, {}
        failed = error
        for item in partitions:
            track, mark = under_way.get((item.topic, item.partition), (None, 0))
            if item.error is not None:
                failed = failed or item.error
            elif error is None and track is not None and item.offset == mark:
                track.stored = max(track.stored, mark)
        if failed is None:
            self._well()
        else:
            self._failed(failed)

    def now(self, consumer: Consumer, tracks: Iterable[Track]) -> bool:
        """Commit the marks of `tracks` and wait; for tracks that are about to be given up.

        Insists for a second where it failed for a moment only. Returns False when it failed: their
        next owner gets those records again.
        """
        waiting = [(track, mark) for track in tracks if (mark := track.mark()) > track.stored]
        if not waiting:
            return True
        deadline = self._now() + _INSISTING
        while (error := self._refusal(consumer, waiting)) is not None:
            if error.code() not in _MOMENTARY or self._now() >= deadline:
                log.warning(
                    "the last marks of %d partitions could not be committed, some records come"
                    " again: %s",
                    len(waiting),
                    error,
                )
                self._failed(error)
                return False
            time.sleep(0.05)
        for track, mark in waiting:
            track.stored = max(track.stored, mark)
        return True

    def _refusal(
        self, consumer: Consumer, waiting: Iterable[tuple[Track, int]]
    ) -> KafkaError | None:
        """Commit and wait; return the first error there is."""
        try:
            answer = consumer.commit(
                offsets=[_offset(t, mark) for t, mark in waiting], asynchronous=False
            )
        except KafkaException as error:
            refused: KafkaError = error.args[0]
            return refused
        return next((item.error for item in answer or () if item.error is not None), None)

    def flush(self, consumer: Consumer, *, seconds: float) -> bool:
        """Commit all marks within `seconds`, asynchronously, so that a dead broker cannot hold us.

        Polls the consumer meanwhile; records that come are left to the next owner.
        """
        deadline = self._now() + seconds
        while self._under_way or any(t.mark() > t.stored for t in self._tracks()):
            if self._now() >= deadline:
                return False
            self.tend(consumer, idle=True)
            consumer.poll(0.02)
        return True

    def _well(self) -> None:
        self._failing_since = None
        self._trouble.clear("commits")

    def _failed(self, error: KafkaError) -> None:
        """Report a failure that lasts, or will: rebalances and moving coordinators pass."""
        now = self._now()
        self._next = now + PERIOD
        if self._failing_since is None:
            self._failing_since = now
        lasting = now - self._failing_since >= _LASTING
        if lasting or (error.code() not in PASSING and not error.retriable()):
            self._trouble.set("commits", signal(error, self._names))


def _offset(track: Track, mark: int) -> TopicPartition:
    return TopicPartition(track.topic, track.partition, mark, track.metadata)
