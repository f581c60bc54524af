"""The page's server: a little HTTP/1.1 on asyncio's streams.

It serves a few files from memory, one stream and a handful of commands to the browser beside it, so
it needs none of what a web framework is for; and without one the demo runs wherever the package
does. The part that is easily got wrong, reading a request, is done by llhttp (httptools), which the
core has anyway. Each connection takes one request: over the loopback interface a connection costs
nothing, and there is no second request whose boundaries could be misunderstood.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import httptools
import orjson

from eventing_alibaba.cli.demo.guard import refusal

_MOST_BYTES: Final = 32 * 1024
_MOST_CONNECTIONS: Final = 128
_PATIENCE: Final = 10.0

_ALWAYS: Final = {
    "Cache-Control": "no-cache",
    "Connection": "close",
    # Nothing comes from elsewhere, goes elsewhere, or is shown inside another site.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " media-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class Request:
    """One request; names of headers are in lower case, `path` is without its query."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `stream` takes the place of `body` and goes on until the client leaves."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncGenerator[bytes, None] | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """Return a value as JSON."""
        return cls(status, orjson.dumps(value))

    @classmethod
    def error(cls, status: int, sentence: str) -> Response:
        """Return a sentence on what is wrong with the request."""
        return cls.json({"error": sentence}, status)


Application: TypeAlias = Callable[[Request], Awaitable[Response]]


class WebServer:
    """Serves `application` on 127.0.0.1 from `start` to `close`."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen; return the port. Raises OSError where it cannot be had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end what is open."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if len(self._serving) > _MOST_CONNECTIONS:
                return
            request = await _read(reader)
            if request is None:
                return
            if isinstance(request, Response):
                response, without_body = request, False
            else:
                response = await self._answer(request)
                without_body = request.method == "HEAD"
            await _write(reader, writer, response, without_body=without_body)
        except (ConnectionError, TimeoutError):
            pass  # the client left, or does not read: nothing is owed
        except asyncio.CancelledError:
            pass  # close() ends it; streams would log the cancellation as a failure
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, request: Request) -> Response:
        refused = refusal(request.method, request.headers)
        if refused is not None:
            return Response.error(*refused)
        try:
            return await self._application(request)
        except LookupError as error:
            return Response.error(404, str(error.args[0] if error.args else error))
        except ValueError as error:
            return Response.error(400, str(error))


class _Reading:
    """What the parser has found so far."""

    def __init__(self) -> None:
        self.request = Request()
        self.complete = False
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        if key in ("host", "origin") and key in self.request.headers:
            raise ValueError(f"the header {key} is repeated")
        self.request.headers[key] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        self.request.body += piece

    def on_message_complete(self) -> None:
        self.complete = True
        self.request.path = self._url.partition(b"?")[0].decode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Request | Response | None:
    """Return the request, what to answer instead, or None where the client left."""
    reading = _Reading()
    parser = httptools.HttpRequestParser(reading)
    size = 0
    async with asyncio.timeout(_PATIENCE):
        while not reading.complete:
            data = await reader.read(4096)
            if not data:
                return None
            size += len(data)
            if size > _MOST_BYTES:
                return Response.error(413, f"a request has at most {_MOST_BYTES} bytes")
            try:
                parser.feed_data(data)
            except httptools.HttpParserUpgrade:
                return Response.error(400, "no other protocol is spoken here")
            except httptools.HttpParserError:
                return Response.error(400, "this is no HTTP/1.1 request")
    reading.request.method = parser.get_method().decode("latin-1")
    return reading.request


async def _write(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    response: Response,
    *,
    without_body: bool,
) -> None:
    headers = {"Content-Type": response.content_type, **_ALWAYS, **response.headers}
    if response.stream is None:
        headers["Content-Length"] = str(len(response.body))
    phrase = http.HTTPStatus(response.status).phrase
    lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    if without_body:
        pass
    elif response.stream is None:
        writer.write(response.body)
    else:
        await _stream(reader, writer, response.stream)
    async with asyncio.timeout(_PATIENCE):
        await writer.drain()


async def _stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: AsyncGenerator[bytes, None]
) -> None:
    """Write until the client leaves, which only reading tells while there is nothing to write."""

    async def write() -> None:
        async with contextlib.aclosing(pieces) as open_pieces:
            async for piece in open_pieces:
                writer.write(piece)
                async with asyncio.timeout(_PATIENCE):
                    await writer.drain()

    writing = asyncio.create_task(write())
    leaving = asyncio.create_task(reader.read())
    try:
        await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (writing, leaving):
            task.cancel()
        await asyncio.gather(writing, leaving, return_exceptions=True)
