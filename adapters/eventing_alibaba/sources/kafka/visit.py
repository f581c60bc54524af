"""A client that looks and leaves no trace.

It is a consumer, because only a consumer may be told by the brokers what a consumer may do, but it
joins no group and commits nothing: partitions are assigned by hand, at their end.

What librdkafka says while a call waits is the better half of the answer (a call that fails says
"timed out", whatever the cause), so it is collected as a session collects it, by `Trouble`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.kafka.errors import Names, refused_settings, signal
from eventing_alibaba.sources.kafka.topics import Topics
from eventing_alibaba.sources.kafka.trouble import Trouble
from eventing_alibaba.sources.kafka.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka.admin._metadata import ClusterMetadata

PATIENCE: Final = 10.0
"""Seconds for an answer of a broker that could be reached."""

_COMPLAINED: Final = 3.0
"""Seconds that a broker gets to mend a connection which broke."""
_POLL: Final = 0.1
_ASK: Final = 1.0
_END: Final = -1
_SILENT: Final = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._WAIT_COORD})
_GROUP: Final = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.INVALID_GROUP_ID})


class Visit:
    """A client from its making to `close`; blocks, and is used by one thread at a time.

    Args:
        told: the consumer's settings.
        names: what sentences name.
        authority: certificates that the client trusts, PEM; None = the system's.
        given_up: nobody waits for answers any more.
    """

    def __init__(
        self,
        told: Mapping[str, Any],
        names: Names,
        authority: str | None,
        given_up: threading.Event,
    ) -> None:
        self._given_up = given_up
        self._names = names
        self._refused: KafkaError | None = None
        self._latest: ClusterMetadata | None = None
        servers = str(told["bootstrap.servers"]).split(",")
        self._servers = servers
        voice = Voice()
        self._trouble = Trouble(names, voice, _Anything(self, names), lambda _error: None)
        self._trouble.authority = authority
        try:
            self._consumer = Consumer({**told, "logger": voice, "error_cb": self._trouble.on_error})
        except KafkaException as error:
            raise refused_settings(error.args[0]) from None

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def reach(self) -> ClusterMetadata:
        """Return what the first broker that answers says of the cluster. Raises SourceError."""
        self._trouble.reach(
            self._consumer, alone=len(self._servers) == 1, go_on=lambda: not self._given_up.is_set()
        )
        if self._latest is None:
            raise self._trouble.cause()
        return self._latest

    def metadata(self, topic: str) -> ClusterMetadata:
        """Return what the brokers say of the cluster and of one topic. Raises SourceError."""
        try:
            cluster: ClusterMetadata = self._consumer.list_topics(topic, timeout=PATIENCE)
        except KafkaException as error:
            raise self._said(error, topic) from error
        return cluster

    def read(self, topic: str, partitions: Sequence[int]) -> None:
        """Fetch at the end of these partitions, once each. Raises SourceError."""
        waiting = set(partitions)
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in partitions])
        begun = time.monotonic()
        try:
            while waiting:
                record = self._consumer.poll(_POLL)
                if record is None:
                    if self._late(begun):
                        raise self._unanswered()
                elif (error := record.error()) is None or error.code() == KafkaError._PARTITION_EOF:
                    if record.topic() == topic:
                        waiting.discard(record.partition())
                elif error.code() in _GROUP:
                    self._refused = error
                elif error.code() != KafkaError._MAX_POLL_EXCEEDED:
                    raise signal(error, self._names, topic=topic)
        finally:
            self._consumer.unassign()

    def coordinator(self, topic: str) -> None:
        """See that the group may be asked, whatever may be said of `topic`. Raises SourceError."""
        self._committed([TopicPartition(topic, 0)])

    def committed(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Return what the group has committed. Raises SourceError."""
        return self._checked(self._committed(partitions))

    def _committed(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        begun = time.monotonic()
        while True:
            try:
                return self._consumer.committed(list(partitions), timeout=_ASK)
            except KafkaException as error:
                # Why the coordinator does not answer comes as an event, not as the call's error.
                self._listen()
                if self._refused is not None:
                    raise signal(self._refused, self._names) from error
                if self._late(begun) or error.args[0].code() not in _SILENT:
                    raise self._said(error) from error

    def ends(self, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
        """Return the offset after the last record of each partition. Raises SourceError."""
        asked = [TopicPartition(one.topic, one.partition, _END) for one in partitions]
        try:
            found = self._checked(self._consumer.offsets_for_times(asked, timeout=PATIENCE))
        except KafkaException as error:
            raise self._said(error) from error
        return {(one.topic, one.partition): one.offset for one in found}

    def _late(self, begun: float) -> bool:
        """Whether an answer is not to be expected any more."""
        waited = time.monotonic() - begun
        given_up = self._given_up.is_set() or waited > PATIENCE
        return given_up or (self._trouble._cause is not None and waited > _COMPLAINED)

    def _listen(self) -> None:
        while (record := self._consumer.poll(0)) is not None:
            error = record.error()
            if error is not None and error.code() in _GROUP:
                self._refused = error

    def _checked(self, answer: list[TopicPartition]) -> list[TopicPartition]:
        for one in answer:
            if one.error is not None:
                raise signal(one.error, self._names, topic=one.topic)
        return answer

    def _said(self, error: KafkaException, topic: str | None = None) -> SourceError:
        if error.args[0].code() not in _SILENT:
            return signal(error.args[0], self._names, topic=topic)
        self._consumer.poll(0)
        return self._unanswered()

    def _unanswered(self) -> SourceError:
        """Return why a broker did not answer, and where its address came from."""
        cause = self._trouble.cause()
        if any(server in str(cause) for server in self._servers):
            return cause
        return type(cause)(
            f"{cause} (this address came from the brokers themselves: it is what they advertise)",
            reason=cause.reason,
        )


class _Anything(Topics):
    """For `Trouble.reach`: content with any answer, which it keeps."""

    def __init__(self, visit: Visit, names: Names) -> None:
        super().__init__((), names)
        self._visit = visit

    def look(self, consumer: Consumer, *, timeout: float) -> SourceError | None:
        self._visit._latest = consumer.list_topics(timeout=timeout)
        return None
