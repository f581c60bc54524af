"""What other brokers do with single messages, and Kafka does not."""

from __future__ import annotations

import pytest
from tests.unit.kafka.driving import Bench


async def test_untouched_records_are_released_by_doing_nothing(kafka: Bench) -> None:
    """What is not committed comes again, to whoever is next."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    async with kafka.driver(topic) as d:
        taken = await d.take(2)
        await d.source.ack(taken[:1])
        await d.source.release(taken[1:], 0.0, failed=False)
    async with kafka.driver(topic) as d:
        assert [m.body for m in await d.take(1)] == [b"2"]


async def test_failed_records_cannot_be_released(kafka: Bench) -> None:
    """A log takes nothing back; the flow must know before it asks."""
    driver = kafka.driver("orders")
    with pytest.raises(ValueError, match="cannot deliver 0 failed records again"):
        await driver.source.release([], 30.0, failed=True)


async def test_there_are_no_leases(kafka: Bench) -> None:
    """`extend` keeps everything as it is."""
    driver = kafka.driver("orders")
    assert await driver.source.extend([], 30.0) == []


async def test_a_source_shows_its_state(kafka: Bench) -> None:
    """Topics, whether it is open, and what waits."""
    topic = kafka.topic()
    driver = kafka.driver(topic)
    assert repr(driver.source) == f"<KafkaSource {topic} closed waiting=0>"
    async with driver:
        assert repr(driver.source) == f"<KafkaSource {topic} open waiting=0>"


async def test_a_closed_source_ignores_pauses(kafka: Bench) -> None:
    """The flow may still say something after the end."""
    driver = kafka.driver("orders")
    driver.source.pause(["anything"])
    driver.source.resume(["anything"])
    assert await driver.source.quiesce() == []
