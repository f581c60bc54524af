"""Committed offsets moved by hand.

A member of a group holds its position in memory and commits over whatever is written beside it. So
the group must have no members: brokers are asked, and where they cannot tell they still refuse a
commit from outside while there are some, which also covers one that joins in between.

The commits carry the same note as the adapter's own (see `offsets`). A group that has not started
starts by this: what is not named here begins at `initialOffset` later, as if it had been assigned
together with what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import TimeoutError as AnswerTimeoutError
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from eventing_alibaba.contract.errors import Disconnected, Unavailable
from eventing_alibaba.contract.seek import Move, Place, Unseekable, Wish
from eventing_alibaba.sources.kafka.errors import Names, refused_settings, signal
from eventing_alibaba.sources.kafka.identity import TopicIds
from eventing_alibaba.sources.kafka.offsets import Committed, timestamp, wanted
from eventing_alibaba.sources.kafka.settings import connection, read_secrets, settings
from eventing_alibaba.sources.kafka.topics import Topics
from eventing_alibaba.sources.kafka.trouble import Trouble
from eventing_alibaba.sources.kafka.voice import Voice

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

_PATIENCE: Final = 10.0
_LATEST: Final = -1
_UNTOLD: Final = frozenset(
    {
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError.GROUP_AUTHORIZATION_FAILED,  # a user may read with a group without seeing it
        KafkaError.GROUP_ID_NOT_FOUND,
    }
)
_SILENT: Final = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT})
"""What a call fails with when no broker answers, whatever the cause."""
_OCCUPIED: Final = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


def seek(spec: AliKafkaSourceSpec, context: Context, wish: Wish) -> list[Move]:
    """Move the group of `spec`; see `contract.seek`.

    Raises Unseekable, or a SourceError: Unavailable with the reason GroupHasMembers while adapters
    run.
    """
    topics = _chosen(spec, wish)
    names = Names(
        servers=", ".join(spec.bootstrap_servers),
        group=spec.group(context),
        mechanism=spec.net.sasl.type,
    )
    secrets = read_secrets(spec.net, context.credentials)
    there, voice = Topics(topics, names), Voice()
    trouble = Trouble(names, voice, there, lambda _error: None)
    trouble.authority = secrets.authority
    told = {"logger": voice, "error_cb": trouble.on_error}
    try:
        consumer = Consumer({**settings(spec, context, secrets), **told})
    except KafkaException as error:
        raise refused_settings(error.args[0]) from error
    try:
        reach = {**connection(spec, context, secrets), "log_level": 0}
        return _Seeker(consumer, names, there, topics).move(reach, wish)
    except KafkaException as error:
        if error.args[0].code() not in _SILENT:
            raise signal(error.args[0], names) from error
        consumer.poll(0)  # brings what librdkafka has to say beside the call that failed
        raise trouble.cause() from error
    finally:
        consumer.close()


def _chosen(spec: AliKafkaSourceSpec, wish: Wish) -> list[str]:
    there = ", ".join(spec.topics)
    if wish.topic is not None and wish.topic not in spec.topics:
        raise Unseekable(f"topic {wish.topic} is not in spec.topics; there is {there}")
    if wish.partition is not None and wish.topic is None and len(spec.topics) > 1:
        raise Unseekable(f"a partition needs its topic: say with --topic which of {there}")
    if wish.to.offset is not None and wish.topic is None and len(spec.topics) > 1:
        raise Unseekable(f"an offset needs its topic: say with --topic which of {there}")
    return list(spec.topics) if wish.topic is None else [wish.topic]


class _Seeker:
    """One consumer, which joins no group, and what it finds out."""

    def __init__(
        self, consumer: Consumer, names: Names, topics: Topics, chosen: Sequence[str]
    ) -> None:
        self._consumer = consumer
        self._names = names
        self._topics = topics
        self._chosen = chosen

    def move(self, reach: Mapping[str, Any], wish: Wish) -> list[Move]:
        if (wrong := self._topics.look(self._consumer, timeout=_PATIENCE)) is not None:
            raise wrong
        ids = TopicIds(reach, self._chosen)
        if self._topics.controlled:
            self._vacant(AdminClient(dict(reach)))
            ids.learn()
        moves: list[Move] = []
        commits: list[TopicPartition] = []
        for topic in self._chosen:
            committed = self._committed(topic)
            partitions = self._partitions(topic, wish)
            # What `wanted` says about starts is not needed here, its note is.
            _, noted = wanted(
                (), committed, initial=_LATEST, started=False, identity=ids.ids.get(topic)
            )
            for partition, offset in self._resolve(topic, partitions, wish.to).items():
                moves.append(Move(topic, partition, committed[partition].offset, offset))
                commits.append(TopicPartition(topic, partition, offset, noted))
        if not wish.dry_run:
            self._commit(commits)
        return moves

    def _vacant(self, admin: AdminClient) -> None:
        """Raise Unavailable if the group has members."""
        group = self._names.group
        asked = admin.describe_consumer_groups([group], request_timeout=_PATIENCE)[group]
        try:
            found = asked.result(_PATIENCE + 1)
        except AnswerTimeoutError:
            raise Disconnected(f"the brokers at {self._names.servers} do not answer") from None
        except KafkaException as error:
            if error.args[0].code() not in _UNTOLD:
                raise
            return
        if count := len(found.members):
            raise _occupied(group, f"{count} member{'' if count == 1 else 's'}")

    def _partitions(self, topic: str, wish: Wish) -> list[int]:
        size = self._topics.sizes[topic]
        if wish.partition is None:
            if wish.to.offset is not None and size > 1:
                raise Unseekable(
                    f"an offset needs its partition: topic {topic} has {size};"
                    f" say with --partition which of 0 to {size - 1}"
                )
            return list(range(size))
        if wish.partition >= size:
            raise Unseekable(
                f"topic {topic} has no partition {wish.partition}; its last one is {size - 1}"
            )
        return [wish.partition]

    def _committed(self, topic: str) -> dict[int, Committed]:
        every = [TopicPartition(topic, number) for number in range(self._topics.sizes[topic])]
        answer = self._consumer.committed(every, timeout=_PATIENCE)
        self._check(answer)
        return {
            item.partition: Committed(
                item.offset if item.offset >= 0 else None, item.metadata or ""
            )
            for item in answer
        }

    def _resolve(self, topic: str, partitions: Sequence[int], to: Place) -> dict[int, int]:
        if to.offset is None:
            found = self._ask(topic, partitions, timestamp(to.text))
            late = [partition for partition in partitions if found[partition] < 0]
            return found | (self._ask(topic, late, _LATEST) if late else {})
        for partition in partitions:
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=_PATIENCE
            )
            if not low <= to.offset <= high:
                raise Unseekable(
                    f"offset {to.offset} is not in partition {partition} of topic {topic}:"
                    f" it must be from {low} (the earliest) to {high} (the latest)"
                )
        return dict.fromkeys(partitions, to.offset)

    def _ask(self, topic: str, partitions: Iterable[int], when: int) -> dict[int, int]:
        answer = self._consumer.offsets_for_times(
            [TopicPartition(topic, number, when) for number in partitions], timeout=_PATIENCE
        )
        self._check(answer)
        return {item.partition: item.offset for item in answer}

    def _commit(self, commits: list[TopicPartition]) -> None:
        try:
            self._check(self._consumer.commit(offsets=commits, asynchronous=False) or ())
        except KafkaException as error:
            if error.args[0].code() in _OCCUPIED:
                raise _occupied(self._names.group, "members") from error
            raise

    def _check(self, answer: Iterable[TopicPartition]) -> None:
        for item in answer:
            if item.error is None:
                continue
            if item.error.code() in _OCCUPIED:
                raise _occupied(self._names.group, "members")
            raise signal(item.error, self._names, topic=item.topic)


def _occupied(group: str, members: str) -> Unavailable:
    return Unavailable(
        f"stop the adapters first: group {group} has {members}, which would commit over it"
        " (a member that was killed counts until its session ends)",
        reason="GroupHasMembers",
    )
