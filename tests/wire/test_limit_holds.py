"""How many exchanges and connections there are at once, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.wire.client import Dials, Results, post, until
from tests.wire.scripted import PATIENCE, Peer, Scripted, serve_ok, together

from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]


async def test_no_more_than_the_limit_is_taken(pools: Pools) -> None:
    """Past the limit `send` takes nothing, and takes again as soon as an answer is there."""
    async with Scripted(together(3)) as server:
        pool = pools(server.target, limit=3)
        results = Results(pool)
        assert [results.send(n) for n in range(4)] == [True, True, True, False]
        assert pool.in_flight == 3
        await results.wait(3)
        assert pool.in_flight == 0
        assert sorted(token for token, _ in results.got) == [0, 1, 2]
        await results.answer()
        assert len(server.peers) == 3


async def test_limit_can_be_raised_and_lowered_while_running(pools: Pools) -> None:
    """A raised limit takes more at once; a lowered one closes what is idle beyond it."""
    async with Scripted(together(3)) as server:
        pool = pools(server.target, limit=1)
        results = Results(pool)
        assert [results.send(n) for n in range(2)] == [True, False]
        pool.resize(3)
        assert [results.send(n) for n in range(3)] == [True, True, False]
        await results.wait(3)
        pool.resize(1)
        assert pool.limit == 1
        assert "idle=1 busy=0" in repr(pool)
        async with asyncio.timeout(PATIENCE):
            await until(lambda: sum(peer.ended.is_set() for peer in server.peers) == 2)
        await results.answer()
        assert pool.opened == 3


async def test_busy_connections_beyond_a_lowered_limit_close_as_they_finish(pools: Pools) -> None:
    """Lowering the limit cuts no exchange; the surplus goes when its answers are there."""
    async with Scripted(together(3)) as server:
        pool = pools(server.target, limit=3)
        results = Results(pool)
        for n in range(3):
            results.send(n)
        await until(lambda: "busy=3" in repr(pool))
        pool.resize(1)
        assert not results.send("no")
        await results.wait(3)
        assert all(not isinstance(result, WireError) for _, result in results.got)
        assert "idle=1 busy=0" in repr(pool)


async def test_freed_connection_serves_the_oldest_waiting_request(pools: Pools) -> None:
    """What waits for a new connection goes out on one that is freed before, first come first.

    The attempts that nobody needs any more are there for the next request, and fail unnoticed.
    """
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer(token="warm")
        dials = Dials(pool)
        for token in ("first", "second", "third"):
            results.send(token)
        await asyncio.sleep(0)  # what is sent goes out at the end of the loop's turn
        assert "busy=1 opening=2 waiting=2" in repr(pool)
        await results.wait(4)
        assert [token for token, _ in results.got] == ["warm", "first", "second", "third"]
        assert "opening=2 waiting=0" in repr(pool)
        results.send("fourth")
        results.send("fifth")
        await results.wait(6)
        assert dials.asked == 2
        dials.fail()
        dials.fail()
        await until(lambda: "opening=0" in repr(pool))
        assert len(results.got) == 6
        assert len(server.peers) == 1


async def test_failed_attempt_spares_a_request_that_another_will_serve(pools: Pools) -> None:
    """As long as there is an attempt for each request that waits, a failure is nobody's."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer(token="warm")
        dials = Dials(pool)
        for token in ("first", "second"):
            results.send(token)
        await results.wait(3)  # the second was served by the freed connection
        pool._idle[0].retire()
        results.send("third")
        results.send("fourth")
        await until(lambda: dials.asked == 2)
        assert "opening=2 waiting=2" in repr(pool)
        dials.fail()
        await results.wait(4)
        token, error = results.got[-1]
        assert (token, getattr(error, "kind", error)) == ("third", "connect")
        dials.succeed()
        await results.wait(5)
        token, answer = results.got[-1]
        assert (token, getattr(answer, "status", answer)) == ("fourth", 200)


async def test_failure_of_a_needless_attempt_is_unnoticed(pools: Pools) -> None:
    """Two attempts and one request: when the first attempt fails, the second still serves it."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer(token="warm")
        dials = Dials(pool)
        results.send("first")
        results.send("second")
        results.send("third")
        await results.wait(4)
        assert "opening=2 waiting=0" in repr(pool)
        pool._idle[0].retire()
        results.send("last")
        await asyncio.sleep(0)
        assert "opening=2 waiting=1" in repr(pool)
        dials.fail()
        await until(lambda: "opening=1" in repr(pool))
        assert len(results.got) == 4
        dials.succeed()
        await results.wait(5)
        token, answer = results.got[-1]
        assert (token, getattr(answer, "status", answer)) == ("last", 200)


async def test_failed_attempt_fails_the_oldest_waiting_request_only(pools: Pools) -> None:
    """With two requests waiting and nobody there, each attempt fails one, the oldest first."""
    async with Scripted(serve_ok) as server:
        target = server.target
    pool = pools(target)
    results = Results(pool)
    for n in range(3):
        results.send(n)
    await results.wait(3)
    assert [token for token, _ in results.got] == [0, 1, 2]
    for _, error in results.got:
        assert isinstance(error, WireError)
        assert (error.kind, error.sent) == ("connect", False)
    assert pool.in_flight == 0


async def test_connection_opened_for_nothing_is_kept_for_the_next_request(pools: Pools) -> None:
    """When a freed connection was quicker, the new one becomes idle and is of use later."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        results.send("a")
        results.send("b")
        await results.wait(3)
        await until(lambda: "opening=0" in repr(pool))
        assert "idle=2" in repr(pool)


async def test_connection_that_comes_too_late_is_closed(pools: Pools) -> None:
    """When the limit was lowered while a connection opened that nobody needs, it closes."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        dials = Dials(pool)
        results.send()
        results.send()
        await results.wait(3)
        pool.resize(1)
        assert "idle=1 busy=0 opening=1" in repr(pool)
        dials.succeed()
        await until(lambda: "opening=0" in repr(pool))
        assert "idle=1 busy=0" in repr(pool)
        assert pool.opened == 2
        pool.resize(0)
        assert "idle=0 busy=0" in repr(pool)


async def test_request_waits_for_room(pools: Pools) -> None:
    """Coroutines beyond the limit wait for their turn and come in order."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, limit=1)
        finished: list[int] = []

        async def one(n: int) -> None:
            await pool.request(post(b"%d" % n), timeout=PATIENCE)
            finished.append(n)

        async with asyncio.TaskGroup() as tasks:
            for n in range(5):
                tasks.create_task(one(n))
        assert finished == [0, 1, 2, 3, 4]
        assert [r[-1:] for r in server.peers[0].requests] == [b"%d" % n for n in range(5)]


async def test_request_gives_up_waiting_for_room(pools: Pools) -> None:
    """Without room in time the caller learns that nothing was sent."""
    async with Scripted(_never) as server:
        pool = pools(server.target, limit=1)
        Results(pool).send()
        with pytest.raises(WireError, match=r"no connection to .* was free in time") as caught:
            await pool.request(post(), timeout=0.01)
        assert (caught.value.kind, caught.value.sent) == ("connect_timeout", False)


async def test_raised_limit_lets_waiting_requests_in(pools: Pools) -> None:
    """Coroutines that wait for room go on when the limit is raised."""
    async with Scripted(together(3)) as server:
        pool = pools(server.target, limit=0)
        tasks = [asyncio.create_task(pool.request(post(), timeout=PATIENCE)) for _ in range(3)]
        await asyncio.sleep(0)
        pool.resize(3)
        assert [answer.status for answer in await asyncio.gather(*tasks)] == [200] * 3


async def test_cancelled_waiter_passes_its_turn_on(pools: Pools) -> None:
    """A coroutine that is cancelled just as its turn comes does not keep the next one waiting."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, limit=0)
        first = asyncio.create_task(pool.request(post(), timeout=PATIENCE))
        second = asyncio.create_task(pool.request(post(), timeout=PATIENCE))
        await asyncio.sleep(0)
        pool.resize(1)  # tells the first
        first.cancel()
        assert (await second).status == 200
        with pytest.raises(asyncio.CancelledError):
            await first


async def _never(peer: Peer) -> None:
    await peer.request()
    await peer.end()
