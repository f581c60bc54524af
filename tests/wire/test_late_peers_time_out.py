"""Deadlines: one look at all exchanges about once a second instead of a timer for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.wire.client import Clock, Results, post, until
from tests.wire.scripted import PATIENCE, Peer, Scripted, serve_ok

from eventing_alibaba.wire.alarm import Alarm
from eventing_alibaba.wire.pool import SWEEP_SECONDS, Pool

Pools = Callable[..., Pool]


async def silent(peer: Peer) -> None:
    """A script: read a request and say nothing."""
    await peer.request()
    await peer.end()


async def deaf(peer: Peer) -> None:
    """A script: read nothing."""
    del peer
    await asyncio.Event().wait()


async def test_answer_that_does_not_come_is_an_error(pools: Pools, clock: Clock) -> None:
    """After the request's own time the exchange ends and the connection is closed."""
    async with Scripted(silent, serve_ok) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        results.send("late", timeout=10)
        results.send("patient", timeout=11)
        await server.connections(2)
        await until(lambda: "busy=2" in repr(pool))
        clock.now += 9.9
        pool.sweep()
        assert [token for token, _ in results.got if token == "late"] == []
        clock.now += 0.1
        pool.sweep()
        error = dict(results.got)["late"]
        assert getattr(error, "kind", error) == "answer_timeout"
        assert getattr(error, "sent", error) is True
        assert server.target.address in str(error)
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def test_timer_finds_the_nearest_deadline(pools: Pools) -> None:
    """The pool looks by itself, and soon enough for a short timeout beside a long one."""
    async with Scripted(silent, silent) as server:
        results = Results(pools(server.target))
        results.send("long", timeout=600)
        results.send("short", timeout=0.05)
        started = asyncio.get_running_loop().time()
        ((token, error),) = await results.wait()
        assert (token, getattr(error, "kind", error)) == ("short", "answer_timeout")
        assert asyncio.get_running_loop().time() - started < SWEEP_SECONDS


async def test_alarm_rings_once_at_the_earliest_time() -> None:
    """A later time does not put an earlier one off, and none rings after `off`."""
    rung = asyncio.Event()
    alarm = Alarm(rung.set)
    alarm.set(1000.01, 1000.0)
    alarm.set(9000.0, 1000.0)
    assert alarm.at == 1000.01
    async with asyncio.timeout(PATIENCE):
        await rung.wait()
    assert alarm.at == float("inf")
    alarm.set(2000.0, 1000.0)
    alarm.off()
    alarm.off()
    assert (alarm.at, alarm._handle) == (float("inf"), None)


async def test_peer_that_stops_reading_is_noticed(pools: Pools, clock: Clock) -> None:
    """When the peer takes no byte for the write timeout, the exchange ends before its deadline."""
    async with Scripted(deaf) as server:
        pool = pools(server.target, clock=clock, write_timeout=20)
        results = Results(pool)
        results.send(request=post(b"x" * 50_000_000), timeout=1e9)
        await until(lambda: "busy=1" in repr(pool))
        (connection,) = pool._roster.live
        transport = connection.transport
        while not results.got:
            await asyncio.sleep(0)  # the sockets' buffers fill in some steps
            before = transport.get_write_buffer_size()
            pool.sweep()
            clock.now += 19
            pool.sweep()
            assert results.got == []
            if transport.get_write_buffer_size() == before:
                clock.now += 1
                pool.sweep()
        ((_, error),) = results.got
        assert getattr(error, "kind", error) == "write_timeout"
        assert getattr(error, "sent", error) is True
        assert "took no byte of the request for 20 s" in str(error)


async def test_slow_reader_is_no_dead_one(pools: Pools, clock: Clock) -> None:
    """As long as the peer takes something, only the deadline of the whole exchange counts."""
    go_on = asyncio.Event()

    async def slow(peer: Peer) -> None:
        while True:
            await go_on.wait()
            go_on.clear()
            await peer.read(2_000_000)

    async with Scripted(slow) as server:
        pool = pools(server.target, clock=clock, write_timeout=20)
        results = Results(pool)
        results.send(request=post(b"x" * 50_000_000), timeout=100)
        await until(lambda: "busy=1" in repr(pool))
        (connection,) = pool._roster.live
        transport = connection.transport
        pool.sweep()
        for _ in range(5):
            before = transport.get_write_buffer_size()
            go_on.set()
            await until(lambda b=before: transport.get_write_buffer_size() < b)  # type: ignore[misc]
            clock.now += 19
            pool.sweep()
            assert results.got == []
        clock.now += 19
        pool.sweep()
        ((_, error),) = results.got
        assert getattr(error, "kind", error) == "write_timeout"


async def test_request_without_a_connection_times_out(pools: Pools, clock: Clock) -> None:
    """A request whose time is up before there is a connection says that nothing was sent."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, clock=clock)
        results = Results(pool)
        results.send(timeout=2)
        await asyncio.sleep(0)  # what is sent goes out at the end of the loop's turn
        clock.now += 2
        pool.sweep()
        ((_, error),) = results.got
        assert getattr(error, "kind", error) == "connect_timeout"
        assert getattr(error, "sent", error) is False
        assert pool.in_flight == 0
        await results.answer()


async def test_idle_pool_sleeps(pools: Pools, clock: Clock) -> None:
    """Without exchanges the timer waits for the age of connections, without these for nothing."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target, clock=clock, max_age=100)
        assert pool._alarm.at == float("inf")
        await Results(pool).answer()
        pool._alarm.off()
        pool.sweep()
        assert 80 <= pool._alarm.at - clock.now <= 120
        await Results(pool).answer()
        assert pool._alarm.at - clock.now <= SWEEP_SECONDS
        clock.now += 121
        pool._alarm.off()
        pool.sweep()
        assert pool._alarm.at == float("inf")
