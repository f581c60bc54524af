"""A group is moved on a real broker, which knows members, topic ids and time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from tests.real.servers.kafka.server import KafkaServer
from tests.unit.kafka.driving import Bench, Driver, MemorySecrets

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.contract.seek import Move, Place, Unseekable, Wish
from eventing_alibaba.contract.spec import Context

CONTEXT = Context("AliKafkaSource", "default", "orders", MemorySecrets())


async def moved(driver: Driver, to: str, **wish: Any) -> list[Move]:
    wanted = Wish(Place.parse(to), **wish)
    return list(await asyncio.to_thread(driver.spec.seek, CONTEXT, wanted))


async def test_a_group_that_stopped_is_moved_and_delivers_again(kafka: Bench) -> None:
    """Its commits keep their note, and the next member goes on at the new place."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, "0", "1", "2", partition=partition)
    async with kafka.driver(topic) as d:
        await d.take(6, ack=True)
    before = [found.metadata for found in kafka.pen.committed(topic, topic, 2)]
    assert all("partitions=2 topic=" in (text or "") for text in before)
    driver = kafka.driver(topic)
    assert await moved(driver, "1", partition=1) == [Move(topic, 1, 3, 1)]
    after = kafka.pen.committed(topic, topic, 2)
    assert [found.offset for found in after] == [3, 1]
    assert [found.metadata for found in after] == before
    async with driver as d:
        assert [m.id for m in await d.take(2)] == ["partition:1/offset:1", "partition:1/offset:2"]
        await d.nothing_more()


async def test_a_group_with_members_is_refused_until_they_are_gone(kafka: Bench) -> None:
    """Their number is told, a dry run is refused as well, and nothing is moved."""
    topic = kafka.topic()
    kafka.pen.write(topic, "0", "1")
    other = kafka.driver(topic)
    async with kafka.driver(topic) as d:
        await d.take(2, ack=True)
        for dry_run in (True, False):
            with pytest.raises(Unavailable) as caught:
                await moved(other, "earliest", dry_run=dry_run)
            assert f"stop the adapters first: group {topic} has 1 member," in str(caught.value)
            assert caught.value.reason == "GroupHasMembers"
    assert kafka.pen.offsets(topic, topic) == [2]
    assert await moved(other, "earliest") == [Move(topic, 0, 2, 0)]


async def test_a_time_is_the_first_record_of_then_or_later(kafka: Bench) -> None:
    """Before all records it is the earliest, after all of them the next one."""
    topic = kafka.topic()
    second = 1_769_846_400  # 2026-01-31T08:00:00Z
    for number in range(3):
        kafka.pen.write(topic, str(number), timestamp=(second + number) * 1000)
    driver = kafka.driver(topic)
    for time, offset in (
        ("2026-01-31T08:00:00Z", 0),
        ("2026-01-31T16:00:00.5+08:00", 1),
        ("2026-01-31T08:00:02Z", 2),
        ("2001-01-01T00:00:00Z", 0),
        ("2999-01-01T00:00:00Z", 3),
    ):
        [move] = await moved(driver, time)
        assert move.after == offset, time
        assert kafka.pen.offsets(topic, topic) == [offset]


async def test_what_retention_took_is_out_of_range(kafka: Bench, kafka_server: KafkaServer) -> None:
    """The sentence has the first offset that is left, and the one after the last."""
    topic = kafka.topic()
    kafka.pen.write(topic, *map(str, range(5)))
    await asyncio.to_thread(kafka_server.admin.delete_records, topic, 0, before=2)
    driver = kafka.driver(topic)
    for place in ("1", "6"):
        with pytest.raises(Unseekable, match=f"offset {place} is not in .* from 2 .* to 5 "):
            await moved(driver, place)
    assert await moved(driver, "earliest") == [Move(topic, 0, None, 2)]
    assert await moved(driver, "5") == [Move(topic, 0, 2, 5)]


async def test_offsets_of_a_topic_made_anew_are_not_mistaken(
    kafka: Bench, kafka_server: KafkaServer
) -> None:
    """What is committed after it carries the id of the topic that is there now."""
    topic = kafka.topic()
    kafka.pen.write(topic, "0")
    driver = kafka.driver(topic)
    note = "partitions=1 topic=ZZZZZZZZZZZZZZZZZZZZZZ"
    kafka.pen.commit(topic, TopicPartition(topic, 0, 1, note))
    assert await moved(driver, "latest") == [Move(topic, 0, 1, 1)]
    [stored] = kafka.pen.committed(topic, topic)
    assert (stored.metadata or "").startswith("partitions=1 topic=")
    assert stored.metadata != note
    kafka.pen.write(topic, "1")
    async with driver as d:
        [message] = await d.take(1)
        assert message.receipt == 1
