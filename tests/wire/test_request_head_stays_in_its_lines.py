"""No value that is put into a request can start a header or a request of its own."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.wire.request import FRAMING, check_name, check_value, head
from eventing_alibaba.wire.target import Target

TARGET = Target.parse("http://sink:8080/events?a=b")


def test_head_is_written_in_order() -> None:
    """Host and length are filled in, headers keep their order, text is UTF-8."""
    assert head("POST", TARGET, [("A", "1"), ("B", b"\xff"), ("C", "ü")], 5) == (
        b"POST /events?a=b HTTP/1.1\r\nHost: sink:8080\r\nA: 1\r\nB: \xff\r\nC: \xc3\xbc\r\n"
        b"Content-Length: 5\r\n\r\n"
    )
    assert head("GET", TARGET, (), None, path="/q") == (
        b"GET /q HTTP/1.1\r\nHost: sink:8080\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["", "a b", "a:", "a\r", "a\n", "ü", "a\x00", "(a)", "a\x7f"])
def test_illegal_name_is_refused(bad: str) -> None:
    """Names are tokens."""
    with pytest.raises(ValueError, match="is not a header name"):
        check_name(bad)
    with pytest.raises(ValueError, match="is not a header name"):
        head("POST", TARGET, [(bad, "x")], 0)


@pytest.mark.parametrize("bad", [*(chr(n) for n in range(32) if n != 9), "\x7f"])
def test_control_character_in_a_value_is_refused(bad: str) -> None:
    """CR, LF, NUL and all other controls but the tab are refused, as text and as bytes."""
    for value in (f"hunter{bad}2", f"hunter{bad}2".encode()):
        with pytest.raises(ValueError, match=r"'X-Key' holds the control .* position 6") as caught:
            check_value(value, name="X-Key")
        assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("bad", [" a", "a ", "\ta", "a\t"])
def test_blank_at_an_end_is_refused(bad: str) -> None:
    """It would be lost on the way, which is hard to find in a credential."""
    with pytest.raises(ValueError, match="starts or ends with a blank"):
        check_value(bad)


def test_harmless_values_pass() -> None:
    """Empty values, inner blanks and tabs, and bytes above ASCII are allowed."""
    assert check_value("") == b""
    assert check_value("a b\tc") == b"a b\tc"
    assert check_value(b"\x80\xff") == b"\x80\xff"
    assert check_name("X-Key!#$%&'*+.^_`|~09") == b"X-Key!#$%&'*+.^_`|~09"


@pytest.mark.parametrize("name", sorted(FRAMING))
def test_headers_that_frame_are_refused(name: str) -> None:
    """What says where a message ends is written by the client alone."""
    with pytest.raises(ValueError, match="written by the client"):
        head("POST", TARGET, [(name.title(), "x")], 0)


@pytest.mark.parametrize("method", ["", "GET /", "P\r\nX", "HEAD", "CONNECT", "PÖST"])
def test_method_is_checked(method: str) -> None:
    """Methods are tokens, and those whose answers are framed differently are not asked."""
    with pytest.raises(ValueError, match="cannot be sent"):
        head(method, TARGET, (), 0)


@pytest.mark.parametrize("path", ["", "x", "/a b", "/a\r\n", "/ü", "http://x/"])
def test_path_is_checked(path: str) -> None:
    """A path is in origin-form and visible ASCII."""
    with pytest.raises(ValueError, match="must start with /"):
        head("GET", TARGET, (), 0, path=path)


def test_length_is_checked() -> None:
    """No negative length."""
    with pytest.raises(ValueError, match="cannot be -1"):
        head("POST", TARGET, (), -1)


class _Seen:
    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_message_complete(self) -> None:
        self.ended += 1


@given(
    headers=st.lists(
        st.tuples(st.text(max_size=8), st.one_of(st.text(max_size=20), st.binary(max_size=20))),
        max_size=4,
    )
)
def test_an_independent_parser_reads_exactly_what_was_given(
    headers: list[tuple[str, str | bytes]],
) -> None:
    """Either the head is refused, or a server's parser sees these headers and one request."""
    try:
        data = head("POST", TARGET, headers, 0)
    except ValueError:
        return
    seen = _Seen()
    httptools.HttpRequestParser(seen).feed_data(data)
    assert seen.ended == 1
    given_headers = [(n.encode(), v.encode() if isinstance(v, str) else v) for n, v in headers]
    assert seen.headers[1:-1] == given_headers
