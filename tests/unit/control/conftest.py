"""An emulator for all tests of a worker; adapters are processes with a socket of their own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator

# As in the other suites: "no loop" has to be said before pytest-asyncio asks for one.
asyncio.set_event_loop(None)

MakeAdapter = Callable[..., AdapterProcess]
MakeTopic = Callable[..., str]

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def emulator() -> Iterator[KafkaEmulator]:
    with KafkaEmulator() as cluster:
        yield cluster


@pytest.fixture
def topic(emulator: KafkaEmulator) -> MakeTopic:
    """Make a topic of one partition with records in it."""

    def make(*values: str) -> str:
        name = f"controlled-{next(_numbers)}"
        emulator.create_topic(name, 1)
        producer = Producer({"bootstrap.servers": emulator.bootstrap_servers, "log_level": 0})
        for value in values:
            producer.produce(name, value, partition=0)
        assert producer.flush(20) == 0
        return name

    return make


@pytest.fixture
def adapter(emulator: KafkaEmulator, tmp_path: Path) -> Iterator[MakeAdapter]:
    """Make the process of an adapter from `topic` to `sink`; all are ended after the test."""
    made: list[AdapterProcess] = []

    def make(topic: str, sink: str, **spec: Any) -> AdapterProcess:
        document = {
            "bootstrapServers": emulator.bootstrap_servers.split(","),
            "topics": [topic],
            "consumerGroup": topic,
            "initialOffset": "earliest",
            "sink": {"uri": sink},
            **spec,
        }
        control = {"EVENTING_ALIBABA_CONTROL": str(tmp_path / "control.sock")}
        made.append(AdapterProcess(manifest("AliKafkaSource", document), environ=control))
        return made[-1]

    yield make
    for one in made:
        one.close()
