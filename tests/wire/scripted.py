"""A server that plays a script on each connection, byte by byte.

A script is a coroutine function that gets a `Peer` and does what a server could do: read, write,
half-close, close, reset, or wait for an event of the test. The first connection plays the first
script, the second the second, and so on; the last script serves all that follow. What a script
asserts fails the test when the server is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeAlias

from eventing_alibaba.wire.target import Target

PATIENCE = 10.0
"""Seconds after which a test that waits for something fails."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """The server's end of one connection.

    Attributes:
        requests: what `request` has returned so far.
        ended: set when the client's end of the stream or a reset was seen.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests: list[bytes] = []
        self.ended = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """Read one request, its body included."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        request = head + await self._reader.readexactly(length)
        self.requests.append(request)
        return request

    async def read(self, count: int) -> bytes:
        """Read exactly `count` bytes."""
        return await self._reader.readexactly(count)

    async def some(self) -> bytes:
        """Read what is there; nothing at the end of the stream."""
        return await self._reader.read(65_536)

    async def write(self, data: bytes) -> None:
        """Write, and let the kernel have it."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, data: bytes = OK) -> bytes:
        """Read a request and answer it."""
        request = await self.request()
        await self.write(data)
        return request

    def half_close(self) -> None:
        """Say that nothing more will come, and go on reading."""
        self._writer.write_eof()

    def close(self) -> None:
        """Close in order."""
        self._writer.close()

    def reset(self) -> None:
        """Close with RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until this end is closed."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._writer.wait_closed()

    async def end(self) -> bytes:
        """Wait until the client has closed; return what it still sent."""
        try:
            rest = await self._reader.read()
        except ConnectionError:
            rest = b""
        self.ended.set()
        return rest


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


async def serve_ok(peer: Peer) -> None:
    """A script: answer every request with 200 until the client closes."""
    try:
        while True:
            await peer.answer()
    except (asyncio.IncompleteReadError, ConnectionError):
        peer.ended.set()


def answering(*answers: bytes) -> Script:
    """A script: give these answers, one a request, then wait until the client closes."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.answer(answer)
        await peer.end()

    return script


def together(count: int) -> Script:
    """A script: answer with 200, the first time only when `count` connections have a request."""
    arrived = 0
    all_there = asyncio.Event()

    async def script(peer: Peer) -> None:
        nonlocal arrived
        await peer.request()
        arrived += 1
        if arrived >= count:
            all_there.set()
        await all_there.wait()
        await peer.write(OK)
        await serve_ok(peer)

    return script


class Scripted:
    """Listens on a free port of 127.0.0.1; used as an asynchronous context manager.

    Attributes:
        port: where it listens.
        peers: its connections, in the order in which they were accepted.
    """

    def __init__(
        self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.port = 0
        self.peers: list[Peer] = []
        self._scripts = scripts
        self._tls = tls
        self._host = host
        self._failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(peer.closed() for peer in self.peers))
        if error is None and self._failures:
            raise self._failures[0]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/events"

    @property
    def target(self) -> Target:
        """Where it listens."""
        return Target.parse(self.url)

    async def connections(self, count: int) -> list[Peer]:
        """Wait until `count` connections were accepted."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.peers) >= count)
        return self.peers

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(reader, writer)
        script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
        self.peers.append(peer)
        async with self._changed:
            self._changed.notify_all()
        try:
            await script(peer)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - reported when the server is left
            self._failures.append(error)
        finally:
            writer.close()
            self._tasks.discard(task)
