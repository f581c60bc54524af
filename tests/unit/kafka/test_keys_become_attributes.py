"""Record keys by their declared type."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.mapping import event_of

from eventing_alibaba.sources.kafka.keys import READERS


@pytest.mark.parametrize(
    ("key_type", "key", "expected"),
    [
        ("string", b"order-7", "order-7"),
        ("string", "grün".encode(), "grün"),
        ("string", b"\xff\x00", "/wA="),
        ("string", b"a\nb", "YQpi"),
        ("int", struct.pack(">i", -7), -7),
        ("int", struct.pack(">q", 7), 7),
        ("int", struct.pack(">q", 2**31), "2147483648"),
        ("int", b"abc", "abc"),
        ("float", struct.pack(">f", 0.1), "0.1"),
        ("float", struct.pack(">d", 0.1), "0.1"),
        ("float", struct.pack(">f", float("inf")), "Infinity"),
        ("float", struct.pack(">d", float("-inf")), "-Infinity"),
        ("float", struct.pack(">f", float("nan")), "NaN"),
        ("float", b"1.25!", "1.25!"),
        ("byte-array", b"abc", "YWJj"),
    ],
)
def test_keys_by_type(key_type: str, key: bytes, expected: str | int) -> None:
    """A key of another length than its type has is taken as text."""
    found = event_of(key=key, keyType=key_type).extensions
    assert found["key"] == expected
    assert found["partitionkey"] == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_short_fractions_mean_the_same_number(number: float) -> None:
    """The text of a 32-bit fraction reads back as the very same 32 bits."""
    written = READERS["float"](struct.pack(">f", number))
    assert struct.pack(">f", float(written)) == struct.pack(">f", number)


@given(st.binary(min_size=1, max_size=20))
def test_a_byte_array_key_comes_back(key: bytes) -> None:
    """Base64 is how CloudEvents writes binary values."""
    assert base64.b64decode(str(READERS["byte-array"](key))) == key


@given(st.binary(min_size=1, max_size=20), st.sampled_from(["string", "int", "float"]))
def test_every_key_has_a_value(key: bytes, key_type: str) -> None:
    """No key of any type and length is refused."""
    assert event_of(key=key, keyType=key_type).extensions["key"] != ""
