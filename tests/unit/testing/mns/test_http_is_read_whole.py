"""The HTTP server of test doubles, by bytes that polite clients seldom send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from eventing_alibaba.testing.http import Exchange, Listener


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    """A server that answers with method, target and body of the request."""

    def echo(exchange: Exchange) -> None:
        request = exchange.request
        body = f"{request.method} {request.target} ".encode() + request.body
        exchange.reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = Listener(echo)
    await server.start()
    yield server
    await server.close()


async def talk(listener: Listener, *pieces: bytes) -> bytes:
    """Send pieces, each in a packet of its own; return all bytes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_a_body_may_come_in_chunks(listener: Listener) -> None:
    """Chunks are put together, wherever packets cut them."""
    head = b"POST /a?b=%41 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    got = await talk(listener, head + b"2\r\nab\r", b"\n1\r\nc\r\n0\r\n\r\n")
    assert got.endswith(b"POST /a?b=%41 abc")


async def test_a_client_may_ask_before_it_sends_a_body(listener: Listener) -> None:
    """Who expects 100 Continue gets it, and then the answer."""
    head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        writer.write(head + b"Expect: 100-continue\r\n\r\n")
        async with asyncio.timeout(10):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ok")
            assert (await reader.read()).endswith(b"POST / ok")
    finally:
        writer.close()


async def test_requests_of_one_packet_are_answered_in_order(listener: Listener) -> None:
    """Requests that come together are answered one by one, and the last may close."""
    first = b"GET /1 HTTP/1.1\r\n\r\n"
    last = b"GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"
    got = await talk(listener, first + last)
    assert got.index(b"GET /1 ") < got.index(b"GET /2 ")
    assert got.count(b"200 OK") == 2


async def test_what_is_no_http_is_refused(listener: Listener) -> None:
    """Other bytes get 400 and the end of the connection; the server goes on."""
    assert (await talk(listener, b"\x16\x03\x01\x00")).startswith(b"HTTP/1.1 400 ")
    assert b"200 OK" in await talk(listener, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
