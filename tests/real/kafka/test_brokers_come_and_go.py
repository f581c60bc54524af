"""A real broker that is stopped, killed or frozen under a running source."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.real.kafka.conftest import bench
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started
from tests.unit.kafka.driving import Bench, refused, until

from eventing_alibaba.contract.errors import Disconnected


@pytest.fixture
def own() -> Iterator[KafkaServer]:
    """A broker that this test may break."""
    with started(KafkaServer()) as server:
        yield server


@pytest.fixture
def kafka(own: KafkaServer) -> Bench:
    return bench(own)


async def test_a_killed_broker_comes_back(own: KafkaServer, kafka: Bench) -> None:
    """Reported with its address, healed by itself, no record lost."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1")
    async with kafka.driver(topic) as d:
        await d.take(1, ack=True)
        await until(lambda: kafka.pen.offsets(topic, topic) == [1])
        await asyncio.to_thread(own.kill)
        await until(lambda: d.flow.reports)
        assert isinstance(d.flow.reports[0], Disconnected)
        assert own.bootstrap() in str(d.flow.reports[0])
        await asyncio.to_thread(own.start)
        await until(lambda: d.flow.reports[-1] is None, seconds=40)
        kafka.pen.write(topic, b"2")
        (message,) = await d.take(1, ack=True)
        assert message.body == b"2"
    assert kafka.pen.offsets(topic, topic) == [2]


async def test_a_source_waits_for_its_first_broker(own: KafkaServer, kafka: Bench) -> None:
    """`open` fails while there is none, and succeeds later, on the same object."""
    topic = kafka.topic()
    await asyncio.to_thread(own.stop)
    driver = kafka.driver(topic)
    error = await refused(driver)
    assert isinstance(error, Disconnected)
    assert own.bootstrap() in str(error)
    await asyncio.to_thread(own.start)
    kafka.pen.write(topic, b"1")
    async with driver as d:
        assert [m.body for m in await d.take(1)] == [b"1"]


async def test_a_frozen_broker_is_waited_for(own: KafkaServer, kafka: Bench) -> None:
    """Connections stay open and nothing is answered: the members of the group go on afterwards."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        kafka.pen.write(topic, b"1")
        taken = await d.take(1)
        own.freeze()
        try:
            await d.source.ack(taken)
            await asyncio.sleep(3)  # three heartbeats without an answer
        finally:
            own.thaw()
        kafka.pen.write(topic, b"2")
        assert [m.body for m in await d.take(1, ack=True)] == [b"2"]
    assert kafka.pen.offsets(topic, topic) == [2]
