"""What only a real log has: control records, aborted and compacted ones, retention, recreation."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import Producer, TopicPartition
from tests.real.servers.kafka.server import KafkaServer
from tests.unit.kafka.driving import MIB, Bench, Pen, track_of, until

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.sources.kafka import settings
from eventing_alibaba.sources.kafka.tracks import Track


def _transaction(kafka: Bench, topic: str, *values: bytes, commit: bool) -> None:
    """Write records in one transaction; its control record takes an offset too."""
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)


async def test_commits_reach_the_end_behind_control_records(kafka: Bench) -> None:
    """A committed transaction's control record is passed when its records are settled."""
    topic = kafka.topic()
    await asyncio.to_thread(_transaction, kafka, topic, b"1", b"2", commit=True)
    async with kafka.driver(topic) as d:
        taken = await d.take(2)
        await d.nothing_more()
        await d.source.ack(taken[:1])
        await until(lambda: kafka.pen.offsets(topic, topic) == [1])
        await d.source.ack(taken[1:])
        await until(lambda: kafka.pen.offsets(topic, topic) == [3])


async def test_aborted_records_are_neither_seen_nor_waited_for(kafka: Bench) -> None:
    """An aborted transaction at the end of a log leaves no lag; later records come."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1")
    await asyncio.to_thread(_transaction, kafka, topic, b"no", b"no", commit=False)
    async with kafka.driver(topic) as d:
        assert [m.body for m in await d.take(1, ack=True)] == [b"1"]
        await d.nothing_more()
        await until(lambda: kafka.pen.offsets(topic, topic) == [4])
        kafka.pen.write(topic, b"2")
        (later,) = await d.take(1, ack=True)
        assert (later.body, later.receipt) == (b"2", 4)
    assert kafka.pen.offsets(topic, topic) == [5]


async def test_a_log_of_aborted_records_only_is_passed(kafka: Bench) -> None:
    """Nothing was ever handed out, and still the committed offset gets to the end."""
    topic = kafka.topic()
    await asyncio.to_thread(_transaction, kafka, topic, b"no", commit=False)
    async with kafka.driver(topic) as d:
        await d.nothing_more()
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])


async def test_latest_keeps_a_transaction_that_is_open_at_the_start(kafka: Bench) -> None:
    """Its records become visible after the start, so they are delivered."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"old")
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0}
    )
    await asyncio.to_thread(producer.init_transactions, 20)
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    await asyncio.to_thread(producer.flush, 20)
    async with kafka.driver(topic, initialOffset="latest") as d:
        assert kafka.pen.offsets(topic, topic) == [1]
        await asyncio.to_thread(producer.commit_transaction, 20)
        assert [m.body for m in await d.take(1)] == [b"open"]


async def test_a_time_is_the_first_record_from_then_on(kafka: Bench) -> None:
    """A partition without a younger record starts at its end."""
    topic = kafka.topic(3)
    for stamp in (1_000_000_000_000, 1_700_000_000_000, 1_700_000_000_001):
        kafka.pen.write(topic, str(stamp), timestamp=stamp)
    kafka.pen.write(topic, b"old", partition=1, timestamp=1_000_000_000_000)
    async with kafka.driver(topic, initialOffset="2023-11-14T22:13:20Z") as d:
        assert kafka.pen.offsets(topic, topic, 3) == [1, 1, 0]
        assert [m.receipt for m in await d.take(2)] == [1, 2]


async def test_records_deleted_while_away_are_counted(
    kafka: Bench, kafka_server: KafkaServer
) -> None:
    """The committed offset is gone from the log: earliest, a count, and a sentence."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(10)))
    driver = kafka.driver(topic)
    async with driver as d:
        await d.source.ack((await d.take(10))[:3])
    kafka_server.admin.delete_records(topic, 0, before=8)
    async with driver as d:
        assert [m.receipt for m in await d.take(2, ack=True)] == [8, 9]
        await until(lambda: d.counted == {"retention_lost_records": 5})
        await until(lambda: d.flow.reports)
        assert isinstance(d.flow.reports[-1], Unavailable)
        assert "5 records" in str(d.flow.reports[-1])
    assert kafka.pen.offsets(topic, topic) == [10]


async def test_a_topic_made_anew_while_away_is_read_from_its_beginning(
    kafka: Bench, kafka_server: KafkaServer
) -> None:
    """Also though the group starts at `latest`: this process knew the topic."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"old" for _ in range(5)))
    driver = kafka.driver(topic, initialOffset="latest")
    async with driver as d:
        kafka.pen.write(topic, b"1")
        await d.take(1, ack=True)
    kafka_server.admin.delete_topic(topic)
    kafka_server.admin.create_topic(topic, partitions=1)
    kafka.pen.write(topic, b"new")
    async with driver as d:
        (message,) = await d.take(1)
        assert (message.body, message.receipt) == (b"new", 0)


@pytest.mark.parametrize("records", [3, 60])
@pytest.mark.parametrize("pause", [0.0, 1.5])
async def test_a_topic_made_anew_while_running_is_read_from_its_beginning(
    kafka: Bench, kafka_server: KafkaServer, pause: float, records: int
) -> None:
    """Seen or not, and also where the new topic has more than we had read of the old one.

    Then no broker says that our position means nothing any more; the topic's id does.
    """
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, *(b"old" for _ in range(20)), partition=partition)
    async with kafka.driver(topic, initialOffset="latest") as d:
        for partition in (0, 1):
            kafka.pen.write(topic, b"1", partition=partition)
        await d.take(2, ack=True)
        await until(lambda: kafka.pen.offsets(topic, topic, 2) == [21, 21])
        await asyncio.to_thread(kafka_server.admin.delete_topic, topic)
        await asyncio.sleep(pause)  # how long the topic is away is what is tested
        await asyncio.to_thread(kafka_server.admin.create_topic, topic, partitions=2)
        for partition in (0, 1):
            kafka.pen.write(topic, *(b"new" for _ in range(records)), partition=partition)
        # By track: some of the new records may have been read under the position of the old topic.
        seen: dict[Track, set[object]] = {}

        async def read() -> None:
            while True:
                batch = await d.source.receive(100, MIB)
                await d.source.ack(batch)
                for message in batch:
                    seen.setdefault(track_of(message), set()).add(message.receipt)

        def whole() -> bool:
            return sum(one.issuperset(range(records)) for one in list(seen.values())) >= 2

        # To the end: an offset that is too high and the new id may both tell, one after the other,
        # and each begins anew.
        done = [records, records]
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(read())
            await until(lambda: whole() and kafka.pen.offsets(topic, topic, 2) == done, seconds=40)
            reading.cancel()


async def test_offsets_of_a_topic_that_is_no_more_mean_nothing(
    kafka: Bench, kafka_server: KafkaServer
) -> None:
    """A process that ended before it noticed leaves offsets with the id of the old topic."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(5)))
    note = "partitions=1 topic=JiTvXAoTRe+xeMMCFH91+Q"
    kafka.pen.commit(topic, TopicPartition(topic, 0, 3, note))
    async with kafka.driver(topic, initialOffset="latest") as d:
        assert [m.receipt for m in await d.take(5, ack=True)] == [0, 1, 2, 3, 4]
        await until(lambda: kafka.pen.offsets(topic, topic) == [5])
    (found,) = kafka.pen.committed(topic, topic)
    assert found.metadata is not None
    assert found.metadata.startswith("partitions=1 topic=")
    assert found.metadata != note


async def test_a_partition_added_while_running_is_read_from_its_beginning(
    kafka: Bench, kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records produced into it before it was discovered are not skipped, though at `latest`."""
    monkeypatch.setitem(settings.FIXED, "topic.metadata.refresh.interval.ms", 500)
    topic = kafka.topic(1)
    kafka.pen.write(topic, b"old")
    async with kafka.driver(topic, initialOffset="latest") as d:
        await asyncio.to_thread(kafka_server.admin.add_partitions, topic, total=3)
        Pen(kafka.bootstrap).write(topic, b"early", partition=2)  # the old one knows one partition
        (message,) = await d.take(1, ack=True)
        assert message.id == "partition:2/offset:0"
        await until(lambda: kafka.pen.offsets(topic, topic, 3) == [1, 0, 1])
        notes = [found.metadata or "" for found in kafka.pen.committed(topic, topic, 3)]
        assert all(note.startswith("partitions=1 ") for note in notes)


async def test_offsets_beyond_the_end_begin_anew(kafka: Bench) -> None:
    """Offsets that another topic of that name left behind are replaced."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    kafka.pen.commit(topic, TopicPartition(topic, 0, 500, "partitions=1"))
    async with kafka.driver(topic) as d:
        assert [m.receipt for m in await d.take(2, ack=True)] == [0, 1]
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])


async def test_a_compacted_log_is_read_over_its_gaps(
    kafka: Bench, kafka_server: KafkaServer
) -> None:
    """Offsets that compaction took away are no records, no loss, and no hindrance."""
    topic = kafka.topic()
    await asyncio.to_thread(
        kafka_server.admin.configure_topic,
        topic,
        cleanup_policy="compact",
        segment_ms=100,
        min_cleanable_dirty_ratio="0.01",
        min_compaction_lag_ms=0,
        delete_retention_ms=0,
    )
    for number in range(20):
        kafka.pen.write(topic, str(number), key=b"same")
    await asyncio.sleep(0.2)  # the segment must be older than segment.ms to be closed
    kafka.pen.write(topic, b"last", key=b"other")
    await until(lambda: _kept(kafka, topic) < 21, seconds=40)
    kept = _kept(kafka, topic)
    async with kafka.driver(topic) as d:
        taken = await d.take(kept, ack=True)
        assert [m.receipt for m in taken][-1] == 20
        await until(lambda: kafka.pen.offsets(topic, topic) == [21])
        assert d.counted == {}


def _kept(kafka: Bench, topic: str) -> int:
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "counting",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = 0
        while (record := consumer.poll(20)) is not None and record.error() is None:
            found += 1
        return found
    finally:
        consumer.close()
