"""The records of a benchmark: 1 KiB of JSON with a key and two headers.

The first member of the body is the time at which it was made, in nanoseconds since 1970. It travels
through every forwarder unchanged, whatever that does to headers, and the recording sink reads it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, Message, Producer

PARTITIONS = 4
SIZE = 1024
_KEYS = 10_000
_HEADERS: list[tuple[str, str | bytes | None]] = [
    ("tenant", b"tenant-0042"),
    ("request", b"1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
]


def body(made: int) -> bytes:
    """A record's value of exactly 1 KiB, made at `made` nanoseconds since 1970."""
    head = b'{"t":%d,"padding":"' % made
    return head + b"x" * (SIZE - len(head) - 2) + b'"}'


class Writer:
    """Writes records evenly to the partitions of one topic."""

    def __init__(self, client: Mapping[str, str], topic: str, *, linger_ms: int) -> None:
        self._topic = topic
        self._count = 0
        self._refused: KafkaError | None = None
        self._producer = Producer(
            {**client, "linger.ms": str(linger_ms), "queue.buffering.max.kbytes": "262144"},
        )

    def write(self) -> None:
        """Make one record now and send it in the background."""
        key = b"key-%d" % (self._count % _KEYS)
        partition = self._count % PARTITIONS
        self._count += 1
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    body(time.time_ns()),
                    key,
                    partition,
                    on_delivery=self._told,
                    headers=_HEADERS,
                )
            except BufferError:  # the broker is slower than this loop: wait for it
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def finish(self) -> None:
        """Wait until the broker has all records.

        Raises:
            RuntimeError: it has refused one, or did not take them within a minute.
        """
        left = self._producer.flush(60)
        if left or self._refused is not None:
            msg = f"the broker has not taken {left} records: {self._refused}"
            raise RuntimeError(msg)

    def _told(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused = error


def fill(client: Mapping[str, str], topic: str, count: int) -> None:
    """Write `count` records as fast as the broker takes them."""
    writer = Writer(client, topic, linger_ms=20)
    for _ in range(count):
        writer.write()
    writer.finish()
