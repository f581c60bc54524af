"""Tracks that the flow holds for a moment, many times a second."""

from __future__ import annotations

import pytest
from tests.unit.kafka.driving import Bench, track_of, until

from eventing_alibaba.sources.kafka import intake


async def _held(kafka: Bench, topic: str, records: int, *, size: int = 1) -> None:
    """Hold partition 0 while records come for both, and see that all come in order."""
    async with kafka.driver(topic) as d:
        for partition in (0, 1):
            kafka.pen.write(topic, b"first", partition=partition)
        first = await d.take(2)
        held = next(m.track for m in first if track_of(m).partition == 0)
        d.source.pause([held])
        for partition in (0, 1):
            kafka.pen.write(topic, *(b"x" * size for _ in range(records)), partition=partition)
        others = await d.take(records)
        assert {track_of(m).partition for m in others} == {1}
        await d.nothing_more()
        d.source.resume([held])
        mine = await d.take(records, limit=7)
        assert [m.receipt for m in mine] == list(range(1, records + 1))
        kafka.pen.write(topic, b"last")
        (last,) = await d.take(1)
        assert last.receipt == records + 1
        await until(lambda: d.session._intake.shelved == 0)


async def test_a_held_track_comes_from_its_shelf(kafka: Bench) -> None:
    """In order, and nothing of it while it is held."""
    await _held(kafka, kafka.topic(2), 50)


async def test_a_full_shelf_stops_fetching(kafka: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number of records; librdkafka fetches the rest when there is room again."""
    monkeypatch.setattr(intake, "_SHELF_RECORDS", 10)
    await _held(kafka, kafka.topic(2), 100)


async def test_a_heavy_shelf_stops_fetching(kafka: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By bytes."""
    monkeypatch.setattr(intake, "_SHELVES_BYTES", 100_000)
    await _held(kafka, kafka.topic(2), 60, size=10_000)


async def test_a_shelf_goes_with_its_partition(kafka: Bench) -> None:
    """What is on the shelf of a partition that is given up is left to its next owner."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"first")
    async with kafka.driver(topic) as d:
        (first,) = await d.take(1)
        d.source.pause([first.track])
        await d.nothing_more(0.05)  # leaves a demand behind
        kafka.pen.write(topic, *(b"x" for _ in range(20)))
        await until(lambda: d.session._intake.shelved == 20)
        d.session._inbox.put(d.session._assignment.give_up)
        await until(lambda: d.session._intake.shelved == 0)
        assert not track_of(first).live
        await d.nothing_more()
