"""What is sent in one turn of the loop is written together at its end, or never was written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.wire.client import Results, post
from tests.wire.scripted import Scripted, serve_ok, together

from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool

Pools = Callable[..., Pool]


async def warm(pool: Pool, results: Results, count: int) -> list[Connection]:
    """Open `count` connections; they are idle when this returns."""
    for number in range(count):
        results.send(number)
    await results.wait(count)
    results.got.clear()
    return list(pool._idle)


async def test_requests_of_one_turn_are_written_together_in_order(pools: Pools) -> None:
    """Nothing is written while more may come; then all is, first come first."""
    async with Scripted(together(3)) as server:
        pool = pools(server.target)
        results = Results(pool)
        written: list[bytes] = []

        def spied(write: Callable[[bytes], None]) -> Callable[[bytes], None]:
            def spy(data: bytes) -> None:
                written.append(data)
                write(data)

            return spy

        for connection in await warm(pool, results, 3):
            connection.write = spied(connection.write)
        requests = [post(b"%d" % number) for number in range(3)]
        for number, request in enumerate(requests):
            results.send(number, request)
        assert written == []
        await asyncio.sleep(0)
        assert written == requests
        await results.wait(3)


async def test_what_is_cut_before_its_turn_ends_was_not_sent(pools: Pools) -> None:
    """It says so, the server never sees it, and the connection serves the next one."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await warm(pool, results, 1)
        results.send("cut", post(b"cut"))
        pool.cut()
        ((token, error),) = results.got
        assert token == "cut"
        assert isinstance(error, WireError)
        assert (error.kind, error.sent, pool.in_flight) == ("cut", False, 0)
        await asyncio.sleep(0)
        results.send("next", post(b"next"))
        await results.wait(2)
        assert [token for token, _ in results.got] == ["cut", "next"]
        assert [peer.requests[1:] for peer in server.peers] == [[post(b"next")]]


async def test_a_caller_that_is_cancelled_at_once_takes_nobody_with_it(pools: Pools) -> None:
    """Another request of the same turn has its answer, and nothing is left under way."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await warm(pool, results, 1)
        caller = asyncio.ensure_future(pool.request(post(), timeout=60))
        asyncio.get_running_loop().call_soon(lambda: (results.send("other"), caller.cancel()))
        await asyncio.wait([caller])
        assert caller.cancelled()
        ((token, answer),) = await results.wait(1)
        assert (token, getattr(answer, "status", answer)) == ("other", 200)
        assert pool.in_flight == 0


@pytest.mark.parametrize(
    "end",
    [
        lambda connection: connection.data_received(b"HTTP/1.1 408 Too Slow\r\n\r\n"),
        lambda connection: connection.eof_received(),
        lambda connection: connection.retire(),
    ],
    ids=["speaks", "ends", "is too old"],
)
async def test_an_idle_connection_that_goes_first_costs_nothing(
    pools: Pools, end: Callable[[Connection], None]
) -> None:
    """No request had been given to it yet: nothing was sent twice, and nothing failed."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        (connection,) = await warm(pool, results, 1)
        results.send("next")
        end(connection)
        ((_, answer),) = await results.wait(1)
        assert getattr(answer, "status", answer) == 200
        assert [len(peer.requests) for peer in server.peers] == [1, 1]
        assert pool.resends == 0


@pytest.mark.parametrize(("busy", "taken"), [(0, 3), (2, 2)])
async def test_a_lower_limit_leaves_connections_for_what_was_taken(
    pools: Pools, busy: int, taken: int
) -> None:
    """What was taken before the limit fell to one goes out on connections that are idle."""
    every = busy + taken
    async with Scripted(together(every)) as server:
        pool = pools(server.target, limit=every)
        results = Results(pool)
        await warm(pool, results, every)
        for number in range(busy):
            results.send(number)
        await asyncio.sleep(0)
        for number in range(taken):
            results.send(number)
        pool.resize(1)
        await results.wait(every)
        assert pool.opened == every
        assert "idle=1 busy=0" in repr(pool)


async def test_a_write_that_raises_fails_its_own_request_alone(pools: Pools) -> None:
    """It is reported; the others of its turn are written."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        results = Results(pool)
        await warm(pool, results, 2)
        told: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

        def broken(_: bytes) -> None:
            raise RuntimeError("the handler is closed")

        pool._idle[-1].write = broken
        results.send("fails")
        results.send("goes")
        await results.wait(2)
        found = {token: getattr(result, "kind", "") for token, result in results.got}
        assert found == {"fails": "closed", "goes": ""}
        assert told == ["the handler is closed"]
        assert pool.in_flight == 0
