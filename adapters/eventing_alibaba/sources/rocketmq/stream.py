"""Server streams over HTTP/2 (RFC 9113), read in the event loop's own thread.

gRPC's library hands a stream to asyncio message by message, each through two threads: 125 µs of CPU
for each message that is received. A poll brings 32 of them in a few packets. So polls have a
connection of their own to each proxy, whose packets are cut into messages here, all that arrived at
once; everything else stays with gRPC.

It speaks as little as a client must. Windows are so large that no answer fills them. Headers are
sent as they are, without compression; those of answers are read by `hpack`. A connection that the
other side wants to end (GOAWAY) takes no new streams and finishes its old ones.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterable
from typing import Final, cast
from urllib.parse import unquote

import grpc
from hpack import Decoder, HPACKError

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_ACK = _END_STREAM = 1
_END_HEADERS, _PADDED, _PRIORITY = 4, 8, 32
_CANCEL: Final = 8
_STREAM_WINDOW: Final = 2**28
_WIDER: Final = 2**30
_REPLENISH: Final = 2**27
_LARGEST_FRAME: Final = 2**14
_LARGEST: Final = 64 * 1024 * 1024
_LARGEST_BLOCK: Final = 64 * 1024
"""Bytes of the headers of an answer, over all their frames: eight times what gRPC sends."""
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class Broken(Exception):
    """The stream ended in another way than it should; `status` is of gRPC."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Answer:
    """What a stream brought.

    Attributes:
        messages: each as it was sent, in order; also where the stream broke off later.
        since: when the first of them came, on the clock that was given; 0 = none came.
        error: how it broke; None = it ended well.
    """

    __slots__ = ("_missing", "_parts", "ended", "error", "messages", "since")

    def __init__(self, ended: asyncio.Future[None]) -> None:
        self.messages: list[bytes] = []
        self.since = 0.0
        self.error: Broken | None = None
        self.ended = ended
        # The beginning of a message, in the parts it came in: joined once, when all of it is there.
        self._parts: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> None:
        """Take bytes of the stream. Raises Broken where they are none of gRPC."""
        buffer = data
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            buffer = b"".join(self._parts)
            self._parts = []
        at, end = 0, len(buffer)
        missing = 5
        while end - at >= 5:
            length = int.from_bytes(buffer[at + 1 : at + 5])
            if buffer[at] or length > _LARGEST:
                raise Broken(grpc.StatusCode.INTERNAL, "a message is packed or too large")
            if end - at - 5 < length:
                missing = 5 + length
                break
            self.messages.append(buffer[at + 5 : at + 5 + length])
            at += 5 + length
        if at < end:
            self._parts.append(buffer[at:])
            self._missing = missing - (end - at)

    def end(self, error: Broken | None = None) -> None:
        """Note the end, once."""
        if not self.ended.done():
            self.error = error
            self.ended.set_result(None)


class Connection(asyncio.Protocol):
    """One connection with any number of streams; `now` is the clock of `Answer.since`.

    Attributes:
        usable: new streams may be begun.
    """

    def __init__(self, authority: str, *, secure: bool, now: Callable[[], float]) -> None:
        self.usable = True
        self._now = now
        self._transport: asyncio.Transport | None = None
        self._decoder = Decoder()
        self._answers: dict[int, Answer] = {}
        self._next = 1
        self._buffer = b""
        self._consumed = 0
        self._window = 65_535
        self._block: tuple[int, int, bytearray] | None = None
        self._always = _literals(
            (
                (":method", "POST"),
                (":scheme", "https" if secure else "http"),
                (":authority", authority),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
            )
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        # Not an `asyncio.Transport` in uvloop, though it is like one.
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(">HIHI", 2, 0, 4, _STREAM_WINDOW)  # no push; a wide window
        self._transport.write(
            _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW, 0, 0, _WIDER.to_bytes(4))
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Break all streams."""
        del exc
        self._fail(Broken(grpc.StatusCode.UNAVAILABLE, "the connection is closed"))

    def begin(self, path: str, metadata: Iterable[tuple[str, str]], message: bytes) -> Answer:
        """Begin a stream with its one request. Raises Broken."""
        body = b"\0" + len(message).to_bytes(4) + message
        if not self.usable or self._transport is None or len(body) > self._window:
            raise Broken(grpc.StatusCode.UNAVAILABLE, "the connection takes no more requests")
        block = _literals(((":path", path),)) + self._always + _literals(metadata)
        stream, self._next = self._next, self._next + 2
        self._window -= len(body)
        if self._next > 2**30:
            self.usable = False
        answer = Answer(asyncio.get_running_loop().create_future())
        self._answers[stream] = answer
        self._transport.write(
            _frame(_HEADERS, _END_HEADERS, stream, block) + _frame(_DATA, _END_STREAM, stream, body)
        )
        return answer

    def cancel(self, answer: Answer) -> None:
        """End a stream from this side."""
        for stream, known in self._answers.items():
            if known is answer:
                del self._answers[stream]
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.write(_frame(_RST, 0, stream, _CANCEL.to_bytes(4)))
                break
        answer.end(Broken(grpc.StatusCode.CANCELLED, "cancelled"))

    def leave(self) -> None:
        """Begin no more streams, and close when those under way have ended."""
        self.usable = False
        self._close_when_done()

    def close(self) -> None:
        """Close; streams under way break."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        try:
            while end - at >= 9:
                length = int.from_bytes(buffer[at : at + 3])
                if end - at - 9 < length:
                    break
                body = buffer[at + 9 : at + 9 + length]
                stream = int.from_bytes(buffer[at + 5 : at + 9]) & 0x7FFFFFFF
                self._take(buffer[at + 3], buffer[at + 4], stream, body)
                at += 9 + length
        except (Broken, HPACKError, IndexError, struct.error) as error:
            self._fail(
                error
                if isinstance(error, Broken)
                else Broken(grpc.StatusCode.INTERNAL, "what came is no HTTP/2")
            )
            self.close()
            return
        self._buffer = buffer[at:]
        if len(self._buffer) > 2 * _LARGEST_FRAME:
            self._fail(Broken(grpc.StatusCode.INTERNAL, "a frame is too large"))
            self.close()

    def _take(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        if kind == _DATA:
            self._consumed += len(body)
            if self._consumed > _REPLENISH:
                self._write(_frame(_WINDOW, 0, 0, self._consumed.to_bytes(4)))
                self._consumed = 0
            answer = self._answers.get(stream)
            if answer is None:
                return
            if flags & _PADDED:
                body = body[1 : len(body) - body[0]]
            if not answer.since:
                answer.since = self._now()
            answer.feed(body)
            if flags & _END_STREAM:
                self._end(stream, Broken(grpc.StatusCode.INTERNAL, "it ended without a status"))
        elif kind in (_HEADERS, _CONTINUATION):
            self._header(kind, flags, stream, body)
        elif kind == _SETTINGS:
            if not flags & _ACK:
                self._write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING:
            if not flags & _ACK:
                self._write(_frame(_PING, _ACK, 0, body))
        elif kind == _RST:
            self._end(stream, Broken(grpc.StatusCode.UNAVAILABLE, "the stream was reset"))
        elif kind == _GOAWAY:
            self.usable = False
            last = int.from_bytes(body[:4]) & 0x7FFFFFFF
            for refused in [one for one in self._answers if one > last]:
                self._end(refused, Broken(grpc.StatusCode.UNAVAILABLE, "the proxy is leaving"))
            self._close_when_done()
        elif kind == _WINDOW and stream == 0:
            self._window += int.from_bytes(body) & 0x7FFFFFFF

    def _header(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        if kind == _HEADERS:
            if flags & _PADDED:
                body = body[1 : len(body) - body[0]]
            if flags & _PRIORITY:
                body = body[5:]
            self._block = (stream, flags & _END_STREAM, bytearray(body))
        elif self._block is None or self._block[0] != stream:
            raise Broken(grpc.StatusCode.INTERNAL, "headers go on that had not begun")
        else:
            self._block[2].extend(body)
            # Frames without any bytes could go on for ever.
            if len(self._block[2]) > _LARGEST_BLOCK or not (body or flags & _END_HEADERS):
                raise Broken(grpc.StatusCode.INTERNAL, "headers do not end")
        if not flags & _END_HEADERS:
            return
        _, last, block = self._block
        self._block = None
        # Always, as what is learned from one stream's headers is for all of them.
        found = {str(name): str(value) for name, value in self._decoder.decode(bytes(block))}
        status = found.get(":status", "200")
        if status != "200":
            self._end(
                stream, Broken(_OF_HTTP.get(status, grpc.StatusCode.UNKNOWN), f"HTTP {status}")
            )
        elif last:
            code = found.get("grpc-status", "2")
            error = None
            if code != "0":
                known = _CODES.get(int(code) if code.isdecimal() else 2, grpc.StatusCode.UNKNOWN)
                error = Broken(known, unquote(found.get("grpc-message", "")))
            self._end(stream, error)

    def _end(self, stream: int, error: Broken | None) -> None:
        answer = self._answers.pop(stream, None)
        if answer is not None:
            answer.end(error)
        self._close_when_done()

    def _close_when_done(self) -> None:
        if not self.usable and not self._answers and self._transport is not None:
            self._transport.close()

    def _fail(self, error: Broken) -> None:
        self.usable = False
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.end(error)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def connect(
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None,
    name: str | None,
    now: Callable[[], float],
) -> Connection:
    """Open a connection. Raises OSError."""
    loop = asyncio.get_running_loop()
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _, connection = await loop.create_connection(
        lambda: Connection(authority, secure=tls is not None, now=now),
        host,
        port,
        ssl=tls,
        server_hostname=None if tls is None else name or host,
    )
    return connection


_OF_HTTP: Final = {
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    "429": grpc.StatusCode.UNAVAILABLE,
    "502": grpc.StatusCode.UNAVAILABLE,
    "503": grpc.StatusCode.UNAVAILABLE,
    "504": grpc.StatusCode.UNAVAILABLE,
}


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + body


def _literals(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return headers as literals without indexing (RFC 7541, 6.2.2)."""
    made = bytearray()
    for name, value in headers:
        made.append(0)
        for text in (name, value):
            data = text.encode()
            made += _length(len(data))
            made += data
    return bytes(made)


def _length(number: int) -> bytes:
    """Return a length as an integer with a prefix of 7 bits (RFC 7541, 5.1)."""
    if number < 127:
        return bytes((number,))
    made = bytearray((127,))
    number -= 127
    while number >= 128:
        made.append(number % 128 + 128)
        number //= 128
    made.append(number)
    return bytes(made)
