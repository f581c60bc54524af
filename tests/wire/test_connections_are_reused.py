"""What becomes of a connection after an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.wire.client import Clock, Results, post, until
from tests.wire.scripted import PATIENCE, Peer, Scripted, answering, serve_ok, together

from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]


async def test_one_connection_carries_many_requests(pools: Pools) -> None:
    """Requests one after the other go out on the connection that the first one opened."""
    async with Scripted(serve_ok) as server:
        results = Results(pools(server.target))
        for n in range(5):
            assert (await results.answer(token=n)).status == 200
        assert [token for token, _ in results.got] == [0, 1, 2, 3, 4]
        assert len(server.peers) == 1


async def test_send_inside_done_uses_the_freed_connection(pools: Pools) -> None:
    """The connection is idle before `done` is called, even when the limit is one."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, limit=1)
        results = Results(pool)
        sent: list[bool] = []
        results.send("first", then=lambda: sent.append(results.send("second")))
        await results.wait(2)
        assert sent == [True]
        assert len(server.peers) == 1


async def test_the_connection_used_last_is_used_next(pools: Pools) -> None:
    """Of several idle connections the warmest is taken, so that the others may age away."""
    async with Scripted(together(3)) as server:
        results = Results(pools(server.target))
        for n in range(3):
            results.send(n)
        await results.wait(3)
        assert [len(peer.requests) for peer in server.peers] == [1, 1, 1]
        await results.answer()
        (warmest,) = [p for p in server.peers if len(p.requests) == 2]
        for _ in range(3):
            await results.answer()
        assert len(warmest.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: Keep-Alive, CLOSE\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nH",
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\ngarbage",
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nH",
        b"HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
    ],
    ids=[
        "close", "close-in-a-list", "http-1.0", "close-after-500", "second-answer",
        "first-byte-of-another", "garbage-after-404", "first-byte-after-404", "body-after-204",
        "upgrade",
    ],
)  # fmt: skip
async def test_connection_is_closed_after_such_an_answer(pools: Pools, answer: bytes) -> None:
    """The answer counts, and neither a polite nor a confused peer gets another request there."""
    async with Scripted(answering(answer), serve_ok) as server:
        results = Results(pools(server.target))
        assert (await results.answer()).status == int(answer[9:12])
        assert (await results.answer()).status == 200
        assert len(server.peers) == 2
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def test_http_1_0_with_keep_alive_is_kept(pools: Pools) -> None:
    """An HTTP/1.0 server that says keep-alive gets further requests on the connection."""
    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    async with Scripted(answering(answer, answer)) as server:
        results = Results(pools(server.target))
        await results.answer()
        await results.answer()
        assert len(server.peers) == 1


async def test_answer_without_a_request_is_not_taken_for_the_next_one(pools: Pools) -> None:
    """Bytes on an idle connection close it; the next request is not answered by them."""
    spoken = asyncio.Event()

    async def unasked(peer: Peer) -> None:
        await peer.answer()
        await peer.write(b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n")
        spoken.set()
        await peer.end()

    async with Scripted(unasked, serve_ok) as server:
        results = Results(pools(server.target))
        await results.answer()
        async with asyncio.timeout(PATIENCE):
            await spoken.wait()
            await server.peers[0].ended.wait()
        assert (await results.answer()).status == 200
        assert len(server.peers) == 2


async def test_idle_connection_that_the_peer_closes_is_forgotten(pools: Pools) -> None:
    """A connection closed between two requests is not used again and nothing is resent."""
    async with Scripted(_answer_and_close, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        await until(lambda: _idle(pool) == 0)
        await results.answer()
        assert (pool.opened, pool.resends) == (2, 0)


async def _answer_and_close(peer: Peer) -> None:
    await peer.answer()
    peer.close()


async def test_old_connection_gives_way_to_a_new_one(pools: Pools, clock: Clock) -> None:
    """Past its age, give or take a fifth, a connection is closed instead of used."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, clock=clock, max_age=100.0)
        results = Results(pool)
        await results.answer()
        clock.now += 79
        await results.answer()
        assert pool.opened == 1
        clock.now += 42
        await results.answer()
        assert pool.opened == 2
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def test_ages_differ(pools: Pools, clock: Clock) -> None:
    """Connections that opened together do not all close together."""
    async with Scripted(together(30)) as server:
        pool = pools(server.target, limit=30, clock=clock, max_age=100.0)
        results = Results(pool)
        for n in range(30):
            results.send(n)
        await results.wait(30)
        clock.now += 100
        pool.sweep()
        assert 0 < _idle(pool) < 30


async def test_idle_connections_age_without_traffic(pools: Pools, clock: Clock) -> None:
    """The sweep closes old idle connections, also when nothing is sent any more."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, clock=clock, max_age=100.0)
        await Results(pool).answer()
        clock.now += 121
        pool.sweep()
        assert _idle(pool) == 0
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def test_early_answer_counts_and_closes(pools: Pools) -> None:
    """A server that answers before it has read the request is believed; the rest is not sent."""

    async def early(peer: Peer) -> None:
        await peer.read(100)
        await peer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async with Scripted(early, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        answer = await results.answer(request=post(b"x" * 50_000_000))
        assert answer.status == 413
        await results.answer()
        assert len(server.peers) == 2
        (connection,) = pool._idle
        assert connection.transport.get_write_buffer_limits() == (0, 0)  # one byte is noticed


async def test_exception_in_done_is_reported_and_harmless(pools: Pools) -> None:
    """A `done` that raises reaches the loop's exception handler; connection and pool go on."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def explode() -> None:
        raise RuntimeError("in done")

    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send(then=explode)
        await results.wait(1)
        assert (await results.answer()).status == 200
        pool.send(post(), lambda _token, _result: explode(), 0, timeout=9)
        pool.cut()
        assert (pool.in_flight, pool.opened) == (0, 1)
    assert [str(context["exception"]) for context in reported] == ["in done"] * 2
    assert server.target.address in reported[0]["message"]


async def test_state_can_be_read(pools: Pools) -> None:
    """A pool shows where it connects to and what its connections do, without the query."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send()
        await asyncio.sleep(0)  # what is sent goes out at the end of the loop's turn
        where = f"http://127.0.0.1:{server.port}"
        assert repr(pool) == f"<Pool {where} idle=0 busy=0 opening=1 waiting=1 limit=4>"
        await results.wait()
        assert repr(pool) == f"<Pool {where} idle=1 busy=0 opening=0 waiting=0 limit=4>"
        (connection,) = pool._idle
        assert repr(connection) == f"<Connection 127.0.0.1:{server.port} idle reused>"
        await pool.close()
        assert repr(pool).endswith("limit=0 closed>")


def _idle(pool: Pool) -> int:
    return int(repr(pool).partition("idle=")[2].partition(" ")[0])
