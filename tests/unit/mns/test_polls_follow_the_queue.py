"""How many polls there are, and when there is none."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.unit.mns.opened import PATIENCE, ROOM, Listening, source, until

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.mns.source import MnsSource
from eventing_alibaba.testing.emulators.mns import MnsEmulator


async def _take(mine: MnsSource, count: int, limit: int = 512) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        while len(taken) < count:
            taken += await mine.receive(limit, ROOM)
    return taken


async def test_a_full_queue_is_polled_more_often_at_once(mns: MnsEmulator) -> None:
    """Full batches make room for more polls, up to the bound; an idle queue has one."""
    mns.send("orders", ["x"] * 800)
    async with source(mns, polls=4) as mine:
        polls = mine._polls
        assert polls is not None
        await _take(mine, 400)
        assert polls.width == 4
        await mine.ack(await _take(mine, 400))
        waiting = asyncio.create_task(mine.receive(512, ROOM))
        await until(lambda: polls.width == 1 and len(polls) == 1, "a single poll")
        waiting.cancel()


async def test_no_more_is_asked_for_than_there_is_room_for(mns: MnsEmulator) -> None:
    """With room for three, one poll for three; with room for few bytes, one message."""
    mns.send("orders", ["x"] * 40)
    async with source(mns) as mine:
        await _take(mine, 3, limit=3)
        assert mns.counts("orders")["inactive"] == 3
        async with asyncio.timeout(PATIENCE):
            assert len(await mine.receive(512, 1)) == 1
        assert mns.counts("orders")["inactive"] == 4


async def test_early_empty_answers_are_not_repeated_at_once(mns: MnsEmulator) -> None:
    """Beyond the service's limit of waiting polls there is a pause that grows."""
    mns.limit_polls(0)
    async with source(mns) as mine:
        waiting = asyncio.create_task(mine.receive(16, ROOM))
        asked = mns.requests
        await until(lambda: len(asked("BatchReceiveMessage")) == 4, "four polls")
        times = [one["at"] for one in asked("BatchReceiveMessage")]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[0] >= 0.09
        assert gaps[1] >= 1.5 * gaps[0] or gaps[1] >= 0.19
        assert gaps[2] >= 0.35
        mns.limit_polls(None)
        mns.send("orders", ["x"])
        async with asyncio.timeout(PATIENCE):
            assert len(await waiting) == 1


async def test_trouble_is_told_once_and_healed_soon(mns: MnsEmulator) -> None:
    """The poll after a failure does not wait at the service, so the end is known at once."""
    flow = Listening()
    async with source(mns, flow, waitSeconds=10) as mine:
        waiting = asyncio.create_task(mine.receive(16, ROOM))
        mns.fail("BatchReceiveMessage", "InternalError")
        await flow.until("InternalError")
        mns.heal()
        async with asyncio.timeout(8):
            await flow.until("well")
        assert flow.reports == ["InternalError", "well"]
        mns.send("orders", ["x"])
        async with asyncio.timeout(PATIENCE):
            assert len(await waiting) == 1


async def test_a_queue_made_anew_is_found(mns: MnsEmulator) -> None:
    """Deleted and created again under a source that runs: what is in it then is delivered."""
    flow = Listening()
    async with source(mns, flow) as mine:
        waiting = asyncio.create_task(mine.receive(16, ROOM))
        mns.delete_queue("orders")
        await flow.until("QueueNotExist")
        mns.create_queue("orders")
        mns.send("orders", ["x"])
        async with asyncio.timeout(PATIENCE):
            assert len(await waiting) == 1
        assert flow.reports == ["QueueNotExist", "well"]


async def test_what_waits_too_long_is_given_back(mns: MnsEmulator) -> None:
    """Messages that the flow has no room for any more are there for others before their lease."""
    mns.create_queue("long", visibility_timeout=600)
    async with source(mns, queue="long", waitSeconds=10) as mine:
        receiving = asyncio.create_task(mine.receive(16, ROOM))
        await until(lambda: mns.counts("long")["waiting"] == 1, "a waiting poll")
        receiving.cancel()
        mns.send("long", ["x", "y"])
        await until(lambda: mine._waiting, "a message")
        mine._look()
        assert mine._waiting, "its lease has just begun"
        for message in mine._waiting:
            message.lease = now() + 300
        mine._look()
        assert not mine._waiting
        await until(lambda: mns.counts("long")["inactive"] == 0, "its return")


async def test_what_comes_after_the_stop_is_given_back(mns: MnsEmulator) -> None:
    """A poll that outlasts the stop's patience keeps nothing until its lease ends."""
    mns.create_queue("long", visibility_timeout=600)
    async with source(mns, queue="long", waitSeconds=10) as mine:
        receiving = asyncio.create_task(mine.receive(16, ROOM))
        await until(lambda: mns.counts("long")["waiting"] == 1, "a waiting poll")
        assert await mine.quiesce() == []
        assert await receiving == []
        mns.send("long", ["x"])
        await until(lambda: mns.counts("long")["inactive"] == 1, "the poll's answer")
        await until(lambda: mns.counts("long")["active"] == 1, "its return")


async def test_closing_waits_no_second_time_for_polls(
    mns: MnsEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `quiesce` has waited for in vain is cut by `close` at once."""
    async with source(mns, waitSeconds=10) as mine:
        receiving = asyncio.create_task(mine.receive(16, ROOM))
        await until(lambda: mns.counts("orders")["waiting"] == 1, "a waiting poll")
        await mine.quiesce()
        assert await receiving == []
        monkeypatch.setattr("eventing_alibaba.sources.mns.source._QUIESCING", 60.0)
        async with asyncio.timeout(5):
            await mine.close()


async def test_a_prolongation_that_fails_is_no_loss(mns: MnsEmulator) -> None:
    """Extending one of two: the other's failure costs nothing but a later try."""
    mns.send("orders", ["a", "b"])
    async with source(mns) as mine:
        taken = await _take(mine, 2)
        mns.fail("ChangeMessageVisibility", "InternalError", times=1)
        extended = await mine.extend(taken, 60)
        leases = [message.lease for message in extended if message is not None]
        before = [message.lease for message in taken]
        assert len(leases) == 2
        assert sum(lease in before for lease in leases) == 1
        await mine.ack([message for message in extended if message is not None])
        assert mns.counts("orders")["inactive"] == 0
