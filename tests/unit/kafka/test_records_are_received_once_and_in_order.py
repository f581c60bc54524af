"""What `receive` hands out."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

from tests.unit.kafka.driving import MIB, PATIENCE, Bench, Driver, track_of, until

from eventing_alibaba.contract.message import Message


async def test_records_of_a_partition_come_in_order(kafka: Bench) -> None:
    """Every record comes once, in the order of its partition, with its offset in the id."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, *(f"{partition}-{n}" for n in range(300)), partition=partition)
    async with kafka.driver(topic) as d:
        taken = await d.take(600)
        await d.nothing_more()
    for partition in (0, 1):
        mine = [m for m in taken if m.id.startswith(f"partition:{partition}/")]
        assert [m.body.decode() for m in mine] == [f"{partition}-{n}" for n in range(300)]
        assert [m.id for m in mine] == [f"partition:{partition}/offset:{n}" for n in range(300)]
        assert len({m.track for m in mine}) == 1


async def test_a_record_is_handed_out_as_it_was_written(kafka: Bench) -> None:
    """Key, time, and headers with their order, repeats and nulls arrive untouched."""
    topic = kafka.topic()
    headers = [("b", b"1"), ("a", None), ("b", b"\xff"), ("Ünï", b"")]
    kafka.pen.write(topic, b"body", key=b"k", headers=headers, timestamp=1_700_000_000_123)
    kafka.pen.write(topic, None, key=b"gone", timestamp=1_700_000_000_000)
    kafka.pen.write(topic, b"")
    async with kafka.driver(topic) as d:
        first, tombstone, empty = await d.take(3)
    assert (first.body, first.key, first.origin) == (b"body", b"k", topic)
    assert list(first.attributes) == headers
    assert first.time == 1_700_000_000.123
    assert (tombstone.null, tombstone.body, tombstone.key) == (True, b"", b"gone")
    assert (empty.null, empty.body, empty.key, list(empty.attributes)) == (False, b"", None, [])


async def test_lanes_follow_the_ordering(kafka: Bench) -> None:
    """ordered: a lane is a partition; keyed: a key of a partition, or the partition; else none."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, b"x", partition=partition, key=b"k")
        kafka.pen.write(topic, b"x", partition=partition)
    for ordering, lanes in (("ordered", 2), ("keyed", 4), ("unordered", 1)):
        async with kafka.driver(topic, ordering=ordering, group=f"{topic}-{ordering}") as d:
            taken = await d.take(4)
        assert len({m.lane for m in taken}) == lanes, ordering
        assert len({m.track for m in taken}) == 2, ordering
        if ordering == "unordered":
            assert {m.lane for m in taken} == {None}


async def test_limits_are_kept(kafka: Bench) -> None:
    """No batch is longer than asked for, however small or odd the limit is."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(100)))
    async with kafka.driver(topic) as d:
        for limit in (1, 7, 3, 50, 39):
            assert 0 < len(await d.source.receive(limit, MIB)) <= limit


async def test_large_records_do_not_pile_up(kafka: Bench) -> None:
    """What waits in the source is about as many bytes as were asked for, not as many records."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" * 100_000 for _ in range(30)))
    async with kafka.driver(topic) as d:
        await d.take(1, limit=1, max_bytes=300_000)
        handed_over = 1 + len(d.source._waiting)
        assert handed_over <= 20  # the first guess of a record's size is small
        await d.take(29, max_bytes=300_000)
        assert not d.source._waiting


async def test_a_cancelled_receive_loses_nothing(kafka: Bench) -> None:
    """What a cancelled `receive` had asked for comes with the next one, in order."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        await _cancelled(d)
        kafka.pen.write(topic, b"1", b"2")
        await until(lambda: d.source._waiting)
        kafka.pen.write(topic, b"3")
        assert [m.body for m in await d.take(3)] == [b"1", b"2", b"3"]


async def test_without_demand_nothing_is_taken_and_nothing_lost(kafka: Bench) -> None:
    """Half a second without demand pauses the partitions; the next demand finds every record."""
    topic = kafka.topic(2)
    async with kafka.driver(topic) as d:
        expected: dict[int, list[str]] = {0: [], 1: []}
        taken: list[Message] = []
        for turn in range(4):
            for partition in (0, 1):
                values = [f"{turn}-{n}" for n in range(200)]
                expected[partition] += values
                kafka.pen.write(topic, *values, partition=partition)
            taken += await d.take(150)
            await until(lambda: d.session._intake.paused)
        taken += await d.take(1_600 - 600)
        await d.nothing_more()
    for partition in (0, 1):
        mine = [m.body.decode() for m in taken if m.id.startswith(f"partition:{partition}/")]
        assert mine == expected[partition]


async def test_without_demand_memory_does_not_grow(kafka: Bench) -> None:
    """While nobody asks, the thread holds no records, though it goes on polling."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        intake = d.session._intake
        await until(lambda: intake.paused)
        kafka.pen.write(topic, *(b"x" for _ in range(100)))
        watched = Mock(wraps=intake.stand_by)
        intake.stand_by = watched  # type: ignore[method-assign]
        await until(lambda: watched.call_count > 5)
        assert intake.shelved <= 1
        assert not d.source._waiting


async def test_a_paused_track_gives_nothing_until_resumed(kafka: Bench) -> None:
    """`pause` stops one partition and leaves the other; `resume` brings what had come meanwhile."""
    topic = kafka.topic(2)
    async with kafka.driver(topic) as d:
        for partition in (0, 1):
            kafka.pen.write(topic, b"first", partition=partition)
        first = await d.take(2)
        held = next(m.track for m in first if track_of(m).partition == 0)
        d.source.pause([held])
        for partition in (0, 1):
            kafka.pen.write(topic, b"second", partition=partition)
        (second,) = await d.take(1)
        assert track_of(second).partition == 1
        await d.nothing_more()
        d.source.resume([held])
        (third,) = await d.take(1)
        assert (third.track, third.body) == (held, b"second")


async def test_quiesce_returns_what_was_taken(kafka: Bench) -> None:
    """What the thread had taken when `quiesce` came is returned by it, and nothing comes after."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        await _cancelled(d)
        kafka.pen.write(topic, b"1")
        await until(lambda: d.source._waiting)
        kafka.pen.write(topic, b"2")
        taken = await d.source.quiesce()
        assert [m.body for m in taken] == [b"1"]
        async with asyncio.timeout(PATIENCE):
            assert await d.source.receive(5, MIB) == []
        await d.source.ack(taken)
        await until(lambda: kafka.pen.offsets(topic, topic) == [1])


async def test_quiesce_wakes_a_waiting_receive(kafka: Bench) -> None:
    """A `receive` that waits returns empty-handed when nothing will come any more."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        waiting = asyncio.create_task(d.source.receive(10, MIB))
        await asyncio.sleep(0)
        assert await d.source.quiesce() == []
        async with asyncio.timeout(PATIENCE):
            assert await waiting == []


async def test_a_header_name_that_is_not_utf8_is_a_defect(kafka: Bench) -> None:
    """Such a record is handed out with a defect; the ones around it are not touched."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"before", headers=[("a", b"1")])
    kafka.pen.write_with_raw_header(topic, b"bad", b"\xff\xfe")
    kafka.pen.write(topic, b"after", headers=[("a", b"1")])
    async with kafka.driver(topic) as d:
        before, bad, after = await d.take(3)
    assert (before.defect, after.defect) == (None, None)
    assert bad.defect is not None
    assert (bad.body, list(bad.attributes)) == (b"bad", [])


async def _cancelled(driver: Driver) -> None:
    """Call `receive` and cancel it while it waits."""
    waiting = asyncio.create_task(driver.source.receive(10, MIB))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
