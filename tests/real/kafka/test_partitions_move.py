"""Two members of a real group: partitions move, and with them what is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

from tests.unit.kafka.driving import MIB, Bench, Driver, track_of, until

from eventing_alibaba.contract.message import Message


async def _received_by(driver: Driver, messages: list[Message]) -> None:
    """Receive for ever, into `messages`, without acknowledging."""
    while True:
        messages += await driver.source.receive(100, MIB)


async def test_a_revoked_partition_is_drained_and_committed_first(kafka: Bench) -> None:
    """What was on the wire and finished while draining is not delivered to the next owner."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, *(b"x" for _ in range(10)), partition=partition)
    first, second = kafka.driver(topic), kafka.driver(topic)
    async with first:
        taken = await first.take(20)
        mine = {p: [m for m in taken if track_of(m).partition == p] for p in (0, 1)}
        for messages in mine.values():
            await first.source.ack(messages[:3])

        async def drain(tracks: Sequence[Hashable]) -> None:
            for track in tracks:
                records = [m for m in taken if m.track is track]
                first.flow.settle[track] = records[6]

        first.flow.draining = drain
        async with asyncio.timeout(20):
            await second.source.open(second.flow)
        moved: list[Message] = []
        receiving = asyncio.create_task(_received_by(second, moved))
        await until(lambda: moved)
        receiving.cancel()
        ((tracks, lost),) = first.flow.drained
        assert lost is False
        (track,) = tracks
        assert moved[0].receipt == 7
        assert not track_of(mine[track_of(moved[0]).partition][0]).live
        await until(lambda: first.flow.forgotten == [track])
        await second.source.close()


async def test_a_member_that_leaves_hands_over(kafka: Bench) -> None:
    """What it had acknowledged does not come again, what it had not does, and soon."""
    topic = kafka.topic(2)
    first, second = kafka.driver(topic), kafka.driver(topic)
    async with second:
        async with first:
            for partition in (0, 1):
                kafka.pen.write(topic, *(b"x" for _ in range(10)), partition=partition)
            await until(lambda: _partitions(first) == _partitions(second) == 1)
            taken = await first.take(10)
            await first.source.ack(taken[:4])
            mine = track_of(taken[0]).partition
        rest = await second.take(16)
    assert [m.receipt for m in rest if track_of(m).partition == mine] == list(range(4, 10))


def _partitions(driver: Driver) -> int:
    return len(list(driver.session._assignment.tracks()))
