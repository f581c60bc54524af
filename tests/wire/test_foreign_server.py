"""The client against a server that is not ours: uvicorn, with a small application."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
import uvicorn
from tests.wire.client import Results
from tests.wire.scripted import PATIENCE

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.request import head
from eventing_alibaba.wire.target import Target

Pools = Callable[..., Pool]
Message = dict[str, Any]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """`/echo` sends the body back with its length, `/chunked` in chunks, `/fail` raises."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    if path == "/fail":
        raise RuntimeError("on purpose")
    headers = [(b"x-seen", str(len(body)).encode())]
    if path == "/echo":
        headers.append((b"content-length", str(len(body)).encode()))
    if path == "/close":
        headers.append((b"connection", b"close"))
    status = int(scope["query_string"] or 200)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    """Where uvicorn listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        config = uvicorn.Config(
            application, http="h11", ws="none", log_level="critical", lifespan="off", loop="none"
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await task


def post(target: Target, body: bytes, path: str) -> bytes:
    return head("POST", target, [("Content-Type", "text/plain")], len(body), path=path) + body


async def test_echo_of_many_sizes(pools: Pools, url: str) -> None:
    """Bodies of any size arrive and come back, with a length and in chunks, on one connection."""
    target = Target.parse(url)
    pool = pools(target, keep_body=300_000, collect_headers=True)
    for size in (0, 1, 999, 1000, 65_536, 250_000):
        for path in ("/echo", "/chunked"):
            body = b"x" * size
            answer = await pool.request(post(target, body, path), timeout=PATIENCE)
            assert (answer.status, answer.body, answer.complete) == (200, body, True)
            assert answer.header(b"x-seen") == str(size).encode()
    assert pool.opened == 1


async def test_statuses_and_closing(pools: Pools, url: str) -> None:
    """Statuses arrive, and `Connection: close` is followed by a new connection."""
    target = Target.parse(url)
    pool = pools(target)
    results = Results(pool)
    for status in (200, 202, 299, 301, 404, 429, 503):
        answer = await results.answer(request=post(target, b"", f"/echo?{status}"))
        assert answer.status == status
    assert pool.opened == 1
    await results.answer(request=post(target, b"abc", "/close"))
    await results.answer(request=post(target, b"abc", "/echo"))
    assert (pool.opened, pool.resends) == (2, 0)
    assert (await results.answer(request=post(target, b"", "/fail"))).status == 500


async def test_many_at_once(pools: Pools, url: str) -> None:
    """Hundreds of requests over a few connections each get their own answer."""
    target = Target.parse(url)
    pool = pools(target, limit=8, keep_body=100, collect_headers=True)

    async def one(n: int) -> None:
        body = b"%d" % n
        assert (await pool.request(post(target, body, "/chunked"), timeout=PATIENCE)).body == body

    await asyncio.gather(*(one(n) for n in range(300)))
    assert pool.opened <= 8
