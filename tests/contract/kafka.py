"""Kafka as the contract suite is told about it, on whatever broker."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from eventing_alibaba.testing.contract import Ability, Harness, Produced
from eventing_alibaba.testing.ledger import Ordering

_LARGE: Final = 16_384
PARTITIONS: Final = 2

_KEYS: Final = (b"red", b"green", b"blue", None)
_ANSWER: Final = 5.0


class KafkaHarness(Harness):
    """A topic of a few partitions and a group of the same name.

    `compression` is the producer's. Half of a large record can be compressed and half is noise: so
    a disk takes twice as many, and they take about the memory that ordinary ones do.
    """

    kind: ClassVar[str] = "AliKafkaSource"
    orderings: Sequence[Ordering] = ("ordered", "keyed", "unordered")
    cannot: Mapping[Ability, str] = {
        "leases": "Kafka has no leases: what is not committed comes again",
        "attempts": "Kafka does not count deliveries",
    }

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        partitions: int = PARTITIONS,
        compression: str = "none",
    ) -> None:
        self.topic = topic
        self.partitions = partitions
        self._bootstrap = bootstrap
        client = {"bootstrap.servers": bootstrap, "log_level": 0}
        room = {"queue.buffering.max.kbytes": 65_536, "linger.ms": 1}
        sure = {"enable.idempotence": True, "compression.type": compression}
        self._producer = Producer({**client, **room, **sure})
        self._reader = Consumer({**client, "group.id": topic, "enable.auto.commit": False})
        self._produced = 0

    def spec(self, ordering: Ordering) -> dict[str, Any]:
        return {
            "bootstrapServers": self._bootstrap.split(","),
            "topics": [self.topic],
            "consumerGroup": self.topic,
            "initialOffset": "earliest",
            "ordering": ordering,
        }

    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        return await asyncio.to_thread(self._produce, count, size)

    async def backlog(self) -> int:
        return await asyncio.to_thread(self._backlog)

    def close(self) -> None:
        """Let go of the clients."""
        self._reader.close()
        self._producer.flush(_ANSWER)

    def _produce(self, count: int, size: int) -> list[Produced]:
        offsets: dict[int, int] = {}
        failed: list[KafkaError] = []

        def written(error: KafkaError | None, record: Any, number: int) -> None:
            if error is None:
                offsets[number] = record.offset()
            else:
                failed.append(error)

        numbers = range(self._produced, self._produced + count)
        self._produced += count
        for number in numbers:
            while True:
                try:
                    self._producer.produce(
                        self.topic,
                        _body(number, size),
                        self._key(number),
                        number % self.partitions,
                        on_delivery=functools.partial(written, number=number),
                    )
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        assert self._producer.flush(self.patience) == 0, "the broker did not take the records"
        assert not failed, failed
        return [
            Produced(
                f"partition:{number % self.partitions}/offset:{offsets[number]}",
                track=str(number % self.partitions),
                key=None if (key := self._key(number)) is None else key.decode(),
            )
            for number in numbers
        ]

    def _backlog(self) -> int:
        asked = [TopicPartition(self.topic, number) for number in range(self.partitions)]
        for attempts_left in (2, 1, 0):
            try:
                left = 0
                for found in self._reader.committed(asked, timeout=_ANSWER):
                    low, high = self._reader.get_watermark_offsets(found, timeout=_ANSWER)
                    left += high - max(low, found.offset)
            except KafkaException:
                if not attempts_left:
                    raise
            else:
                return left
        raise AssertionError("unreachable")

    def _key(self, number: int) -> bytes | None:
        return _KEYS[number // self.partitions % len(_KEYS)]


_NOISE: Final = random.Random(0).randbytes(1 << 20)


def _body(number: int, size: int) -> bytes:
    start = b"%d." % number
    noise = size // 2 if size >= _LARGE else 0
    at = number * 7919 % (len(_NOISE) - noise)
    return (start + _NOISE[at : at + noise]).ljust(size, b".")
