"""Connections that cannot be opened: each cause has its word, and a sentence with host and port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.wire.client import Results, until
from tests.wire.scripted import Peer, Scripted, serve_ok

from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.target import Target

Pools = Callable[..., Pool]


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that is bound but on which nobody accepts: its queue is full, SYNs are dropped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fill = [socket.socket() for _ in range(4)]
        for sock in fill:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port
        for sock in fill:
            sock.close()


async def test_nobody_listens(pools: Pools) -> None:
    """A refused connection says so, with every address that was tried."""
    async with Scripted(serve_ok) as server:
        target = server.target
    error = await Results(pools(target)).error()
    assert (error.kind, error.sent) == ("connect", False)
    assert error.text == f"cannot connect to {target.address} (127.0.0.1: connection refused)"


async def test_name_does_not_exist(pools: Pools) -> None:
    """An unknown name is told apart from a dead host."""
    error = await Results(pools(Target.parse("http://nobody.invalid/"))).error()
    assert (error.kind, error.sent) == ("dns", False)
    assert error.text.startswith("the name nobody.invalid cannot be resolved: ")


async def test_host_that_does_not_answer(pools: Pools, deaf_port: int) -> None:
    """A connection that does not come about in time is a timeout that names the address."""
    target = Target.parse(f"http://127.0.0.1:{deaf_port}/")
    pool = pools(target, connect_timeout=0.05)
    error = await Results(pool).error()
    assert (error.kind, error.sent) == ("connect_timeout", False)
    assert error.text == f"connecting to {target.address} at 127.0.0.1 took longer than 0.05 s"
    assert [a[1][0] for a in pool._dialer._resolver._failed] == ["127.0.0.1"]


async def test_dead_address_does_not_use_up_the_time_of_the_next(
    pools: Pools, deaf_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a name with a dead and a live replica the live one is reached, within the timeout."""
    async with Scripted(serve_ok) as server:
        dead = (socket.AF_INET, ("127.0.0.1", deaf_port))
        live = (socket.AF_INET, ("127.0.0.1", server.port))
        pool = pools(Target.parse("http://sink/"), connect_timeout=0.2)

        async def lookup() -> list[object]:
            return [dead, live]

        monkeypatch.setattr(pool._dialer._resolver.__class__, "lookup", lambda _: lookup())
        assert (await Results(pool).answer()).status == 200


async def test_hanging_lookup_is_told_apart(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer is a matter of names."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    pool = pools(Target.parse("http://sink.example/"), connect_timeout=0.02)
    monkeypatch.setattr(pool._dialer._resolver.__class__, "lookup", hang)
    error = await Results(pool).error()
    assert (error.kind, error.text) == (
        "dns",
        "the lookup of sink.example took longer than 0.02 s",
    )


async def test_server_that_speaks_first_is_no_http_server(pools: Pools) -> None:
    """A greeting (SMTP, SSH, MySQL) is noticed, at the latest where an answer should be."""

    async def greet(peer: Peer) -> None:
        await peer.write(b"220 mail.example ESMTP\r\n")
        await peer.end()

    async with Scripted(greet) as server:
        error = await Results(pools(server.target)).error()
        assert error.kind == "protocol"
        assert server.target.address in error.text


async def test_server_that_closes_at_once(pools: Pools) -> None:
    """A connection that is closed as soon as it was accepted is an error, not a riddle."""

    async def slam(peer: Peer) -> None:
        peer.reset()

    async with Scripted(slam) as server:
        error = await Results(pools(server.target)).error()
        assert error.kind in {"closed", "connect"}
        assert server.target.address in error.text


async def test_connection_that_ends_before_it_is_used(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is lost while it opens counts as a failed attempt: nothing was sent."""
    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        wrap = pool._dialer._wrap

        async def losing(*given: Any) -> Connection:
            connection = await wrap(*given)
            connection.transport.abort()
            await until(lambda: connection.lost)
            return connection

        monkeypatch.setattr(pool._dialer, "_wrap", losing)
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("closed", False)
        assert error.text == f"{server.target.address} closed a connection at once"


async def test_unexpected_trouble_fails_the_request(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a defect in here leaves a request without a result."""

    async def broken(_: object) -> None:
        raise RuntimeError("surprise")

    async with Scripted(serve_ok) as server:
        pool = pools(server.target)
        monkeypatch.setattr(pool._dialer, "dial", broken)
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("connect", False)
        assert "surprise" in error.text


async def test_too_many_open_files_is_told(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process has no descriptor left, the request fails with that."""
    async with Scripted(serve_ok) as server:

        def refuse(*_: object, **__: object) -> socket.socket:
            raise OSError(24, "Too many open files")

        pool = pools(server.target)
        monkeypatch.setattr("eventing_alibaba.wire.dial.socket.socket", refuse)
        error = await Results(pool).error()
        monkeypatch.undo()
        assert error.kind == "connect"
        assert "too many open files" in error.text


async def test_ipv6_is_spoken(pools: Pools) -> None:
    """A bracketed address is connected to."""
    try:
        async with Scripted(serve_ok, host="::1") as server:
            target = Target.parse(f"http://[::1]:{server.port}/")
            assert (await Results(pools(target)).answer()).status == 200
    except OSError as error:  # pragma: no cover - a machine without IPv6
        pytest.skip(f"no IPv6 here: {error}")
