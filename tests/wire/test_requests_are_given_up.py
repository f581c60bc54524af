"""Giving up from this side: cut, close, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.wire.client import Dials, Results, post, until
from tests.wire.scripted import OK, PATIENCE, Peer, Scripted, serve_ok

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]


async def silent(peer: Peer) -> None:
    """A script: read a request and say nothing."""
    await peer.request()
    await peer.end()


async def test_cut_ends_every_exchange_once(pools: Pools) -> None:
    """Requests on the wire and requests that wait all get `cut`, which tells them apart."""
    async with Scripted(silent) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send("written")
        await server.connections(1)
        await until(lambda: "busy=1" in repr(pool))
        results.send("waiting")
        pool.cut()
        assert [(t, getattr(e, "kind", e), getattr(e, "sent", e)) for t, e in results.got] == [
            ("written", "cut", True),
            ("waiting", "cut", False),
        ]
        assert pool.in_flight == 0
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()
        assert len(results.got) == 2


async def test_pool_goes_on_after_a_cut(pools: Pools) -> None:
    """`cut` ends what is under way then, also when `done` sends the next request at once."""
    async with Scripted(silent, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send("cut", then=lambda: results.send("next"))
        await server.connections(1)
        await until(lambda: "busy=1" in repr(pool))
        pool.cut()
        await results.wait(2)
        token, result = results.got[1]
        assert (token, getattr(result, "status", result)) == ("next", 200)


async def test_request_after_a_cut_gets_an_attempt_of_its_own(pools: Pools) -> None:
    """Attempts that a cut has stopped serve nobody; who sends in `done` does not wait for them."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        dials = Dials(pool)
        results = Results(pool)
        results.send("cut", then=lambda: results.send("next"))
        await until(lambda: dials.asked == 1)
        pool.cut()
        await until(lambda: dials.asked == 2)
        assert "opening=1 waiting=1" in repr(pool)
        dials.succeed()
        await results.wait(2)
        token, result = results.got[1]
        assert (token, getattr(result, "status", result)) == ("next", 200)


async def test_idle_connections_survive_a_cut(pools: Pools) -> None:
    """What has no exchange is not cut."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        pool.cut()
        await results.answer()
        assert pool.opened == 1


async def test_closed_pool_takes_nothing(pools: Pools) -> None:
    """After `close` everything is closed, `send` says no and `request` says why."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        await pool.close()
        await pool.close()
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()
        pool.resize(5)
        assert not results.send()
        with pytest.raises(WireError, match="is closed"):
            await pool.request(post(), timeout=1)


async def test_close_cuts_and_releases_who_waits(pools: Pools) -> None:
    """Closing ends exchanges, attempts and coroutines that wait for room."""
    async with Scripted(silent) as server:
        pool = pools(server.target, limit=2)
        on_wire = asyncio.create_task(pool.request(post(), timeout=60))
        await server.connections(1)
        await until(lambda: "busy=1" in repr(pool))
        opening = asyncio.create_task(pool.request(post(), timeout=60))
        for_room = asyncio.create_task(pool.request(post(), timeout=60))
        await asyncio.sleep(0)
        await pool.close()
        ended = await asyncio.gather(on_wire, opening, for_room, return_exceptions=True)
        assert [(getattr(e, "kind", e), getattr(e, "sent", e)) for e in ended] == [
            ("cut", True),
            ("cut", False),
            ("cut", False),
        ]
        assert asyncio.all_tasks() - _own(server) == {asyncio.current_task()}


def _own(server: Scripted) -> set[asyncio.Task[None]]:
    return server._tasks


async def test_close_releases_who_waits_for_room_that_never_was(pools: Pools) -> None:
    """Also a pool whose limit is zero lets its waiters go."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, limit=0)
        waiting = [asyncio.create_task(pool.request(post(), timeout=60)) for _ in range(3)]
        await asyncio.sleep(0)
        await pool.close()
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, WireError)
            assert repr(error) == f"WireError('cut', {error.text!r}, sent=False)"


async def test_cancelled_request_closes_its_connection(pools: Pools) -> None:
    """The answer to a cancelled request cannot be taken for the next one's."""
    release = asyncio.Event()

    async def late(peer: Peer) -> None:
        await peer.request()
        await release.wait()
        await peer.write(b"HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")
        await peer.end()

    async with Scripted(late, serve_ok) as server:
        pool = pools(server.target)
        task = asyncio.create_task(pool.request(post(), timeout=60))
        await server.connections(1)
        await until(lambda: "busy=1" in repr(pool))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.in_flight == 0
        release.set()
        assert (await pool.request(post(), timeout=PATIENCE)).status == 200
        assert pool.opened == 2


async def test_cancelled_request_without_a_connection_is_forgotten(pools: Pools) -> None:
    """A request that is cancelled before it was written is never written."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        task = asyncio.create_task(pool.request(post(b"never"), timeout=60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await pool.request(post(b"next"), timeout=PATIENCE)).status == 200
        assert all(post(b"never") not in peer.requests for peer in server.peers)


async def test_request_returns_the_answer_or_raises(pools: Pools) -> None:
    """The awaiting form gives the answer of any status, and raises only without one."""
    answer = b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno"

    async def script(peer: Peer) -> None:
        await peer.answer(answer)
        await peer.answer(OK)
        await peer.request()
        await peer.write(b"nonsense")
        await peer.end()

    async with Scripted(script) as server:
        pool = pools(server.target, collect_headers=True)
        first = await pool.request(post(), timeout=PATIENCE)
        assert isinstance(first, Answer)
        assert (first.status, first.body) == (404, b"no")
        second = await pool.request(post(), timeout=PATIENCE)
        assert (second.status, second.header(b"content-length")) == (200, b"0")
        with pytest.raises(WireError, match="answered with something else than HTTP"):
            await pool.request(post(), timeout=PATIENCE)
