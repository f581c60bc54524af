"""Where a partition starts, decided once and committed before the first record is read.

A group's start must not depend on when it happens to look. If "latest" were left to the consumer,
records produced between two restarts of a group that has not delivered anything yet would be
skipped without a trace. So at the first assignment `initialOffset` is turned into numbers, and the
numbers are committed; from then on nothing but committed offsets counts.

That makes "no committed offset" mean two things, which must not be mixed up:

*The group starts.* No partition of the topic has an offset: `initialOffset` applies. Beside the
offset each commit carries a note, `partitions=4`: how many partitions there were. Members of a
group start one after the other, each with its own partitions; one that finds offsets of its
siblings, but none for a partition below that number, belongs to the same start.

*A partition was added later*, or nobody knows (offsets of another tool, without the note): it is
read from its beginning. Whatever was produced into it before it was discovered was produced after
the group had started, so starting it at its end would lose records.

A topic that this process had started already and that has no offsets any more was deleted and made
anew (brokers drop the offsets of deleted topics): it is read from its beginning too. So is one
whose offsets carry the id of another topic in their note, `topic=...` (see `identity`).

"Latest" is the last stable offset: a transaction that is open at that moment is delivered if it
commits, as a consumer that was already running would have seen it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, TopicPartition

from eventing_alibaba.sources.kafka.errors import PASSING, Names, signal
from eventing_alibaba.sources.kafka.spec import milliseconds

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError

_LATEST: Final = -1
_EARLIEST: Final = -2
_PATIENCE: Final = 10.0
_SIZE: Final = re.compile(r"\bpartitions=(\d+)\b")
_TOPIC: Final = re.compile(r"\btopic=(\S+)")


@dataclass(slots=True, frozen=True)
class Start:
    """Where one partition starts.

    Attributes:
        topic, partition: which.
        offset: the first record to read.
        metadata: the note that goes with every commit of this partition.
        stored: the offset is committed.
    """

    topic: str
    partition: int
    offset: int
    metadata: str
    stored: bool


@dataclass(slots=True, frozen=True)
class Committed:
    """What a group has committed for one partition; `offset` is None where it has nothing."""

    offset: int | None
    metadata: str = ""


def timestamp(initial: str) -> int:
    """Return `initialOffset` as a ListOffsets request writes it: -1, -2 or milliseconds."""
    named = {"latest": _LATEST, "earliest": _EARLIEST}
    return named[initial] if initial in named else milliseconds(initial)


def note(size: int, identity: str | None) -> str:
    """Return what is committed beside offsets."""
    return f"partitions={size}" + (f" topic={identity}" if identity else "")


def wanted(
    assigned: Iterable[int],
    committed: Mapping[int, Committed],
    *,
    initial: int,
    started: bool,
    identity: str | None = None,
) -> tuple[dict[int, int], str]:
    """Decide for the assigned partitions of one topic. Pure.

    Args:
        assigned: Numbers of the partitions that were assigned.
        committed: What the group has committed, for all partitions of the topic.
        initial: `timestamp(spec.initial_offset)`.
        started: This process has started this topic before.
        identity: The topic's id, where it is known.

    Returns:
        For each assigned partition without an offset what to ask for (see `timestamp`), and the
        note for this topic's commits.
    """
    known = {p: found for p, found in committed.items() if found.offset is not None}
    valid = {p: found for p, found in known.items() if _is_of(found, identity)}
    missing = [partition for partition in assigned if partition not in valid]
    if not valid:
        ask = _EARLIEST if started or known else initial
        return dict.fromkeys(missing, ask), note(len(committed), identity)
    sizes = [int(match[1]) for found in valid.values() if (match := _SIZE.search(found.metadata))]
    # A partition of the start has a lower number than any that came later, so the least is right.
    size = min(sizes, default=0)
    asked = {p: initial if p < size and p not in known else _EARLIEST for p in missing}
    return asked, note(size, identity)


def _is_of(found: Committed, identity: str | None) -> bool:
    """Whether an offset belongs to the topic with this id, as far as can be known."""
    noted = _TOPIC.search(found.metadata)
    return identity is None or noted is None or noted[1] == identity


class StartOffsets:
    """Resolves and commits starts; used in the consumer's thread, also inside its callbacks.

    `sizes` has the number of partitions of each topic. It may be out of date: a group that starts
    then notes too small a number, and a partition that was added later is read from its beginning.
    `ids` has the ids of topics, where they are known. `started` has the topics that this process
    has started; it outlives sessions.
    """

    def __init__(
        self,
        consumer: Consumer,
        names: Names,
        *,
        sizes: Mapping[str, int],
        ids: Mapping[str, str],
        initial: int,
        started: set[str],
    ) -> None:
        self._consumer = consumer
        self._names = names
        self._sizes = sizes
        self._ids = ids
        self._initial = initial
        self._started = started

    def resolve(self, assigned: Sequence[TopicPartition]) -> list[Start]:
        """Return a start for each assigned partition, all of them committed.

        The one exception: when the group rebalances again meanwhile, new starts come back with
        `stored=False`, to be committed like any mark, and nothing is handed out before. Raises a
        SourceError when a broker does not answer or refuses.
        """
        starts: list[Start] = []
        by_topic: dict[str, list[int]] = {}
        for item in assigned:
            by_topic.setdefault(item.topic, []).append(item.partition)
        ask: list[TopicPartition] = []
        for topic, partitions in by_topic.items():
            committed = self._committed(topic, partitions)
            missing, noted = wanted(
                partitions,
                committed,
                initial=self._initial,
                started=topic in self._started,
                identity=self._ids.get(topic),
            )
            ask += [TopicPartition(topic, p, spec, noted) for p, spec in missing.items()]
            for partition in partitions:
                offset = committed[partition].offset
                if partition not in missing and offset is not None:
                    starts.append(Start(topic, partition, offset, noted, stored=True))
        if ask:
            starts += self._begin(ask)
        self._started.update(by_topic)
        return starts

    def note(self, topic: str, before: str) -> str:
        """Return the note for a topic that was made anew; `before` is that of the old one."""
        size = _SIZE.search(before)
        return note(int(size[1]) if size else 0, self._ids.get(topic))

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that is left in a partition, and the one after its last."""
        try:
            low_high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=_PATIENCE
            )
        except KafkaException as error:
            raise signal(error.args[0], self._names, topic=topic) from error
        return low_high

    def _committed(self, topic: str, assigned: Iterable[int]) -> dict[int, Committed]:
        numbers = sorted({*range(self._sizes.get(topic, 0)), *assigned})
        try:
            answer = self._consumer.committed(
                [TopicPartition(topic, number) for number in numbers], timeout=_PATIENCE
            )
        except KafkaException as error:
            raise signal(error.args[0], self._names, topic=topic) from error
        self._check(answer)
        return {
            item.partition: Committed(
                item.offset if item.offset >= 0 else None, item.metadata or ""
            )
            for item in answer
        }

    def _begin(self, ask: list[TopicPartition]) -> list[Start]:
        """Turn wishes into numbers and commit them."""
        try:
            numbers = self._numbers(ask)
        except KafkaException as error:
            raise signal(error.args[0], self._names) from error
        stored = self._commit(numbers)
        return [
            Start(item.topic, item.partition, item.offset, item.metadata or "", stored=stored)
            for item in numbers
        ]

    def _numbers(self, ask: list[TopicPartition]) -> list[TopicPartition]:
        offsets = {}
        # One partition can be asked for only once a request, so each kind of wish is one request.
        for spec in sorted({item.offset for item in ask}, reverse=True):
            asked = [item for item in ask if item.offset == spec]
            for found in self._ask(asked, spec):
                offsets[found.topic, found.partition] = found.offset
            # No record is that young: a time in the future means the end.
            late = [item for item in asked if offsets[item.topic, item.partition] < 0]
            if late:
                for found in self._ask(late, _LATEST):
                    offsets[found.topic, found.partition] = found.offset
        return [
            TopicPartition(
                item.topic,
                item.partition,
                offsets[item.topic, item.partition],
                item.metadata or "",
            )
            for item in ask
        ]

    def _ask(self, items: Iterable[TopicPartition], spec: int) -> list[TopicPartition]:
        answer = self._consumer.offsets_for_times(
            [TopicPartition(item.topic, item.partition, spec) for item in items],
            timeout=_PATIENCE,
        )
        self._check(answer)
        return answer

    def _commit(self, offsets: list[TopicPartition]) -> bool:
        try:
            answer = self._consumer.commit(offsets=offsets, asynchronous=False)
            errors = [item.error for item in answer or () if item.error is not None]
        except KafkaException as error:
            errors = [error.args[0]]
        if any(error.code() not in PASSING for error in errors):
            raise signal(errors[0], self._names, topic=offsets[0].topic)
        return not errors

    def _check(self, answer: Iterable[TopicPartition]) -> None:
        for item in answer:
            error: KafkaError | None = item.error
            if error is not None:
                raise signal(error, self._names, topic=item.topic)
