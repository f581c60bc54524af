"""Base64 or not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.sources.mns import bodies


@given(st.binary(min_size=1))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    """Whatever a producer encodes, all ways but raw give it back."""
    text = base64.b64encode(data)
    assert bodies.auto(text) == data
    assert bodies.base64(text) == data
    assert bodies.raw(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "hello", '{"a": 1}', "<a/>", "aGVsbG8", "aGVsbG9=", "aGVsbG8=\n", "übel", "====", "a=b="],
)
def test_what_is_not_quite_base64_is_taken_as_it_is(text: str) -> None:
    """Lengths, paddings, blanks and unused bits that no encoder writes are text."""
    assert bodies.auto(text.encode()) == text.encode()


def test_encoders_that_break_lines_are_understood() -> None:
    """Where all is base64, line breaks are no part of it."""
    assert bodies.base64(b"aGVs\r\nbG8=\n") == b"hello"
