"""Polls over HTTP/2, byte by byte."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from hpack import Encoder

from eventing_alibaba.sources.rocketmq.stream import Answer, Broken, Connection

_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _CONTINUATION = 0, 1, 3, 4, 6, 7, 9


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + body


def _message(body: bytes) -> bytes:
    return b"\0" + len(body).to_bytes(4) + body


def _begun() -> tuple[Connection, Wire, Answer]:
    connection = Connection("proxy:8081", secure=False, now=lambda: 7.0)
    wire: Any = Wire()
    connection.connection_made(wire)
    return connection, wire, connection.begin("/p", [("a", "b" * 200)], b"ask")


def _answer(*bodies: bytes, status: str = "0", text: str = "") -> bytes:
    encoder = Encoder()
    head = encoder.encode([(":status", "200"), ("content-type", "application/grpc")])
    last = encoder.encode([("grpc-status", status), ("grpc-message", text)])
    return (
        _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, 4, 1, head)
        + b"".join(_frame(_DATA, 0, 1, _message(body)) for body in bodies)
        + _frame(_HEADERS, 1, 1, last[:3])
        + _frame(_CONTINUATION, 4, 1, last[3:])
    )


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
async def test_messages_are_cut_out_wherever_packets_end(size: int) -> None:
    """Byte by byte or all at once, in order, with the time of the first."""
    connection, wire, answer = _begun()
    data = _answer(b"one", b"", b"x" * 300)
    for at in range(0, len(data), size):
        connection.data_received(data[at : at + size])
    assert answer.ended.done()
    assert answer.error is None
    assert answer.messages == [b"one", b"", b"x" * 300]
    assert answer.since == 7.0
    assert wire.written.endswith(_frame(_SETTINGS, 1, 0, b""))


async def test_a_message_may_lie_in_several_frames_with_padding() -> None:
    """Frames and messages have nothing to do with each other."""
    connection, _, answer = _begun()
    whole = _message(b"abcdef") + _message(b"g")
    for part in (whole[:3], whole[3:8], whole[8:]):
        connection.data_received(_frame(_DATA, 8, 1, b"\2" + part + b"\0\0"))
    assert answer.messages == [b"abcdef", b"g"]


async def test_a_large_message_is_put_together_once() -> None:
    """Four mebibytes in frames of 16 KiB, a small message behind it in the last one."""
    connection, _, answer = _begun()
    large = bytes(range(256)) * (4 << 12)
    whole = _message(large) + _message(b"small") + _message(b"later")[:7]
    for at in range(0, len(whole), 1 << 14):
        connection.data_received(_frame(_DATA, 0, 1, whole[at : at + (1 << 14)]))
    assert answer.messages == [large, b"small"]
    connection.data_received(_frame(_DATA, 0, 1, b"ter"))
    assert answer.messages == [large, b"small", b"later"]


@pytest.mark.parametrize("fragment", [b"", b"\0" * (1 << 14)], ids=["empty", "long"])
async def test_headers_that_do_not_end_break_the_stream(fragment: bytes) -> None:
    """However they go on, by many bytes or by none, they are not collected for ever."""
    connection, wire, answer = _begun()
    connection.data_received(_frame(_HEADERS, 0, 1, b"\0"))
    for _ in range(8):
        connection.data_received(_frame(_CONTINUATION, 0, 1, fragment))
    assert answer.error is not None
    assert answer.error.text == "headers do not end"
    assert wire.closed


async def test_a_status_that_is_no_success_breaks_the_stream() -> None:
    """With gRPC's status and words; what had come stays."""
    connection, _, answer = _begun()
    connection.data_received(_answer(b"one", status="14", text="going%20away"))
    assert answer.messages == [b"one"]
    assert answer.error is not None
    assert (answer.error.status, answer.error.text) == (
        grpc.StatusCode.UNAVAILABLE,
        "going away",
    )


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (_frame(_RST, 0, 1, bytes(4)), grpc.StatusCode.UNAVAILABLE),
        (_frame(_GOAWAY, 0, 0, bytes(8)), grpc.StatusCode.UNAVAILABLE),
        (_frame(_DATA, 0, 1, b"\1\0\0\0\0"), grpc.StatusCode.INTERNAL),
        (_frame(_DATA, 1, 1, b""), grpc.StatusCode.INTERNAL),
        (_frame(_HEADERS, 5, 1, b"\xff\xff\xff"), grpc.StatusCode.INTERNAL),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2000, grpc.StatusCode.INTERNAL),
    ],
)
async def test_what_goes_wrong_ends_the_stream(data: bytes, status: grpc.StatusCode) -> None:
    """Reset, refused, packed, without a status, or no HTTP/2 at all: never left waiting."""
    connection, _, answer = _begun()
    connection.data_received(data)
    assert answer.error is not None
    assert answer.error.status is status


async def test_a_connection_that_is_lost_breaks_all_streams() -> None:
    """And takes no more."""
    connection, _, answer = _begun()
    connection.connection_lost(None)
    assert answer.error is not None
    with pytest.raises(Broken):
        connection.begin("/p", [], b"")


async def test_a_connection_that_is_to_end_finishes_its_streams() -> None:
    """A GOAWAY behind the stream lets it go on, and closes after it."""
    connection, wire, answer = _begun()
    connection.data_received(_frame(_GOAWAY, 0, 0, (2**31 - 1).to_bytes(4) + bytes(4)))
    assert not connection.usable
    assert not wire.closed
    connection.data_received(_answer(b"one"))
    assert answer.messages == [b"one"]
    assert answer.error is None
    assert wire.closed


async def test_a_ping_is_answered() -> None:
    """With the same eight bytes; an answer to one is not."""
    connection, wire, _ = _begun()
    wire.written = b""
    connection.data_received(_frame(_PING, 0, 0, b"12345678") + _frame(_PING, 1, 0, bytes(8)))
    assert wire.written == _frame(_PING, 1, 0, b"12345678")


async def test_a_stream_that_is_cancelled_is_reset() -> None:
    """The other side is told, and what it still sends is nobody's."""
    connection, wire, answer = _begun()
    connection.cancel(answer)
    assert wire.written.endswith(_frame(_RST, 0, 1, (8).to_bytes(4)))
    connection.data_received(_answer(b"late"))
    assert answer.messages == []
