"""Fuzzing of the reader: whatever a peer sends, there is one outcome, and it is a sane one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.http1 import AnswerReader
from eventing_alibaba.wire.message import ProtocolError

SEEDS = [
    b"HTTP/1.1 202 Accepted\r\nDate: Mon, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n!\r\n0\r\nT: u\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nclose-delimited",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x81\x00",
]
TOKENS = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\x00", b":", b" ", b"\t", b"HTTP/1.1 ", b"HTTP/1.0 ",
    b"200", b"Content-Length: ", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"chunked", b"Connection: close\r\n", b"Connection: upgrade\r\n", b"0\r\n\r\n", b"ffffffff\r\n",
    b"100", b"-1", b"99999999999999999999",
    b"\xff", b"\x15\x03",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid answer, with bytes taken out, doubled, replaced by tokens that matter to a parser."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        count = draw(st.integers(0, 12))
        piece = draw(
            st.one_of(
                st.sampled_from(TOKENS),
                st.binary(max_size=4),
                st.just(bytes(data[at : at + count]) * 2),
            )
        )
        data[at : at + count] = piece
    return bytes(data)


def outcome(reads: list[bytes], *, collect: bool) -> object:
    """Read until there is an outcome, then end the stream; check what always holds."""
    subject = AnswerReader({}, keep_body=16, collect=collect)
    answer: Answer | None = None
    for data in reads:
        try:
            answer = subject.feed(data)
        except ProtocolError as error:
            assert not subject.final
            return f"fault {error}"
        if answer is not None:
            break
        assert subject.received > 0
    if answer is None:
        was_final = subject.final
        answer = subject.partial(eof=True)
        assert was_final is (answer is not None)
        if answer is None:
            return "nothing"
    assert answer.status == 101 or 200 <= answer.status <= 999
    assert len(answer.body) <= 16
    for name, value in answer.headers:
        assert name == name.lower()
        assert not set(name + value) & set(b"\r\n\x00")
    return answer.status


@settings(max_examples=200, deadline=None)
@given(
    data=st.one_of(mutated(), st.binary(max_size=200)),
    cuts=st.lists(st.integers(1, 250), max_size=10),
    collect=st.booleans(),
)
def test_any_bytes_have_one_outcome_however_they_are_cut(
    data: bytes, cuts: list[int], *, collect: bool
) -> None:
    """Mutated answers and plain noise end in a status, a fault or nothing, and cuts change none."""
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reads = [data[a:b] for a, b in pairwise(edges)]
    assert outcome(reads, collect=collect) == outcome([data] if data else [], collect=collect)
