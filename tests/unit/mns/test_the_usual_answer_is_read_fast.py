"""Answers in the usual form are read by a pattern, and it makes the same of them as the parser."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.mns.polled import answer, element, received

from eventing_alibaba.sources.mns import messages
from eventing_alibaba.sources.mns.reading import NotXml
from eventing_alibaba.sources.mns.scanning import scan

BODIES = st.one_of(
    st.binary(max_size=12).map(lambda data: b64encode(data).decode()),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), max_size=12),
    st.sampled_from(
        ["", "{}", "a\r\nb", "]]>", "&amp;", "<![CDATA[x]]>", " aGVsbG8= ", "aGVsbG9="]
    ),
)


def outcome(document: bytes, encoding: str, *, by_pattern: bool) -> list[dict[str, Any]] | None:
    """What the reader makes of an answer, None where it is none."""
    pattern = scan if by_pattern else lambda _: None
    with patch.object(messages, "scan", pattern):
        try:
            found = received(answer(document=document), encoding=encoding)
        except NotXml:
            return None
    return [
        {name: getattr(message, name) for name in ("id", "body", "attributes", "time", "attempt")}
        | {
            name: getattr(message, name)
            for name in ("origin", "lane", "track", "key", "defect", "lease")
        }
        | {name: getattr(message.receipt, name) for name in ("handle", "priority", "request")}
        | {name: getattr(message.receipt, name) for name in ("group", "user", "system")}
        for message in found
    ]


def whole(*elements: str) -> bytes:
    """An answer's document."""
    return answer(*elements).document


def test_the_usual_form_is_read_by_the_pattern() -> None:
    """Else nothing below would compare anything, and every message would cost its old price."""
    rows = scan(whole(element("aGVsbG8="), element("plain text", number=2)))
    assert rows is not None
    assert [row.body for row in rows] == [b"aGVsbG8=", b"plain text"]


@pytest.mark.parametrize(
    "document",
    [
        whole(element("a & b")),
        whole(element("über")),
        whole(element("a\rb")),
        whole(element("x", leave="Priority")),
        whole(element("x", extra="<MessageGroupId>g</MessageGroupId>")),
        whole(element("x")).replace(b"<Priority>", b"<Priority><!-- -->"),
        whole(element("x")).replace(b"<Priority>8", b"<Priority> 8"),
        whole(element("x")) + b"<!-- -->",
        b"<!DOCTYPE a>" + whole(element("x")),
        whole(element("x")).replace(b">x<", b">]]><"),
        whole(element("x")).replace(b">x<", b">\x01<"),
        whole(element("x")).replace(b"1-handle", b"1 handle"),
        whole(element("x"))[:-1],
        b"",
    ],
    ids=range(14),
)
def test_anything_else_is_left_to_the_parser(document: bytes) -> None:
    """One thing that the form has not is enough, wherever it stands."""
    assert scan(document) is None


@given(st.data(), st.lists(BODIES, max_size=3), st.sampled_from(["auto", "base64", "raw"]))
@settings(max_examples=300)
def test_both_ways_make_the_same_of_it(data: st.DataObject, bodies: list[str], coding: str) -> None:
    """Also where some bytes of the answer are others, more or less than they should be."""
    document = bytearray(whole(*(element(body, number=n) for n, body in enumerate(bodies, 1))))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(document) - 1))
        length = data.draw(st.integers(0, 9))
        document[at : at + length] = data.draw(
            st.sampled_from(
                [b"", b"<", b">", b"&", b" ", b"\t", b"0", b"\0", b"\r", b"]]>", b"x/>"]
            )
        )
    raw = bytes(document)
    by_pattern = outcome(raw, coding, by_pattern=True)
    assert by_pattern == outcome(raw, coding, by_pattern=False)
