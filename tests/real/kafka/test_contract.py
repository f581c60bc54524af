"""The Kafka source keeps the contract on a real broker."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest
from tests.contract.kafka import PARTITIONS, KafkaHarness
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started

from eventing_alibaba.testing.contract import Ability, SourceContract

_numbers: Final = itertools.count(1)


class RealKafka(KafkaHarness):
    """A topic of a broker that a test may stop."""

    cannot: Mapping[Ability, str] = {
        **KafkaHarness.cannot,
        "refuse acks": "a real broker refuses no commits alone",
    }
    patience = 60.0
    load = 2_000
    repeated_by_crash = 1_000
    client_bytes = 24 * 1024 * 1024

    def __init__(self, server: KafkaServer, topic: str) -> None:
        super().__init__(server.bootstrap(), topic)
        self._server = server

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)

    @asynccontextmanager
    async def slow(self, seconds: float) -> AsyncIterator[None]:
        stuttering = asyncio.create_task(self._stutter(seconds))
        try:
            yield
        finally:
            stuttering.cancel()
            await asyncio.wait([stuttering])

    async def _stutter(self, seconds: float) -> None:
        """Let the broker's clock stand still half of the time."""
        while True:
            self._server.freeze()
            try:
                await asyncio.sleep(seconds)
            finally:
                self._server.thaw()
            await asyncio.sleep(seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker of its own, because it is stopped."""
    with started(KafkaServer()) as server:
        yield server


class TestKafkaOnRealBroker(SourceContract):
    """Rebalances, commits and restarts as they are."""

    @pytest.fixture
    def harness(self, server: KafkaServer) -> Iterator[RealKafka]:
        topic = f"contract-{next(_numbers)}"
        server.admin.create_topic(topic, partitions=PARTITIONS)
        harness = RealKafka(server, topic)
        yield harness
        harness.close()
