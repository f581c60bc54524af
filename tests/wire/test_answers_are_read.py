"""What the reader makes of bytes, whichever way they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventing_alibaba.wire.answer import PLAIN, Answer
from eventing_alibaba.wire.http1 import (
    ANSWER_LIMIT,
    HEAD_LIMIT,
    MEMO_LIMIT,
    AnswerReader,
    Memo,
)
from eventing_alibaba.wire.message import HEADERS_LIMIT, INTERIM_LIMIT, ProtocolError

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
)
LENGTH = b"HTTP/1.1 %d X\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nabcde"


def reader(
    memo: Memo | None = None, *, keep_body: int = 100, collect: bool = False
) -> AnswerReader:
    return AnswerReader({} if memo is None else memo, keep_body=keep_body, collect=collect)


def read(data: bytes, *, cuts: tuple[int, ...] = (), eof: bool = False, **options: int) -> object:
    """Feed `data`, cut at `cuts`; return what can be seen of the answer, or the fault."""
    subject = reader(**options)  # type: ignore[arg-type]
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    answer: Answer | None = None
    try:
        for start, end in pairwise(edges):
            answer = subject.feed(data[start:end])
            if answer is not None:
                break
    except ProtocolError as error:
        return f"fault: {error}"
    if answer is None and eof:
        answer = subject.partial(eof=True)
    if answer is None:
        return None
    return (answer.status, tuple(answer.headers), answer.body, answer.complete)


WHOLE = [
    (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", (202, (), b"", True)),
    (b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", (299, (), b"", True)),
    (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", (200, (), b"", True)),
    (LENGTH % 200, (200, (), b"", True)),
    (CHUNKED % 200, (200, (), b"", True)),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, (), b"", True)),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
     (304, ((b"content-length", b"5"),), b"", True)),
    (LENGTH % 503, (503, ((b"retry-after", b"7"), (b"content-length", b"5")), b"abcde", True)),
    (CHUNKED % 404, (404, ((b"transfer-encoding", b"chunked"),), b"abcde", True)),
    (INTERIM + b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH % 200,
     (200, (), b"", True)),
    (INTERIM * INTERIM_LIMIT + b"HTTP/1.1 204 X\r\n\r\n", (204, (), b"", True)),
    (b"\r\n\r\nHTTP/1.1 204 X\r\n\r\n", (204, (), b"", True)),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", (200, (), b"", True)),
    (b"HTTP/1.1 101 X\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n",
     (101, ((b"upgrade", b"y"), (b"connection", b"upgrade")), b"", True)),
    (b"HTTP/1.1 400 X\r\nA: \r\nB:  c \t\r\nContent-Length: 0\r\n\r\n",
     (400, ((b"a", b""), (b"b", b"c"), (b"content-length", b"0")), b"", True)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "seen"), WHOLE)
def test_answer_is_understood_in_one_read(data: bytes, seen: object) -> None:
    """Each way to frame an answer gives its status, and for other than 2xx headers and body."""
    assert read(data) == seen


@pytest.mark.parametrize(("data", "seen"), WHOLE)
@given(cuts=st.lists(st.integers(1, 400), max_size=12).map(tuple))
@example(cuts=tuple(range(1, 400)))
def test_answer_is_the_same_however_it_is_cut(
    data: bytes, seen: object, cuts: tuple[int, ...]
) -> None:
    """Reads that end anywhere in an answer, even after each byte, change nothing about it."""
    assert read(data, cuts=cuts) == seen


@pytest.mark.parametrize(("data", "seen"), WHOLE)
def test_nothing_is_reported_before_the_end(data: bytes, seen: object) -> None:
    """An answer that lacks its last byte is not yet an answer."""
    assert read(data[:-1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220",
        b"ICY 200 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2x0 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 150 X\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n",
        INTERIM * (INTERIM_LIMIT + 1) + b"HTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 500 X\r\n" + b"A: b\r\n" * (HEADERS_LIMIT + 1) + b"Content-Length: 0\r\n\r\n",
        b"\r\n" * HEAD_LIMIT,
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_what_is_no_http_1_answer_is_refused(data: bytes, step: int) -> None:
    """Garbage, other protocols, smuggling tricks and malformed heads are faults, never answers."""
    found = read(data, cuts=tuple(range(step, len(data), step)))
    assert isinstance(found, str)
    assert found.startswith("fault: ")


def test_answer_after_half_an_answer_is_not_taken_for_it() -> None:
    """A whole answer, known or not, that continues a broken one does not count as an answer."""
    for known in (False, True):
        subject = reader()
        if known:
            assert subject.feed(WHOLE[0][0]) is PLAIN[202]
        assert subject.feed(b"HTTP/1.1 2") is None
        with pytest.raises(ProtocolError):
            subject.feed(WHOLE[0][0])


def test_tls_is_recognized() -> None:
    """A TLS alert instead of an answer is told with the cure."""
    assert "https://" in str(read(b"\x15\x03\x01\x00\x02\x02\x46"))


def test_fault_does_not_quote_the_peer() -> None:
    """What a peer sends may be anybody's data, so that no fault repeats it."""
    assert "secret" not in str(read(b"HTTP/1.1 200 OK\r\nsecret secret: secret\r\n\r\n"))


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("step", [1000, 1023, 10**9])
@pytest.mark.parametrize("status", [200, 500])
def test_head_may_take_so_many_bytes_and_no_more(interim: bytes, step: int, status: int) -> None:
    """The limit on the head holds to the byte, interim heads counted, for every size of reads."""
    start = interim + b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nA: " % status
    fits = start + b"x" * (HEAD_LIMIT - len(start) - 4) + b"\r\n\r\n"
    cuts = tuple(range(step, len(fits), step))
    assert isinstance(read(fits, cuts=cuts), tuple)
    longer = start + b"x" * (HEAD_LIMIT - len(start) - 3) + b"\r\n\r\n"
    assert read(longer, cuts=cuts) == f"fault: a head longer than {HEAD_LIMIT} bytes"


def test_bytes_after_an_answer_as_long_as_the_limit_are_noticed() -> None:
    """Where the reader has to stop to count, it still sees what follows an answer."""
    start = b"HTTP/1.1 200 X\r\nContent-Length: 0\r\nA: "
    subject = reader()
    data = start + b"x" * (HEAD_LIMIT - len(start) - 4) + b"\r\n\r\nH"
    assert subject.feed(data) is PLAIN[200]
    assert not subject.keep


@pytest.mark.parametrize("step", [65_536, 10**9])
@pytest.mark.parametrize("status", [200, 500])
def test_endless_body_ends_the_connection_and_not_the_answer(status: int, step: int) -> None:
    """After about a MiB of body the status counts, and the connection is given up."""
    head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, 10 * ANSWER_LIMIT)
    subject = reader()
    data = head + b"x" * (2 * ANSWER_LIMIT)
    fed = 0
    answer = None
    while answer is None:
        answer = subject.feed(data[fed : fed + step])
        fed += step
    assert answer.status == status
    assert not subject.keep
    assert fed <= ANSWER_LIMIT + step
    assert answer.body == (b"" if status == 200 else b"x" * 100)
    assert answer.complete is (status == 200)


def test_large_body_within_the_limit_leaves_the_connection_good() -> None:
    """An answer of exactly the limit is read to its end, and the next one is understood."""
    head = b"HTTP/1.1 200 X\r\nContent-Length: 1081273\r\n\r\n"
    data = head + b"x" * 1_081_273
    assert len(data) <= ANSWER_LIMIT
    subject = reader()
    assert subject.feed(data) is PLAIN[200]
    assert subject.keep
    assert subject.feed(b"HTTP/1.1 204 X\r\n\r\n") is PLAIN[204]


def test_long_body_is_kept_up_to_the_limit() -> None:
    """A body is cut at `keep_body` bytes, and the answer says that it is not all."""
    assert read(LENGTH % 500, keep_body=5) == (*_head(500), b"abcde", True)
    assert read(LENGTH % 500, keep_body=4) == (*_head(500), b"abcd", False)
    assert read(LENGTH % 500, keep_body=0) == (*_head(500), b"", False)


def _head(status: int) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
    return status, ((b"retry-after", b"7"), (b"content-length", b"5"))


def test_collecting_reader_gives_headers_and_body_of_a_2xx() -> None:
    """A client that reads its answers gets them whole, in order, names in lower case."""
    assert read(LENGTH % 200, collect=True) == (*_head(200), b"abcde", True)
    assert read(b"HTTP/1.1 200 X\r\nA: 1\r\na: 2\r\n\r\nrest", collect=True, eof=True) == (
        200,
        ((b"a", b"1"), (b"a", b"2")),
        b"rest",
        True,
    )


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("framing", "complete"),
    [
        (b"", True),
        (b"Transfer-Encoding: gzip\r\n", True),
        (b"Content-Length: 100\r\n", False),
        (b"Transfer-Encoding: chunked\r\n", False),
    ],
)
def test_end_of_stream_completes_only_what_nothing_else_frames(
    framing: bytes, status: int, *, complete: bool
) -> None:
    """Without length and chunks the end of the stream is the end of the body; else it is a cut."""
    data = b"HTTP/1.1 %d X\r\n%b\r\n4\r\nabcd\r\n" % (status, framing)
    found = read(data, eof=True, collect=True)
    assert isinstance(found, tuple)
    assert (found[0], found[3]) == (status, complete)
    assert read(data, eof=False, collect=True) is None


@pytest.mark.parametrize("status", [200, 500])
def test_malformed_body_does_not_undo_the_status(status: int) -> None:
    """After a complete head a bad chunk costs the connection, not the answer."""
    data = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzzz\r\n" % status
    subject = reader()
    answer = subject.feed(data)
    assert answer is not None
    assert (answer.status, subject.keep) == (status, False)
    assert answer.body == (b"" if status == 200 else b"abc")


def test_plain_answers_are_shared_values() -> None:
    """A 2xx allocates nothing: the same status is the same object, parsed or known."""
    subject = reader()
    first = subject.feed(b"HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n")
    second = subject.feed(b"HTTP/1.1 202 B\r\nContent-Length: 2\r\n\r\nok")
    assert first is second is PLAIN[202]


def test_first_header_is_found_by_name() -> None:
    """`header` gives the first value, or None."""
    answer = Answer(503, [(b"retry-after", b"1"), (b"retry-after", b"2")])
    assert (answer.header(b"retry-after"), answer.header(b"x")) == (b"1", None)


ANSWERS = [
    b"HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 202 A\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 A\r\n\r\n",
    b"HTTP/1.1 200 A\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 A\r\nContent-Length: 0\r\n\r\nH",
    b"HTTP/1.1 200 A\r\nContent-Length: 5\r\n\r\nabc",
    b"HTTP/1.1 200 A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    b"HTTP/1.1 500 A\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 2",
    b"HTTP/1.1 200 A\r\nContent-Length: x\r\n\r\n",
    b"\r\n",
]


@given(
    st.lists(st.sampled_from(ANSWERS), max_size=8), st.lists(st.sampled_from(ANSWERS), max_size=8)
)
def test_memo_changes_nothing(warm: list[bytes], reads: list[bytes]) -> None:
    """Readers that share a memo, full of whatever other connections read, see what others see."""
    memo: Memo = {}
    for data in warm:
        _outcomes(reader(memo), [data])
    assert _outcomes(reader(memo), reads) == _outcomes(reader({}), reads)


def _outcomes(subject: AnswerReader, reads: list[bytes]) -> list[object]:
    seen: list[object] = []
    for data in reads:
        try:
            answer = subject.feed(data)
        except ProtocolError as error:
            return [*seen, str(error)]
        seen.append((answer and answer.status, subject.keep, subject.received))
        if not subject.keep:
            break
    return seen


def test_memo_stays_small() -> None:
    """A server whose answers all differ, or are large, does not fill the memory."""
    memo: Memo = {}
    subject = reader(memo)
    for n in range(10 * MEMO_LIMIT):
        assert subject.feed(b"HTTP/1.1 200 %d\r\nContent-Length: 0\r\n\r\n" % n) is PLAIN[200]
        assert len(memo) <= MEMO_LIMIT
    size = len(memo)
    subject.feed(b"HTTP/1.1 200 A\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)
    assert len(memo) == size
