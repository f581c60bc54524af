"""A Kafka record becomes a message. Runs in the consumer's thread, for every record.

The loop is one function with everything in locals, because at 100,000 records a second each
attribute lookup is one percent of a core. Nothing is decoded here that an event may not need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final, cast

from eventing_alibaba.contract.message import Attributes, Message

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Record

    from eventing_alibaba.sources.kafka.spec import Ordering
    from eventing_alibaba.sources.kafka.tracks import Track

_NO_ATTRIBUTES: Final[Attributes] = ()
_DEFECT: Final = "has a header whose name is not UTF-8; its headers cannot be read"
# For a header name that is not UTF-8 the client's `headers` both returns a list with holes and sets
# an exception. A plain call would not notice (the interpreter calls such methods unchecked), and
# touching a hole would end the process; a call by way of C is checked and raises SystemError.
_headers: Final = cast("Callable[[Record], Attributes | None]", methodcaller("headers"))


class RecordReader:
    """Makes messages of what librdkafka delivers.

    `tracks` holds the assigned partitions by topic and number and changes under way. `on_error`
    gets what librdkafka delivers in place of a record, in its order among the records.
    """

    def __init__(
        self,
        tracks: Mapping[str, Mapping[int, Track]],
        ordering: Ordering,
        on_error: Callable[[Record, KafkaError], None],
    ) -> None:
        self._tracks = tracks
        self._ordering = ordering
        self._on_error = on_error

    def read(self, records: Iterable[Record], into: list[Message]) -> int:
        """Append the messages of `records` to `into`; return the bytes of their bodies.

        Records of partitions that are no longer assigned are left out: their next owner gets them.
        """
        tracks = self._tracks
        on_error = self._on_error
        append = into.append
        headers_of = _headers
        ordered, keyed = self._ordering == "ordered", self._ordering == "keyed"
        track: Track | None = None
        topic, partition, prefix = "", -1, ""
        size = 0
        for record in records:
            error = record.error()
            if error is not None:
                on_error(record, error)
                track = None  # it may have changed
                topic = ""
                continue
            number, name = record.partition(), record.topic()
            if number != partition or name != topic:
                topic, partition = name or "", number if number is not None else -1
                track = tracks.get(topic, {}).get(partition)
                if track is not None:
                    prefix = track.prefix
            if track is None:
                continue
            body, key = record.value(), record.key()
            offset: Any = record.offset()
            kind, stamp = record.timestamp()
            defect = None
            try:
                attributes = headers_of(record) or _NO_ATTRIBUTES
            except (SystemError, UnicodeDecodeError):
                attributes, defect = _NO_ATTRIBUTES, _DEFECT
            append(
                Message(
                    prefix + str(offset),
                    body or b"",
                    attributes,
                    topic,
                    stamp / 1000 if kind else None,
                    key,
                    track,
                    track
                    if ordered or (keyed and key is None)
                    else ((track, key) if keyed else None),
                    None,
                    None,
                    defect,
                    offset,
                    body is None,
                )
            )
            track.next = offset + 1
            size += len(body) if body else 0
        return size
