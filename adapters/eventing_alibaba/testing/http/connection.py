"""One HTTP/1.1 connection of a test double: requests in, answers out in the order of requests.

A request is handed over as soon as it is whole, and may be answered at once or any time later; an
answer that is ready waits for those of earlier requests on the same connection, as HTTP/1.1 wants.
An answer is the bytes of the whole answer, so a double can send any, half of them, or none.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import httptools

if TYPE_CHECKING:
    from eventing_alibaba.testing.http.listener import Listener

Cut: TypeAlias = Literal["drop", "reset", "half", "never"]
"""Instead of a whole answer: close before its first byte, close with a TCP reset, close after half
of its bytes, or leave the request unanswered and the connection open."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# SO_LINGER on, 0 seconds: closing sends a reset instead of an orderly end.
_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True, eq=False)
class Request:
    """A request as it came.

    Attributes:
        method: in capitals.
        target: path and query, exactly as on the wire.
        headers: names in lower case; of a repeated one the last value.
        body: whole, also when it came in chunks.
        keep_alive: the client wants to go on with this connection.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


@dataclass(slots=True, eq=False)
class Exchange:
    """A request that is to be answered once, by `reply` or by `cut`.

    Attributes:
        on_gone: called when the connection ends before that.
    """

    request: Request
    _connection: Connection
    on_gone: Callable[[], None] | None = None
    _answer: bytes | None = field(default=None, repr=False)
    _cut: Cut | None = None

    @property
    def open(self) -> bool:
        """Whether an answer would still be sent."""
        return self._answer is None and self._cut is None and self._connection.alive

    def reply(self, answer: bytes) -> None:
        """Send this answer when its turn comes."""
        self._answer = answer
        self._connection.advance()

    def cut(self, how: Cut, answer: bytes = b"") -> None:
        """Break off instead of sending `answer`."""
        self._answer, self._cut = answer, how
        self._connection.advance()


Handler: TypeAlias = Callable[[Exchange], None]


class Connection(asyncio.Protocol):
    """Parses requests, hands each to the listener's handler, writes the answers."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Exchange] = deque()
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._incomplete = False

    @property
    def alive(self) -> bool:
        """Whether something written would be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the listener."""
        self._transport = cast("asyncio.Transport", transport)
        self._listener.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let go of what was not answered."""
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        for exchange in waiting:
            if exchange.on_gone is not None:
                exchange.on_gone()
        self._listener.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls the methods below."""
        try:
            self._parser.feed_data(data)
            if self._incomplete:
                self._incomplete = False
                if self._headers.get("expect") and self._transport is not None:
                    self._transport.write(_CONTINUE)
        except httptools.HttpParserUpgrade:
            # It has been answered as what it also is; what follows is another protocol.
            self.close()
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.write(_BAD)
                self._transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note that a body is still to come; most often it comes with the same read."""
        self._incomplete = True

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self._incomplete = False
        if not self.alive:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        method = self._parser.get_method().decode()
        keep_alive = self._parser.should_keep_alive()
        target = self._url.decode("latin-1")
        exchange = Exchange(Request(method, target, self._headers, body, keep_alive), self)
        self._waiting.append(exchange)
        self._listener.handler(exchange)

    def advance(self) -> None:
        """Write what is ready, up to the first request that has no answer yet."""
        waiting = self._waiting
        while waiting and self._transport is not None and waiting[0]._answer is not None:
            if waiting[0]._cut == "never":
                return
            exchange = waiting.popleft()
            answer = exchange._answer or b""
            if exchange._cut is None:
                self._transport.write(answer)
                if exchange.request.keep_alive:
                    continue
            elif exchange._cut == "half":
                self._transport.write(answer[: len(answer) // 2])
            self.close(abrupt=exchange._cut == "reset", reset=exchange._cut == "reset")
            return

    def close(self, *, abrupt: bool = False, reset: bool = False) -> None:
        """End the connection: after what was written, at once if `abrupt`, with a TCP reset."""
        transport = self._transport
        if transport is None:
            return
        if reset:
            sock = cast("socket.socket", transport.get_extra_info("socket"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        if abrupt:
            transport.abort()
        else:
            transport.close()
