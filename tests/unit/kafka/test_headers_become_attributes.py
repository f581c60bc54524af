"""Header names and values as extension attributes."""

from __future__ import annotations

import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.mapping import event_of, mapper, record

from eventing_alibaba.sources.kafka import events
from eventing_alibaba.sources.kafka.headers import plan, text

OWN = {"knativekafkapartition", "knativekafkaoffset"}


def extensions(*headers: tuple[str, bytes | None]) -> dict[str, object]:
    found = event_of(headers=list(headers)).extensions
    return {name: value for name, value in found.items() if name not in OWN}


def hashed(name: str, short: str) -> str:
    return f"kafkaheader{short}{zlib.crc32(name.encode()) & 0xFFFFFF:06x}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tenant", "kafkaheadertenant"),
        ("X-Tenant", "kafkaheaderxtenant"),
        ("__TypeId__", "kafkaheadertypeid"),
        ("x-request-id", "kafkaheaderxrequesti"),
        ("Größe", "kafkaheadergre"),
        ("日本", hashed("日本", "")),
        ("", hashed("", "")),
    ],
)
def test_names(name: str, expected: str) -> None:
    """Lower case, letters and digits, 20 characters in all."""
    assert extensions((name, b"v")) == {expected: "v"}


def test_names_that_would_be_the_same_are_hashed_each() -> None:
    """Each by its own name, so that no order and no neighbour changes what a header is called."""
    names = ["kafka_dlt-original-topic", "kafka_dlt-original-offset", "other"]
    expected = {
        hashed(names[0], "kaf"): "0",
        hashed(names[1], "kaf"): "1",
        "kafkaheaderother": "2",
    }
    headers = [(name, str(number).encode()) for number, name in enumerate(names)]
    for order in itertools.permutations(headers):
        assert extensions(*order) == expected


def test_repeated_names_are_joined() -> None:
    """In the order of the record, by commas; nulls do not count."""
    headers = (("a", b"1"), ("b", b"x"), ("a", None), ("a", b"2"), ("a", b""))
    assert extensions(*headers) == {"kafkaheadera": "1,2,", "kafkaheaderb": "x"}


def test_null_values_are_left_out() -> None:
    """An attribute without a value is no attribute; an empty value is one."""
    assert extensions(("a", None), ("b", b"")) == {"kafkaheaderb": ""}


def test_tracing_headers_keep_their_names() -> None:
    """So that the service's spans hang below the producer's."""
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert extensions(("traceparent", parent), ("tracestate", b"a=1")) == {
        "traceparent": parent.decode(),
        "tracestate": "a=1",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        ("Größe 😀".encode(), "Größe 😀"),
        (b"\xff", "/w=="),
        (b"\x00\x00\x00\x05", "AAAABQ=="),
        (b"two\nlines", "dHdvCmxpbmVz"),
        ("\u0085".encode(), "woU="),
        ("\ufffe".encode(), "77++"),
        ("a\u00a0b".encode(), "a\u00a0b"),
    ],
)
def test_values(value: bytes, expected: str) -> None:
    """Text, or base64 where CloudEvents does not allow it as text."""
    assert text(value) == expected


@given(st.lists(st.text(max_size=14), max_size=8))
def test_no_header_hides_another(names: list[str]) -> None:
    """Each header with a value is found in exactly one attribute, alone or joined with its like."""
    found = plan(tuple(names))
    placed = [position for position, _ in found.extensions]
    own = [found.content_type] if found.content_type >= 0 else []
    types = [n for n, name in enumerate(names) if name.lower() == "content-type"]
    assert sorted(placed + types) == list(range(len(names)))
    assert own == types[-1:]
    for (_, first), (_, second) in itertools.pairwise(found.extensions):
        assert first <= second


def test_plans_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that invents header names does not fill the memory."""
    monkeypatch.setattr(events, "_PLANS_KEPT", 8)
    mapping = mapper()
    for number in range(50):
        value = str(number).encode()
        mapping.event(record(headers=[(f"n{number}", b"v"), ("content-type", b"text/" + value)]))
    assert len(mapping._plans) <= 8
    assert len(mapping._media_types) <= 8
