"""One HTTP/1.1 connection of the sink: what the parser says, what is written back.

Requests of a connection are answered in their order, also when a client sends the next one before
it has the answer to the last: an answer that must wait (a delay, a request that is never answered)
holds back those behind it, as a server's would. An answer that needs nothing of all this is
written from the parser's callback, which is what makes the sink fast enough to measure against.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import httptools

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.sink.script import Answer

if TYPE_CHECKING:
    from eventing_alibaba.testing.sink.server import Receipt, RecordingSink

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD_REQUEST: Final = Answer(status=400, after="close", body="this is no HTTP/1.1 request\n")
# SO_LINGER on, 0 seconds: closing sends a reset instead of an orderly end.
_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True, eq=False)
class _Pending:
    """A request whose answer has not been written."""

    answer: Answer
    receipt: Receipt
    due: float
    keep_alive: bool


class Connection(asyncio.Protocol):
    """Parses requests, hands them to the sink, writes its answers."""

    def __init__(self, sink: RecordingSink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Pending] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._incomplete = False
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the sink, which gives the connection its number."""
        self._transport = cast("asyncio.Transport", transport)
        self.number = self._sink.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Drop what was not answered: its records keep status 0."""
        self._transport = None
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._sink.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls the methods below."""
        try:
            self._parser.feed_data(data)
            if self._incomplete:
                self._go_on()
        except httptools.HttpParserUpgrade:
            # It has been answered as what it also is; what follows is another protocol.
            self.close()
        except httptools.HttpParserError:
            self._sink.invalid("the bytes are no HTTP/1.1 request", now())
            if self._transport is not None:
                self._transport.write(_BAD_REQUEST.encode())
                self._transport.close()

    def _go_on(self) -> None:
        """Tell a client that asked for it to send the body."""
        self._incomplete = False
        for name, _ in self._headers:
            if name.lower() == b"expect" and self._transport is not None:
                self._transport.write(_CONTINUE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url, self._headers, self._body = b"", [], []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note that a body is still to come; most often it comes with the same read."""
        self._incomplete = True

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """Have the sink record the request, and answer it if nothing stands in the way."""
        self._incomplete = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        sink = self._sink
        method = self._parser.get_method()
        answer, receipt = sink.receive(method, self._url, self._headers, body, self.number)
        keep_alive = self._parser.should_keep_alive()
        if answer.plain is not None and keep_alive and not self._waiting:
            transport.write(answer.plain)
            sink.answered(receipt, answer.status)
            return
        due = self._loop.time() + answer.delay
        self._waiting.append(_Pending(answer, receipt, due, keep_alive))
        if len(self._waiting) == 1:
            self._advance()

    def close(self, *, reset: bool = False) -> None:
        """End the connection at once, with a TCP reset if asked."""
        transport = self._transport
        if transport is None:
            return
        if reset:
            sock = cast("socket.socket", transport.get_extra_info("socket"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        transport.abort()

    def _advance(self) -> None:
        """Answer waiting requests until one must wait on."""
        self._timer = None
        while self._waiting and self._transport is not None:
            pending = self._waiting[0]
            wait = pending.due - self._loop.time()
            if wait > 0:
                self._timer = self._loop.call_later(wait, self._advance)
                return
            if pending.answer.fault == "never":
                return
            self._waiting.popleft()
            self._perform(self._transport, pending)

    def _perform(self, transport: asyncio.Transport, pending: _Pending) -> None:
        answer = pending.answer
        fault = answer.fault
        if fault == "reset":
            self.close(reset=True)
        elif fault == "drop":
            transport.close()
        elif fault == "half":
            encoded = answer.encode(keep_alive=pending.keep_alive)
            transport.write(encoded[: len(encoded) // 2])
            transport.close()
        else:
            transport.write(answer.encode(keep_alive=pending.keep_alive))
            if answer.closes or not pending.keep_alive:
                transport.close()
            self._sink.answered(pending.receipt, answer.status)
        if transport.is_closing():
            self._waiting.clear()
