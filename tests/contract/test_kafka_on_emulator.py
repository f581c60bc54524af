"""The Kafka source keeps the contract on the emulator that users get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest
from tests.contract.kafka import PARTITIONS, KafkaHarness

from eventing_alibaba.testing.contract import Ability, SourceContract
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess

_REFUSALS: Final = ("REQUEST_TIMED_OUT", "GROUP_AUTHORIZATION_FAILED", "NOT_COORDINATOR")


class EmulatedKafka(KafkaHarness):
    """A topic of the emulator."""

    cannot: Mapping[Ability, str] = {
        **KafkaHarness.cannot,
        "takeover": "the emulator takes half a minute to miss a member and to share anew",
        "volume": "the emulator keeps 5 MB of a partition",
    }
    # While a group rebalances, the emulator refuses commits as those of a generation that is over,
    # which real brokers do not, and the client gives up what it has.
    repeated_by_sharing = None

    def __init__(self, emulator: EmulatorProcess, topic: str) -> None:
        super().__init__(emulator.bootstrap_servers, topic)
        self._emulator = emulator

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self._emulator.broker_down()
        try:
            yield
        finally:
            self._emulator.broker_up()

    @asynccontextmanager
    async def slow(self, seconds: float) -> AsyncIterator[None]:
        self._emulator.latency(round(seconds * 1000))
        try:
            yield
        finally:
            self._emulator.latency(0)

    @asynccontextmanager
    async def refusing_acks(self) -> AsyncIterator[None]:
        self._emulator.errors("OffsetCommit", _REFUSALS, times=1000)
        try:
            yield
        finally:
            self._emulator.clear_errors("OffsetCommit")


@pytest.mark.usefixtures("quick")
class TestKafkaOnEmulator(SourceContract):
    """What is healed after a test is healed by `kafka_topic`."""

    @pytest.fixture
    def harness(
        self, kafka_emulator: EmulatorProcess, kafka_topic: Callable[..., str]
    ) -> Iterator[EmulatedKafka]:
        emulated = EmulatedKafka(kafka_emulator, kafka_topic(partitions=PARTITIONS))
        yield emulated
        emulated.close()
