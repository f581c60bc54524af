"""`event.format: raw` on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sink.reading import HEAD, plain, read

from eventing_alibaba.sink.formats.raw import RawEncoder


@given(data=st.binary(max_size=200), extensions=st.dictionaries(st.just("k"), st.text()))
def test_a_raw_request_says_nothing_of_the_event(data: bytes, extensions: dict[str, str]) -> None:
    """Body and content type are the message's, and no attribute is sent, whatever it holds."""
    event = plain(data=data, datacontenttype="text/csv; header=present", extensions=extensions)
    raw = read(RawEncoder(HEAD)(event))
    assert raw.body == data
    assert dict(raw.headers) == {
        "host": "service",
        "content-type": "text/csv; header=present",
        "content-length": str(len(data)),
    }


def test_a_raw_request_without_data_or_type_claims_none() -> None:
    """A tombstone is an empty request, and data of unknown type has no content type."""
    encode = RawEncoder(HEAD)
    nothing = read(encode(plain(data=None, datacontenttype="application/json")))
    assert dict(nothing.headers) == {"host": "service", "content-length": "0"}
    untyped = read(encode(plain(data=b"x")))
    assert dict(untyped.headers) == {"host": "service", "content-length": "1"}


def test_a_raw_content_type_cannot_inject() -> None:
    """A content type from a message that would begin a line of its own is refused."""
    with pytest.raises(ValueError, match="content-type"):
        RawEncoder(HEAD)(plain(datacontenttype="a/b\r\nx: y", data=b""))


def test_a_raw_request_takes_another_head() -> None:
    """A renewed credential is in the next request."""
    encode = RawEncoder(HEAD)
    encode.use(HEAD + b"Authorization: Bearer new\r\n")
    assert dict(read(encode(plain())).headers)["authorization"] == "Bearer new"
