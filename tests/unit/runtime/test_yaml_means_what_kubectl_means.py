"""A manifest is read by kubectl and by us, so every scalar means the same to both."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventing_alibaba.runtime.documents import documents, resolved


def only(text: str) -> object:
    """Return the value of the only document."""
    [document] = documents(text, origin="f.yaml")
    return document.value


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nil", "nil"),
        ("true", True),
        ("yes", True),
        ("on", True),
        ("y", True),
        ("No", False),
        ("OFF", False),
        ("n", False),
        ("yEs", "yEs"),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("1_000", 1000),
        ("010", 8),
        ("0o10", 8),
        ("-010", -8),
        ("0x1F", 31),
        ("0b101", 5),
        ("08", 8.0),
        ("0b", "0b"),
        ("0b__", "0b__"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("9" * 30, float("9" * 30)),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"),
        ("localhost:9092", "localhost:9092"),
        ("=", "="),
    ],
)
def test_a_plain_scalar_is_what_it_is_to_kubectl(plain: str, value: object) -> None:
    """No dates, no numbers to base 60; booleans of YAML 1.1; octal as in C."""
    assert resolved(plain) == value
    assert type(resolved(plain)) is type(value)


def test_quoted_and_block_scalars_are_text() -> None:
    """Quotes settle it."""
    assert only("a: '5'\nb: \"yes\"\nc: |\n  1\n  2\nd: !!str 7\ne: ! 8\n") == {
        "a": "5",
        "b": "yes",
        "c": "1\n2\n",
        "d": "7",
        "e": "8",
    }


def test_keys_are_text_as_written() -> None:
    """A key `on` or `1` is no boolean and no number."""
    assert only("on: 1\n1: 2\n~: 3\n") == {"on": 1, "1": 2, "~": 3}


def test_explicit_tags_of_scalars_are_understood() -> None:
    """A tag that says what would be read anyway is fine."""
    assert only("a: !!int 3\nb: !!null ''\nc: !!map {d: !!seq [1]}") == {
        "a": 3,
        "b": None,
        "c": {"d": [1]},
    }


def test_several_documents_know_their_lines() -> None:
    """Empty documents are left out; each other one knows where it begins."""
    found = documents(
        "# head\na: 1\n---\n---\n# only words\n---\n\nb: 2\n...\n---\n- 3\n", origin="f"
    )
    assert [document.value for document in found] == [{"a": 1}, {"b": 2}, [3]]
    assert [document.line for document in found] == [2, 7, 11]


@pytest.mark.parametrize("text", ["", "\n\n", "# words\n", "---\n", "---\n...\n---\n"])
def test_nothing_is_no_document(text: str) -> None:
    """An empty file has no documents, and no error here."""
    assert documents(text, origin="f") == []


def test_aliases_and_merges_are_expanded() -> None:
    """What is written beside `<<` wins, before and after it; the first of several sources too."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 9, <<: [*a, *b], x: 8}\nd: *a\n"
    assert only(text) == {
        "a": {"x": 1, "y": 1},
        "b": {"y": 2, "z": 2},
        "c": {"x": 8, "y": 1, "z": 9},
        "d": {"x": 1, "y": 1},
    }


def test_a_quoted_merge_key_is_a_key() -> None:
    """Only the plain `<<` merges."""
    assert only('"<<": 3') == {"<<": 3}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=8),
            inner,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_json_is_yaml(value: object) -> None:
    """Any JSON reads as itself."""
    text = json.dumps({"value": value}, ensure_ascii=False)
    assert only(text) == {"value": value}


@example("1_")
@example("1__2")
@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=12))
def test_a_plain_scalar_never_fails(text: str) -> None:
    """Whatever the text is, it is a value that JSON can hold."""
    value = resolved(text)
    assert not isinstance(value, float) or math.isfinite(value)
    json.dumps(value, allow_nan=False)
