"""A server may close an idle connection just as a request is written to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from tests.wire.client import Clock, Dials, Results, post, until
from tests.wire.scripted import OK, Peer, Script, Scripted, answering, serve_ok

from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]


def dying(how: str, *, answers: int) -> Script:
    """A script: answer some requests, read one more, and end in this way."""

    async def script(peer: Peer) -> None:
        for _ in range(answers):
            await peer.answer()
        await peer.request()
        if how == "reset":
            peer.reset()
        elif how == "half-close":
            peer.half_close()
            await peer.end()
        else:
            peer.close()

    return script


WAYS = ["close", "reset", "half-close"]


@pytest.mark.parametrize("how", WAYS)
async def test_request_on_a_connection_that_died_is_sent_once_more(pools: Pools, how: str) -> None:
    """On a connection that had worked, an end without a byte of an answer is made good unseen."""
    async with Scripted(dying(how, answers=1), serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        answer = await results.answer(request=post(b"twice"))
        assert answer.status == 200
        assert pool.resends == 1
        assert [peer.requests[-1] for peer in server.peers] == [post(b"twice")] * 2


@pytest.mark.parametrize("how", WAYS)
async def test_fresh_connection_that_dies_is_an_error(pools: Pools, how: str) -> None:
    """On the first request of a connection nothing is sent again: it may have been processed."""
    async with Scripted(dying(how, answers=0), serve_ok) as server:
        pool = pools(server.target)
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("closed", True)
        assert server.target.address in error.text
        assert "before an answer" in error.text
        assert (pool.resends, len(server.peers)) == (0, 1)


async def test_it_is_sent_again_only_once(pools: Pools) -> None:
    """When the fresh connection dies as well, that is the result."""
    scripts = dying("close", answers=1), dying("close", answers=0)
    async with Scripted(*scripts, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        error = await results.error()
        assert (error.kind, error.sent) == ("closed", True)
        assert (pool.resends, len(server.peers)) == (1, 2)


async def test_it_is_sent_again_on_no_other_old_connection(pools: Pools) -> None:
    """The second try never goes to a warm connection, which may be as dead as the first.

    A request that came later, and was never written, takes that one meanwhile.
    """
    release = asyncio.Event()
    arrived = 0
    both = asyncio.Event()

    async def warm(peer: Peer) -> None:
        nonlocal arrived
        await peer.request()
        arrived += 1
        if arrived == 2:
            both.set()
        await both.wait()
        await peer.write(OK)
        if (await peer.request()).endswith(b"dies"):
            return
        await release.wait()
        await peer.write(OK)
        await serve_ok(peer)

    async with Scripted(warm, warm, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send()
        results.send()
        await results.wait(2)
        dials = Dials(pool)
        results.send("held", post(b"held"))
        results.send("dies", post(b"dies"))
        await until(lambda: pool.resends == 1)
        results.send("later", post(b"later"))
        release.set()
        await results.wait(4)
        assert [token for token, _ in results.got[2:]] == ["held", "later"]
        dials.succeed()
        await results.wait(5)
        assert results.got[-1][0] == "dies"
        assert server.peers[2].requests == [post(b"dies")]


async def test_second_try_that_finds_nobody_says_that_it_may_have_arrived(pools: Pools) -> None:
    """After a resend no error claims that nothing was sent, whatever the last attempt sent."""
    async with Scripted(dying("close", answers=1)) as server:
        results = Results(pools(server.target))
        await results.answer()
        server._server.close()
        error = await results.error()
        assert (error.kind, error.sent) == ("connect", True)


async def test_part_of_an_answer_is_not_made_good(pools: Pools) -> None:
    """A byte of an answer shows that the server has seen the request: no second try."""

    async def half(peer: Peer) -> None:
        await peer.answer()
        await peer.request()
        await peer.write(b"HTTP/1.1 2")
        peer.close()

    async with Scripted(half, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        error = await results.error()
        assert (error.kind, error.sent) == ("closed", True)
        assert "in the middle of an answer" in error.text
        assert pool.resends == 0


async def test_all_connections_may_die_at_once(pools: Pools) -> None:
    """A server that restarts costs its clients nothing but new connections."""
    meet = [asyncio.Barrier(5), asyncio.Barrier(5)]

    async def script(peer: Peer) -> None:
        await peer.request()
        await meet[0].wait()
        await peer.write(OK)
        await peer.request()
        await meet[1].wait()

    async with Scripted(*[script] * 5, serve_ok) as server:
        pool = pools(server.target, limit=5)
        results = Results(pool)
        for expected in (5, 10):
            for n in range(5):
                results.send(n)
            await results.wait(expected)
        assert all(not isinstance(result, WireError) for _, result in results.got)
        assert (pool.resends, pool.opened) == (5, 10)


async def test_deadline_counts_from_the_first_try(pools: Pools, clock: Clock) -> None:
    """A second try gets no second helping of time."""

    async def dies(peer: Peer) -> None:
        await peer.answer()
        await peer.request()
        clock.now += 6
        peer.close()

    async def silent(peer: Peer) -> None:
        await peer.request()
        clock.now += 6
        pool.sweep()
        await peer.end()

    async with Scripted(dies, silent) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        await results.answer()
        error = await results.error(timeout=10)
        assert error.kind == "answer_timeout"
        assert pool.resends == 1


async def test_answer_that_overtakes_its_request_belongs_to_nobody(pools: Pools) -> None:
    """What a server says before a byte of the request has left is no answer to it (408 and such).

    The transport is a double that holds everything back, as one does whose socket is full.
    """

    class Full:
        def __init__(self, transport: asyncio.Transport) -> None:
            self.abort = transport.abort

        def get_write_buffer_size(self) -> int:
            return len(post())

    async with Scripted(answering(OK), serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await results.answer()
        (connection,) = pool._idle
        connection.transport = cast("asyncio.Transport", Full(connection.transport))
        connection.write = lambda _: connection.pause_writing()
        results.send()
        await asyncio.sleep(0)  # what is sent goes out at the end of the loop's turn
        connection.data_received(b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\n\r\n")
        _, result = (await results.wait(2))[-1]
        assert not isinstance(result, WireError)
        assert result.status == 200
        assert pool.resends == 1
        assert server.peers[1].requests == [post()]


async def test_death_of_many_is_survived_under_load(pools: Pools) -> None:
    """Every request has exactly one result while connections die all the time."""
    async with Scripted(
        *[dying("close", answers=n % 4 + 1) for n in range(60)], serve_ok
    ) as server:
        pool = pools(server.target, limit=8)
        results = Results(pool)
        left = 200

        def more() -> None:
            nonlocal left
            if left:
                left -= 1
                assert results.send(left, then=more)

        for _ in range(8):
            more()
        await results.wait(200)
        assert sorted(token for token, _ in results.got) == list(range(200))
        assert pool.in_flight == 0
        assert all(not isinstance(result, WireError) for _, result in results.got)
