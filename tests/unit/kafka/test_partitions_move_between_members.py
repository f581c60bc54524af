"""Rebalances: given up in order, lost, and what of it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

import pytest
from tests.unit.kafka.driving import MIB, Bench, Driver, refused, track_of, until

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.kafka import assignment, bridge, settings
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator ends rebalances a second before the session ends; the slow are left out."""
    monkeypatch.setitem(settings.FIXED, "session.timeout.ms", 3_000)


async def test_a_revoked_partition_is_drained_and_committed_first(kafka: Bench) -> None:
    """What was on the wire and finished while draining is committed before the partition goes."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, *(b"x" for _ in range(10)), partition=partition)
    async with kafka.driver(topic) as d:
        taken = await d.take(20)
        mine = {p: [m for m in taken if track_of(m).partition == p] for p in (0, 1)}
        for messages in mine.values():
            await d.source.ack(messages[:3])

        async def drain(tracks: Sequence[Hashable]) -> None:
            assert not any(track_of(m).live for m in taken)
            for track in tracks:
                d.flow.settle[track] = [m for m in taken if m.track is track][6]

        d.flow.draining = drain
        # Another member would have the same effect on us; the emulator's rebalances are slow.
        d.session._inbox.put(d.session._consumer.unsubscribe)
        await until(lambda: len(d.flow.forgotten) == 2)
        assert kafka.pen.offsets(topic, topic, 2) == [7, 7]
        ((tracks, lost),) = d.flow.drained
        assert lost is False
        assert set(tracks) == {m.track for m in taken} == set(d.flow.forgotten)
        await d.source.ack(taken)
    assert kafka.pen.offsets(topic, topic, 2) == [7, 7]


async def test_records_of_a_revoked_partition_are_not_handed_out(kafka: Bench) -> None:
    """What waits in the source when its partition goes is left to the next owner."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, *(b"x" for _ in range(20)), partition=partition)
    first, second = kafka.driver(topic), kafka.driver(topic)
    async with first:
        waiting = first.source._waiting
        while (before := len(waiting)) < 40:
            first.session.demand(40, MIB)
            await until(lambda before=before: len(waiting) > before)  # type: ignore[misc]
        async with second:
            gone = await second.take(20)
            kept = await _rest(first)
    partition = track_of(gone[0]).partition
    assert [m.receipt for m in gone] == list(range(20))
    assert kept
    assert {track_of(m).partition for m in kept} == {1 - partition}


async def _rest(driver: Driver) -> list[Message]:
    """Receive until nothing comes for a while."""
    rest: list[Message] = []
    try:
        while True:
            async with asyncio.timeout(0.5):
                rest += await driver.source.receive(100, MIB)
    except TimeoutError:
        return rest


async def test_a_drain_without_end_is_not_waited_for(
    kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group waits for a slow sink only so long; then what is settled is committed."""
    monkeypatch.setattr(bridge, "DRAIN", 0.2)
    topic = kafka.topic(1)
    kafka.pen.write(topic, *(b"x" for _ in range(10)))
    first = kafka.driver(topic)
    async with first:
        taken = await first.take(10)
        await first.source.ack(taken[:4])

        async def drain(tracks: Sequence[Hashable]) -> None:
            await asyncio.Event().wait()

        first.flow.draining = drain
        first.session._inbox.put(first.session._assignment.give_up)
        await until(lambda: kafka.pen.offsets(topic, topic) == [4])


async def test_lost_partitions_are_dropped_without_commit(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """A member that was thrown out waits for nothing, commits nothing, and begins anew."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(5)))
    async with kafka.driver(topic) as d:
        taken = await d.take(5)
        emulator.errors("OffsetCommit", ["ILLEGAL_GENERATION"], times=20)
        await d.source.ack(taken[:2])
        emulator.errors("Heartbeat", ["UNKNOWN_MEMBER_ID"])
        await until(lambda: d.flow.drained)
        emulator.clear_errors()
        ((tracks, lost),) = d.flow.drained
        assert (list(tracks), lost) == ([taken[0].track], True)
        again = await d.take(5)
        assert [m.receipt for m in again] == [0, 1, 2, 3, 4]
        assert again[0].track is not taken[0].track
        await until(lambda: d.flow.forgotten == [taken[0].track])


async def test_a_member_without_partitions_is_ready(kafka: Bench) -> None:
    """More members than partitions: the extra one opens, waits, and takes over when it may."""
    topic = kafka.topic()
    first, spare = kafka.driver(topic), kafka.driver(topic)
    await first.source.open(first.flow)
    async with spare:
        kafka.pen.write(topic, b"1")
        (message,) = await first.take(1)
        await first.source.ack([message])
        await first.source.close()
        kafka.pen.write(topic, b"2")
        (message,) = await spare.take(1)
        assert message.body == b"2"


async def test_a_defect_in_a_callback_ends_the_session(
    kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception inside librdkafka's callback is not lost with the records of that poll."""
    topic = kafka.topic()
    driver = kafka.driver(topic)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(assignment.Assignment, "_assign", fail)
    error = await refused(driver)
    assert isinstance(error, Disconnected)
    assert error.reason == "Defect"
