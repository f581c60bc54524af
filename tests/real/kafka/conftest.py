"""Sources against the shared broker, and against brokers that a test may break."""

from __future__ import annotations

import pytest
from tests.real.servers.kafka.server import KafkaServer
from tests.unit.kafka.driving import Bench


def bench(server: KafkaServer) -> Bench:
    """The cluster as the tests of the emulator see theirs."""

    def make(name: str, partitions: int) -> None:
        server.admin.create_topic(name, partitions=partitions)

    return Bench(server.bootstrap(), make)


@pytest.fixture
def kafka(kafka_server: KafkaServer) -> Bench:
    """The shared broker; a test makes topics and groups of its own and breaks nothing."""
    return bench(kafka_server)
