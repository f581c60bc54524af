"""What is acknowledged is committed: soon, together, and never more than that."""

from __future__ import annotations

import asyncio
import time

from confluent_kafka import TopicPartition
from tests.unit.kafka.driving import Bench, track_of, until

from eventing_alibaba.sources.kafka import commits
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator


async def test_acks_are_committed_while_running(kafka: Bench) -> None:
    """A mark is committed without any further call, with the note of the group's start."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2", b"3")
    async with kafka.driver(topic) as d:
        taken = await d.take(3)
        await d.source.ack(taken[:2])
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])
        assert kafka.pen.committed(topic, topic)[0].metadata == "partitions=1"


async def test_what_is_not_acknowledged_is_not_committed(kafka: Bench) -> None:
    """Handing out moves nothing: after an end in order the next session begins at the mark."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(10)))
    async with kafka.driver(topic) as d:
        taken = await d.take(10)
        await d.source.ack(taken[:4])
    assert kafka.pen.offsets(topic, topic) == [4]
    async with kafka.driver(topic) as again:
        assert [m.receipt for m in await again.take(6)] == [4, 5, 6, 7, 8, 9]


async def test_the_last_acks_are_committed_by_close(kafka: Bench) -> None:
    """`close` returns only when what was acknowledged a moment before is committed."""
    topic = kafka.topic(3)
    for partition in range(3):
        kafka.pen.write(topic, *(b"x" for _ in range(50)), partition=partition)
    async with kafka.driver(topic) as d:
        await d.source.ack(await d.take(150))
    assert kafka.pen.offsets(topic, topic, 3) == [50, 50, 50]


async def test_many_records_are_few_commits(emulator: KafkaEmulator, kafka: Bench) -> None:
    """Commits are by time or by 1,000 records, not by record or batch."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(3_000)))
    async with kafka.driver(topic) as d:
        emulator.clear_requests()
        begun = time.monotonic()
        await d.take(3_000, limit=10, ack=True)
    took = time.monotonic() - begun
    assert kafka.pen.offsets(topic, topic) == [3_000]
    by_time, by_number, at_the_ends = took / commits.PERIOD, 3_000 / commits.RECORDS, 2
    assert len(emulator.requests("OffsetCommit")) <= by_time + by_number + at_the_ends


async def test_one_commit_is_under_way_at_most(emulator: KafkaEmulator, kafka: Bench) -> None:
    """While a slow broker thinks about a commit, no other one is sent; the last mark gets there."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(2_000)))
    async with kafka.driver(topic) as d:
        taken = await d.take(2_000)
        emulator.latency(400)
        emulator.clear_requests()
        begun = time.monotonic()
        for start in range(0, 2_000, 50):
            await d.source.ack(taken[start : start + 50])
            await asyncio.sleep(0.01)
        sent = len(emulator.requests("OffsetCommit"))
        answered = (time.monotonic() - begun) / 0.4
        emulator.latency(0)
        await until(lambda: kafka.pen.offsets(topic, topic) == [2_000])
    assert sent <= answered + 2


async def test_a_commit_that_fails_is_repeated(emulator: KafkaEmulator, kafka: Bench) -> None:
    """Passing errors of a commit lose nothing and are not reported."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    async with kafka.driver(topic) as d:
        emulator.errors("OffsetCommit", ["COORDINATOR_LOAD_IN_PROGRESS", "REBALANCE_IN_PROGRESS"])
        await d.source.ack(await d.take(2))
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])
        assert d.flow.reports == []


async def test_a_refused_commit_is_reported_until_it_succeeds(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """Missing rights are said at once and taken back by the commit that succeeds."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1")
    async with kafka.driver(topic) as d:
        emulator.errors("OffsetCommit", ["GROUP_AUTHORIZATION_FAILED"], times=2)
        await d.source.ack(await d.take(1))
        await until(lambda: len(d.flow.reports) == 2)
        assert "may not use consumer group" in str(d.flow.reports[0])
        assert d.flow.reports[1] is None
        assert kafka.pen.offsets(topic, topic) == [1]


async def test_acks_of_an_earlier_assignment_change_nothing(kafka: Bench) -> None:
    """After the session was opened again, late acks for the old tracks commit nothing."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(5)))
    driver = kafka.driver(topic)
    async with driver as d:
        old = await d.take(5)
    async with driver as d:
        new = await d.take(5)
        assert track_of(new[0]) is not track_of(old[0])
        await d.source.ack(old)
        await d.source.ack(new[:1])
    assert kafka.pen.offsets(topic, topic) == [1]


async def test_an_end_without_records_is_committed(kafka: Bench) -> None:
    """Offsets that hold no record (control records, compaction) are passed once all is settled."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    async with kafka.driver(topic) as d:
        taken = await d.take(2)
        track = track_of(taken[0])
        track.ended(5)  # what librdkafka's end-of-partition event does; see the real broker's test
        await d.source.ack(taken[:1])
        assert track.mark() == 1
        await d.source.ack(taken[1:])
        assert track.mark() == 5
    assert kafka.pen.offsets(topic, topic) == [5]


async def test_offsets_of_another_tool_are_honoured(kafka: Bench) -> None:
    """A group that has committed goes on where it was, whatever `initialOffset` says."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(5)))
    kafka.pen.commit(topic, TopicPartition(topic, 0, 3))
    async with kafka.driver(topic, initialOffset="latest") as d:
        assert [m.receipt for m in await d.take(2)] == [3, 4]
