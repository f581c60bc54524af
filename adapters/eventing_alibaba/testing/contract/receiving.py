"""`receive` by hand: limits, pauses, and what goes on while it waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import Final

from eventing_alibaba.contract.message import Message
from eventing_alibaba.testing.contract.expecting import ids, left, need
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.solo import ROOM, Solo, solo

_WATCHED: Final = 0.3


class Receiving:
    """The source without flow and service."""

    async def test_receive_keeps_to_its_limit(self, harness: Harness) -> None:
        """Asked for up to three, or for few bytes, it returns no more, and leaves nothing out."""
        sent = await harness.produce(20, size=10_000)
        async with solo(harness) as driven:
            await driven.take(9, limit=3)
            await driven.take(11, max_bytes=1)
            await driven.ack(driven.taken)
        assert sorted(message.id for message in driven.taken) == ids(sent)
        await left(harness, 0)

    async def test_messages_of_a_track_come_in_their_order(self, harness: Harness) -> None:
        """Whatever the batches, a track is received as it was produced."""
        need(harness, "tracks")
        sent = await harness.produce(60)
        async with solo(harness) as driven:
            await driven.take(len(sent), limit=7)
        wanted = defaultdict(list)
        for message in sent:
            wanted[message.track].append(message.id)
        got = defaultdict(list)
        for received in driven.taken:
            got[received.track].append(received.id)
        assert sorted(got.values()) == sorted(wanted.values())

    async def test_a_message_that_is_not_acknowledged_comes_again(self, harness: Harness) -> None:
        """After the end of a session the next one gets the rest, under the same ids."""
        sent = await harness.produce(20)
        async with solo(harness) as driven:
            first = await driven.take(len(sent))
            track = first[0].track
            done = [m for m in first if m.track == track][:5]
            await driven.ack(done)
            await driven.source.release(
                [m for m in first if m not in done], delay=0.0, failed=False
            )
        await left(harness, len(sent) - len(done))
        async with solo(harness) as driven:
            second = await driven.take(len(sent) - len(done))
            await driven.ack(second)
        assert {m.id for m in second} == {m.id for m in sent} - {m.id for m in done}
        await left(harness, 0)

    async def test_acknowledging_goes_on_while_receive_waits(self, harness: Harness) -> None:
        """A `receive` that has nothing to return holds up no acknowledgement."""
        sent = await harness.produce(6)
        async with solo(harness) as driven:
            taken = await driven.take(len(sent))
            waiting = asyncio.create_task(_next(driven))
            await driven.ack(taken)
            await left(harness, 0)
            assert not waiting.done()
            later = await harness.produce(1)
            async with asyncio.timeout(harness.patience):
                brought = await waiting
            assert [m.id for m in brought] == ids(later)
            await driven.ack(brought)
        await left(harness, 0)

    async def test_a_paused_track_stands_still_and_the_others_go_on(self, harness: Harness) -> None:
        """A pause holds up its track alone, and `resume` brings what waited, in order."""
        need(harness, "tracks")
        begun = await harness.produce(4)
        async with solo(harness) as driven:
            first = (await driven.take(len(begun)))[0]
            (name,) = [message.track for message in begun if message.id == first.id]
            driven.source.pause([first.track])
            sent = await harness.produce(40)
            held = [message.id for message in sent if message.track == name]
            others = {message.id for message in sent} - set(held)
            await _until_taken(driven, others)
            await _whatever_comes(driven, seconds=_WATCHED)
            came = {message.id for message in driven.taken}
            assert not came.issuperset(held), "the paused track has come as a whole"
            driven.source.resume([first.track])
            await _until_taken(driven, set(held))
            await driven.ack(driven.taken)
        assert sorted(m.id for m in driven.taken) == sorted(ids(begun) + ids(sent))
        assert [m.id for m in driven.taken if m.id in set(held)] == held
        await left(harness, 0)


async def _until_taken(driven: Solo, wanted: set[str]) -> None:
    missing = wanted - {message.id for message in driven.taken}
    async with asyncio.timeout(driven.patience):
        while missing:
            batch = await driven.source.receive(4, ROOM)
            driven.taken += batch
            missing -= {message.id for message in batch}


async def _whatever_comes(driven: Solo, *, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                driven.taken += await driven.source.receive(4, ROOM)


async def _next(driven: Solo) -> list[Message]:
    """Receive until there is something: an empty answer is fine, and no end of waiting."""
    while not (batch := await driven.source.receive(10, ROOM)):
        pass
    return list(batch)
