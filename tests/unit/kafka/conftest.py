"""An emulator for all tests of a worker, and sources whose groups form quickly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.unit.kafka.driving import Bench

from eventing_alibaba.sources.kafka import settings
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator

# As in the other suites: "no loop" has to be said before pytest-asyncio asks for one.
asyncio.set_event_loop(None)


@pytest.fixture(scope="package")
def emulator() -> Iterator[KafkaEmulator]:
    with KafkaEmulator() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's rebalances take as long as a session, and its fetches wait to the end."""
    for name, value in {
        "session.timeout.ms": 1_500,
        "heartbeat.interval.ms": 100,
        "fetch.wait.max.ms": 10,
        "topic.metadata.refresh.interval.ms": 300,
        "reconnect.backoff.max.ms": 250,
    }.items():
        monkeypatch.setitem(settings.FIXED, name, value)


@pytest.fixture
def kafka(emulator: KafkaEmulator) -> Iterator[Bench]:
    """The emulator's cluster; whatever a test breaks is healed after it."""
    yield Bench(emulator.bootstrap_servers, emulator.create_topic)
    emulator.heal()
