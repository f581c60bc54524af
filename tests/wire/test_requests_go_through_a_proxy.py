"""What a proxy and the server behind it see."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest
import trustme
from tests.wire.client import Results, post
from tests.wire.scripted import Peer, Script, Scripted, answering, serve_ok

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.proxy import Proxy
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsOptions

Pools = Callable[..., Pool]

AUTHORITY = trustme.CA()
TLS = TlsOptions(system=False, ca_pem=AUTHORITY.cert_pem.bytes().decode())


def serving() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("sink.example").configure_cert(context)
    return context


def through(proxy: Scripted, credentials: str = "") -> Proxy:
    return Proxy.parse(f"http://{credentials}127.0.0.1:{proxy.port}")


def tunnel(port: int, answer: bytes = b"HTTP/1.1 200 Connected\r\nVia: x\r\n\r\n") -> Script:
    """A script: grant a tunnel and carry bytes to `port`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await peer.write(answer)

        async def back() -> None:
            while data := await reader.read(65_536):
                await peer.write(data)
            peer.close()

        task = asyncio.create_task(back())
        try:
            while data := await peer.some():
                writer.write(data)
        finally:
            task.cancel()
            writer.close()
            await asyncio.gather(task, writer.wait_closed(), return_exceptions=True)

    return script


async def test_plain_request_names_its_target(pools: Pools) -> None:
    """A proxy gets the absolute-form and the credentials; connections are kept like any other."""
    async with Scripted(serve_ok) as proxy:
        target = Target.parse("http://sink.example:8080/events")
        pool = pools(target, proxy=through(proxy, "me:pw@"))
        results = Results(pool)
        await results.answer()
        await results.answer()
        seen = (
            b"POST http://sink.example:8080/events HTTP/1.1\r\n"
            b"Proxy-Authorization: Basic bWU6cHc=\r\n"
            b"Host: sink\r\nContent-Length: 5\r\n\r\nevent"
        )
        assert proxy.peers[0].requests == [seen, seen]
        assert pool.opened == 1


async def test_tls_passes_through_a_tunnel(pools: Pools) -> None:
    """The proxy sees host, port and credentials; the request itself goes to the server only."""
    async with Scripted(serve_ok, tls=serving()) as server, Scripted(tunnel(server.port)) as proxy:
        pool = pools(
            Target.parse("https://sink.example/events"), proxy=through(proxy, "me:pw@"), tls=TLS
        )
        results = Results(pool)
        for _ in range(3):
            assert (await results.answer(request=post(b"x" * 100_000))).status == 200
        (connect,) = proxy.peers[0].requests
        assert connect == (
            b"CONNECT sink.example:443 HTTP/1.1\r\nHost: sink.example:443\r\n"
            b"Proxy-Authorization: Basic bWU6cHc=\r\n\r\n"
        )
        assert server.peers[0].requests == [post(b"x" * 100_000)] * 3
        await pool.close()


async def test_server_behind_a_tunnel_is_verified(pools: Pools) -> None:
    """The certificate must be the target's, whoever carries the bytes."""
    async with Scripted(serve_ok, tls=serving()) as server, Scripted(tunnel(server.port)) as proxy:
        pool = pools(Target.parse("https://other.example/"), proxy=through(proxy), tls=TLS)
        error = await Results(pool).error()
        assert error.text == "the certificate of other.example:443 is for another host name"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (answering(b"HTTP/1.1 407 No\r\n\r\n"), "wants other credentials (407)"),
        (answering(b"HTTP/1.1 403 No\r\n\r\n"),
         "refused a tunnel to sink.example:443 (status 403)"),
        (answering(b"SSH-2.0-x\r\n\r\n"), "does not speak HTTP/1.1"),
        (answering(b"HTTP/1.1 2\r\n\r\n"), "does not speak HTTP/1.1"),
        (answering(b"HTTP/1.1 200 OK\r\n\r\nmore"), "sent more than its answer to CONNECT"),
        (answering(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000), "gave no answer to CONNECT"),
    ],
    ids=["credentials", "forbidden", "ssh", "bad-status", "surplus", "endless-head"],
)  # fmt: skip
async def test_refused_tunnel_is_told(pools: Pools, script: Script, why: str) -> None:
    """What the proxy did is told with the proxy's name, and no credentials."""
    async with Scripted(script) as proxy:
        pool = pools(Target.parse("https://sink.example/"), proxy=through(proxy, "me:hunter2@"))
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("proxy", False)
        assert error.text == f"the proxy 127.0.0.1:{proxy.port} {why}"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (Peer.close, "gave no answer to CONNECT"),
        (Peer.reset, "broke the connection: connection reset by peer"),
    ],
)
async def test_proxy_that_closes_is_told(
    pools: Pools, how: Callable[[Peer], None], why: str
) -> None:
    """A proxy that hangs up is told apart from a server that does."""

    async def slam(peer: Peer) -> None:
        await peer.request()
        how(peer)

    async with Scripted(slam) as proxy:
        pool = pools(Target.parse("https://sink.example/"), proxy=through(proxy))
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("proxy", False)
        assert error.text.endswith(why)


async def test_proxy_that_hangs_times_out(pools: Pools) -> None:
    """The connect timeout covers the tunnel."""

    async def hang(peer: Peer) -> None:
        await peer.end()

    async with Scripted(hang) as proxy:
        target = Target.parse("https://sink.example/")
        pool = pools(target, proxy=through(proxy), connect_timeout=0.05)
        error = await Results(pool).error()
        assert (error.kind, error.text) == (
            "connect_timeout",
            f"the tunnel through the proxy 127.0.0.1:{proxy.port} took longer than 0.05 s",
        )


async def test_dead_proxy_is_told(pools: Pools) -> None:
    """When nobody listens where the proxy should be, the proxy is named."""
    async with Scripted(serve_ok) as proxy:
        via = through(proxy)
    error = await Results(pools(Target.parse("http://sink.example/"), proxy=via)).error()
    assert error.kind == "connect"
    assert f"cannot connect to the proxy {via.target.address}" in error.text
