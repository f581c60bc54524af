"""Once a complete final head is there, nothing that happens to the body undoes the status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.wire.client import Clock, Results
from tests.wire.scripted import PATIENCE, Peer, Script, Scripted, serve_ok

from eventing_alibaba.wire.connection import BODY_SECONDS
from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]

STARTS = [
    b"Content-Length: 100\r\n\r\nabc",
    b"Content-Length: 100\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"\r\nabc",
]


def cut_short(status: int, start: bytes, how: Callable[[Peer], None]) -> Script:
    """A script: begin an answer and break it off."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(b"HTTP/1.1 %d X\r\n%b" % (status, start))
        how(peer)
        await peer.end()

    return script


@pytest.mark.parametrize("status", [200, 202, 404, 503])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("how", [Peer.close, Peer.half_close])
async def test_cut_body_leaves_the_status(
    pools: Pools, status: int, start: bytes, how: Callable[[Peer], None]
) -> None:
    """A body that ends too soon costs the connection only, and is marked as not complete."""
    async with Scripted(cut_short(status, start, how), serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        answer = await results.answer()
        assert answer.status == status
        if status >= 300:
            assert answer.body == (b"abc" if b"abc" in start else b"")
            assert answer.complete is start.startswith(b"\r\n")
        await results.answer()
        assert (pool.opened, pool.resends) == (2, 0)


async def test_reset_body_leaves_the_status(pools: Pools) -> None:
    """The same for RST, once the head has been read."""
    seen = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(b"HTTP/1.1 202 X\r\nContent-Length: 100\r\n\r\n")
        await seen.wait()
        peer.reset()

    async with Scripted(script, serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send()
        await _until_head(pool)
        seen.set()
        _, result = (await results.wait())[0]
        assert getattr(result, "status", result) == 202


async def test_late_body_leaves_the_status(pools: Pools, clock: Clock) -> None:
    """When the time is up in the middle of a body, the answer counts."""
    async with Scripted(_stuck, serve_ok) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        results.send(timeout=5)
        await _until_head(pool)
        clock.now += 5
        pool.sweep()
        _, result = results.got[0]
        assert getattr(result, "status", result) == 202
        await results.answer()
        assert pool.opened == 2


async def test_dripping_body_holds_no_place_for_long(pools: Pools, clock: Clock) -> None:
    """A body that nobody wants is waited for some seconds, however long the answer might take."""
    async with Scripted(_stuck, serve_ok) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        results.send(timeout=600)
        await _until_head(pool)
        pool.sweep()
        clock.now += BODY_SECONDS - 1
        pool.sweep()
        assert results.got == []
        clock.now += 1
        pool.sweep()
        _, result = results.got[0]
        assert getattr(result, "status", result) == 202


async def test_each_body_has_its_own_time(pools: Pools, clock: Clock) -> None:
    """The time for a body counts anew for the next answer on the connection."""
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.write(b"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\nab")
            await more.wait()
            more.clear()
            await peer.write(b"cd")
        await peer.end()

    async with Scripted(script) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        for count in (1, 2):
            results.send()
            await _until_head(pool)
            pool.sweep()
            clock.now += BODY_SECONDS - 1
            pool.sweep()
            more.set()
            await results.wait(count)
        assert [getattr(answer, "body", answer) for _, answer in results.got] == [b"abcd"] * 2


async def test_wanted_body_may_take_its_time(pools: Pools, clock: Clock) -> None:
    """A client that reads bodies waits for them as long as it said."""
    async with Scripted(_stuck, serve_ok) as server:
        pool = pools(server.target, clock=clock, collect_headers=True)
        results = Results(pool)
        results.send(timeout=600)
        await _until_head(pool)
        for _ in range(59):
            clock.now += 10
            pool.sweep()
        assert results.got == []
        clock.now += 10
        pool.sweep()
        _, result = results.got[0]
        assert getattr(result, "status", result) == 202
        assert not getattr(result, "complete", True)


async def test_cut_exchange_with_a_final_head_was_answered(pools: Pools) -> None:
    """An event whose 2xx head has come was delivered, also when the client gives up."""
    async with Scripted(_stuck) as server:
        pool = pools(server.target)
        results = Results(pool)
        results.send()
        await _until_head(pool)
        pool.cut()
        _, result = results.got[0]
        assert getattr(result, "status", result) == 202


async def test_endless_body_ends_the_exchange(pools: Pools) -> None:
    """A body without end is not read without end."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                await peer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        except ConnectionError:
            peer.ended.set()

    async with Scripted(endless, serve_ok) as server:
        pool = pools(server.target)
        assert (await Results(pool).answer()).status == 200
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def _stuck(peer: Peer) -> None:
    await peer.request()
    await peer.write(b"HTTP/1.1 202 X\r\nContent-Length: 100\r\n\r\nabc")
    await peer.end()


async def _until_head(pool: Pool) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(c.reader.final for c in pool._roster.live):  # noqa: ASYNC110 - see `until`
            await asyncio.sleep(0)
