"""Kafka for the demo: the emulator's brokers in this process, one topic, and a producer.

In this process, because they are threads of a C library that need nothing of Python while they
work, and because a demo that ends in whatever way then leaves no broker behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.cli.demo.orders import Order, number_of, order
from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

TOPIC: Final = "orders"
PARTITIONS: Final = 8

_LAST_WORDS: Final = 2.0


class KafkaScenario:
    """Implements `Scenario`; see there."""

    name = "Kafka"
    note = (
        "This Kafka is an emulator, which holds a new record back for up to 250 ms; a real one"
        " hands it on at once."
    )
    ordered = True
    room = 100_000
    page: Path | None = None

    def __init__(self) -> None:
        self._emulator = KafkaEmulator(track_requests=False)
        self._producer: Producer | None = None

    async def open(self) -> None:
        """Start one broker and create the topic."""
        self._emulator.start()
        self._emulator.create_topic(TOPIC, PARTITIONS)
        from confluent_kafka import Producer  # noqa: PLC0415 - the emulator has said if it is there

        self._producer = Producer(
            {
                "bootstrap.servers": self._emulator.bootstrap_servers,
                # The emulator answers a fetch with one batch: many small ones would be slow.
                "linger.ms": 20,
                "enable.idempotence": True,
                # What waits while the broker is away waits for as long as somebody watches.
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": 2 * self.room,
                "reconnect.backoff.max.ms": 1_000,
                "compression.type": "lz4",
                "log_level": 2,
            }
        )

    def place(self) -> str:
        """Return where the broker listens."""
        return f"{self._emulator.bootstrap_servers}, topic {TOPIC} with {PARTITIONS} partitions"

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return an AliKafkaSource that reads the topic from its beginning."""
        return {
            "apiVersion": API_VERSION,
            "kind": "AliKafkaSource",
            "metadata": {"name": "demo"},
            "spec": {
                "bootstrapServers": [self._emulator.bootstrap_servers],
                "topics": [TOPIC],
                "initialOffset": "earliest",
                # Per customer, whose name is the record's key: one whose order is tried again
                # holds up nobody else.
                "ordering": "keyed",
                "sink": {"uri": sink},
            },
        }

    def message(self, number: int) -> Order:
        """Return an order of the shop."""
        return order(number)

    def number_of(self, data: bytes | None) -> int | None:
        """Return the number of the order."""
        return number_of(data)

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        """Hand one record to the producer; its key is the customer."""
        assert self._producer is not None

        def reported(error: KafkaError | None, _record: object) -> None:
            if error is not None:
                refused(order.number)

        self._producer.produce(
            TOPIC,
            order.body,
            order.customer,
            on_delivery=reported,
            headers={"content-type": b"application/json"},
        )

    def tend(self) -> None:
        """Hear what became of records."""
        if self._producer is not None:
            self._producer.poll(0)

    def stop_broker(self) -> None:
        """Take the brokers down."""
        self._emulator.broker_down()

    def start_broker(self) -> None:
        """Bring them up again."""
        self._emulator.broker_up()

    async def close(self) -> None:
        """End producer and broker."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.flush, _LAST_WORDS)
            del producer  # it must end before its broker
        self._emulator.close()
