"""Emulators and sink as pytest fixtures: `pytest_plugins = ["eventing_alibaba.testing.fixtures"]`.

Nothing is started before a test asks for it. An emulator is one process for the whole session,
because starting it costs a fifth of a second and a group's first assignment more; tests keep out of
each other's way by using topics or queues of their own, and what a test broke is healed after it.
With pytest-xdist each worker has its own. The sink lives on the test's event loop and needs
pytest-asyncio; a test that must see it from outside takes `sink.SinkProcess`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from eventing_alibaba.testing.emulators.kafka import EmulatorProcess
from eventing_alibaba.testing.emulators.mns import EmulatorProcess as MnsEmulatorProcess
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess as RocketmqEmulatorProcess
from eventing_alibaba.testing.sink import RecordingSink

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka_emulator() -> Iterator[EmulatorProcess]:
    """A Kafka emulator with one broker, in its own process, shared by the session.

    Use `kafka_topic` for topics, which also heals what a test breaks.
    """
    with EmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def kafka_topic(kafka_emulator: EmulatorProcess) -> Iterator[Callable[..., str]]:
    """A function `kafka_topic(partitions=1)` that makes a new topic and returns its name.

    After the test brokers are up, latency is 0, no error is waiting, the request log is empty and
    the topics are deleted.
    """
    topics: list[str] = []

    def create(partitions: int = 1) -> str:
        topic = f"test-{os.getpid()}-{next(_numbers)}"
        kafka_emulator.create_topic(topic, partitions)
        topics.append(topic)
        return topic

    yield create
    kafka_emulator.heal()
    kafka_emulator.clear_requests()
    for topic in topics:
        kafka_emulator.delete_topic(topic)


@pytest.fixture(scope="session")
def mns_emulator() -> Iterator[MnsEmulatorProcess]:
    """An MNS emulator in its own process, shared by the session.

    Use `mns_queue` for queues, which also heals what a test breaks.
    """
    with MnsEmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def mns_queue(mns_emulator: MnsEmulatorProcess) -> Iterator[Callable[..., str]]:
    """A function `mns_queue(**settings)` that makes a new queue and returns its name.

    The settings are those of `MnsEmulator.create_queue`. After the test no fault is left, the
    clock is right, connections and the first access key are accepted, and the queues are deleted.
    """
    queues: list[str] = []

    def create(**settings: Any) -> str:
        queue = f"test-{os.getpid()}-{next(_numbers)}"
        mns_emulator.create_queue(queue, **settings)
        queues.append(queue)
        return queue

    yield create
    mns_emulator.heal()
    mns_emulator.accept()
    left = mns_emulator.state()["queues"]
    for queue in queues:
        if queue in left:
            mns_emulator.delete_queue(queue)


@pytest.fixture(scope="session")
def rocketmq_emulator() -> Iterator[RocketmqEmulatorProcess]:
    """A RocketMQ emulator with one broker, in its own process, shared by the session.

    Use `rocketmq_topic` for topics, which also heals what a test breaks.
    """
    with RocketmqEmulatorProcess() as emulator:
        yield emulator


@pytest.fixture
def rocketmq_topic(rocketmq_emulator: RocketmqEmulatorProcess) -> Iterator[Callable[..., str]]:
    """A function `rocketmq_topic(**settings)` that makes a new topic and returns its name.

    The settings are those of `RocketmqEmulator.create_topic`; groups are made when they are first
    used, or by `create_group`. After the test no fault is left, all brokers are up, the first
    access key is accepted, and the topics and all groups are deleted.
    """
    topics: list[str] = []

    def create(**settings: Any) -> str:
        topic = f"test-{os.getpid()}-{next(_numbers)}"
        rocketmq_emulator.create_topic(topic, **settings)
        topics.append(topic)
        return topic

    yield create
    rocketmq_emulator.heal()
    rocketmq_emulator.accept()
    left = rocketmq_emulator.state()
    for topic in left["topics"]:
        if topic in topics or topic.startswith("%DLQ%"):
            rocketmq_emulator.delete_topic(topic)
    for group in left["groups"]:
        rocketmq_emulator.delete_group(group)


@pytest_asyncio.fixture
async def recording_sink() -> AsyncIterator[RecordingSink]:
    """A recording sink on a free port of this process, on the test's event loop."""
    async with RecordingSink() as sink:
        yield sink
