"""Which partitions this process has.

librdkafka calls these functions from within `poll`, so they run in the consumer's thread, and what
they raise would be thrown away together with the records of that poll. An error is therefore kept
in `failure`, and the session ends with it at the next step. Nor may they poll or ask for topics
(see `topics`); what they call is safe within callbacks.

Given up in order (revoked), a partition is drained first: what is on the wire may finish, the mark
is moved to what is settled, committed, and only then may the next owner start. Given up because
the group has already given it to somebody else (lost), there is nothing to wait for and nothing
that we may commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from eventing_alibaba.contract.errors import Disconnected, SourceError, Unavailable
from eventing_alibaba.sources.kafka.errors import Names, signal
from eventing_alibaba.sources.kafka.tracks import Track

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka import Message as Record

    from eventing_alibaba.sources.kafka.bridge import Bridge
    from eventing_alibaba.sources.kafka.commits import Commits
    from eventing_alibaba.sources.kafka.offsets import StartOffsets
    from eventing_alibaba.sources.kafka.trouble import Trouble

log: Final = logging.getLogger(__name__)


class Assignment:
    """The assigned partitions, as the group and the brokers change them.

    Attributes:
        by_topic: tracks by topic and number; other parts look at it, only this one changes it.
        joined: the group has given us our first assignment, which may be empty.
        leaving: the session ends; what is revoked now was drained and committed before.
        failure: why the session cannot go on; None while it can.
        on_assigned: called with new tracks, still inside the callback.
    """

    def __init__(
        self,
        *,
        starts: Callable[[], StartOffsets],
        commits: Callable[[], Commits],
        bridge: Bridge,
        trouble: Trouble,
        names: Names,
        count: Callable[[str, int], None],
    ) -> None:
        self.by_topic: dict[str, dict[int, Track]] = {}
        self.joined = False
        self.leaving = False
        self.failure: SourceError | None = None
        self.on_assigned: Callable[[Sequence[Track]], None] = lambda tracks: None  # noqa: ARG005
        self._starts = starts
        self._commits = commits
        self._bridge = bridge
        self._trouble = trouble
        self._names = names
        self._count = count
        self._epoch = 0

    def tracks(self) -> Iterator[Track]:
        """All assigned tracks."""
        for tracks in self.by_topic.values():
            yield from tracks.values()

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take new partitions; their starts are committed when this returns."""
        try:
            if self.leaving:
                return  # the client assigns them by itself, and closing gives them back
            if partitions:
                self._assign(consumer, partitions)
            else:
                consumer.incremental_assign([])
            self.joined = True
        except Exception as error:  # noqa: BLE001 - see the module's text
            self._fail(error)

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Give partitions up in order."""
        try:
            tracks = self._take(partitions)
            if not self.leaving:
                self._hand_over(consumer, tracks)
            consumer.incremental_unassign(partitions)
        except Exception as error:  # noqa: BLE001 - see the module's text
            self._fail(error)

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Give partitions up that already belong to somebody else."""
        try:
            tracks = self._take(partitions)
            log.warning("lost %s to the rest of the group", _listed(tracks))
            self._drop(tracks)
            consumer.incremental_unassign(partitions)
        except Exception as error:  # noqa: BLE001 - see the module's text
            self._fail(error)

    def _drop(self, tracks: Sequence[Track]) -> None:
        """Let the flow drop tracks without waiting for anything."""
        if tracks:
            self._bridge.drain(tracks, lost=True)
            self._bridge.forget(tracks)

    def give_up(self) -> None:
        """Let the flow give all partitions up, because the session ends though the flow goes on.

        Their marks are left for the last commit of the session, which does not wait for ever.
        """
        tracks = list(self.tracks())
        for track in tracks:
            track.live = False
        if tracks:
            self._bridge.drain(tracks, lost=False)
            self._bridge.forget(tracks)

    def on_error(self, consumer: Consumer, record: Record, error: KafkaError) -> None:
        """Take what librdkafka delivers in place of a record; outside of its callbacks.

        Raises a SourceError while the group is being joined: then nothing else would tell.
        """
        topic, partition, offset = record.topic() or "", record.partition(), record.offset()
        code = error.code()
        track = self.by_topic.get(topic, {}).get(-1 if partition is None else partition)
        if code == KafkaError._PARTITION_EOF:
            if track is not None and offset is not None:
                track.ended(offset)
                self._trouble.flowing()
        elif code == KafkaError._AUTO_OFFSET_RESET:
            if track is not None:
                self.on_out_of_range(consumer, topic, track.partition, offset)
        elif code == KafkaError._MAX_POLL_EXCEEDED:
            log.error("the consumer was not polled for too long and has left its group: %s", error)
        elif error.fatal():
            self._trouble.fatal = error
        elif not self.joined:
            raise signal(error, self._names, topic=topic)
        elif track is not None:
            self._trouble.fetch_failed(signal(error, self._names, topic=topic))
        else:
            self._trouble.set("topics", signal(error, self._names, topic=topic))

    def on_out_of_range(
        self, consumer: Consumer, topic: str, partition: int, offset: int | None
    ) -> None:
        """Go on at the first record there is, because the one at `offset` is not there.

        Retention has deleted it: what is missing is counted and reported. Or the partition ends
        before it: the topic was made anew (or its log was cut), and the marks of the old one mean
        nothing any more. None: librdkafka has noticed by the leader's epoch that the log was cut,
        and does not say where.

        What it asked for may be past what it gave to us: what was fetched ahead is dropped when a
        partition is paused. So we go on after the last record that we were given.
        """
        track = self.by_topic.get(topic, {}).get(partition)
        if track is None:
            return
        low, high = self._starts().bounds(topic, partition)
        if offset is None or max(offset, track.next) > high:
            self._begin_anew(consumer, track, low)
            self._report_new(f"{topic}[{partition}] ends before the offset that was committed")
            return
        start = min(offset, track.next)
        if start < low:
            track.ended(low)
            self._report_lost(track, low - start)
        self._set(consumer, track, max(start, low))

    def on_renewed(self, consumer: Consumer, topic: str) -> None:
        """Begin anew with a topic that was deleted and made again under its name."""
        for track in list(self.by_topic.get(topic, {}).values()):
            low, _ = self._starts().bounds(topic, track.partition)
            self._begin_anew(consumer, track, low)
        self._report_new(f"topic {topic} was deleted and made anew")

    def _begin_anew(self, consumer: Consumer, track: Track, low: int) -> None:
        """Replace a track whose marks mean nothing any more by one that starts at `low`."""
        self._drop(self._take([_named(track)]))
        note = self._starts().note(track.topic, track.metadata)
        self._set(consumer, self._track(track.topic, track.partition, low, note, stored=False), low)

    def _set(self, consumer: Consumer, track: Track, offset: int) -> None:
        """Read a partition on from `offset`.

        Not by `seek`: after an offset that is out of range librdkafka has stopped the partition.
        """
        consumer.incremental_unassign([_named(track)])
        consumer.incremental_assign([TopicPartition(track.topic, track.partition, offset)])
        self.on_assigned([track])

    def _hand_over(self, consumer: Consumer, tracks: Sequence[Track]) -> None:
        if tracks:
            self._bridge.drain(tracks, lost=False)
            self._commits().now(consumer, tracks)
            self._bridge.forget(tracks)
            log.info("gave up %s", _listed(tracks))

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        fresh = [
            self._track(
                start.topic, start.partition, start.offset, start.metadata, stored=start.stored
            )
            for start in self._starts().resolve(partitions)
        ]
        consumer.incremental_assign([TopicPartition(t.topic, t.partition, t.next) for t in fresh])
        self.on_assigned(fresh)
        log.info("got %s", _listed(fresh))

    def _track(
        self, topic: str, partition: int, start: int, metadata: str, *, stored: bool
    ) -> Track:
        self._epoch += 1
        track = Track(topic, partition, epoch=self._epoch, start=start, metadata=metadata)
        if not stored:
            track.stored = -1  # so that the next commit brings it
        self.by_topic.setdefault(topic, {})[partition] = track
        return track

    def _take(self, partitions: Iterable[TopicPartition]) -> list[Track]:
        """Remove tracks; from now on nothing of theirs is handed out."""
        taken = []
        for item in partitions:
            track = self.by_topic.get(item.topic, {}).pop(item.partition, None)
            if track is not None:
                track.live = False
                taken.append(track)
        return taken

    def _report_lost(self, track: Track, records: int) -> None:
        self._count("retention_lost_records", records)
        sentence = (
            f"retention has deleted up to {records} records of {track.topic}[{track.partition}]"
            " before they were delivered; lengthen the topic's retention, or see why the service"
            " was slow"
        )
        log.error("%s", sentence)
        self._trouble.note(Unavailable(sentence, reason="RetentionLostRecords"))

    def _report_new(self, what: str) -> None:
        sentence = f"{what}: it is another log now, and is read from its beginning"
        log.error("%s", sentence)
        self._trouble.note(Unavailable(sentence, reason="TopicRecreated"))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, KafkaException):
            error = signal(error.args[0], self._names)
        if not isinstance(error, SourceError):
            log.error("a rebalance failed in a way it should not", exc_info=error)
            error = Disconnected(
                "a rebalance failed by a defect of the adapter; see its log", reason="Defect"
            )
        self.failure = self.failure or error


def _named(track: Track) -> TopicPartition:
    return TopicPartition(track.topic, track.partition)


def _listed(tracks: Iterable[Track]) -> str:
    return ", ".join(f"{t.topic}[{t.partition}] at {t.mark()}" for t in tracks) or "nothing"
