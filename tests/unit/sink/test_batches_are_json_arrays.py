"""Batches, element by element before the CloudEvents SDK's decoder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sink.reading import HEAD, plain, read

from eventing_alibaba.contract.event import Event
from eventing_alibaba.sink.formats.batch import Batch, BatchEncoder
from eventing_alibaba.testing.sink.decode import decode

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=6, max_size=20).filter(
    lambda n: n not in {"source", "subject", "specversion", "datacontenttype", "dataschema"}
)
events = st.builds(
    plain,
    id=texts,
    source=texts,
    subject=st.none() | texts,
    extensions=st.dictionaries(names, texts | st.integers(-(2**31), 2**31 - 1), max_size=3),
    datacontenttype=st.sampled_from(["application/json", "text/plain", "image/png", None]),
    data=st.none() | st.binary(max_size=40) | st.sampled_from([b'{"a":[1,2]}', b"7", b'"],["']),
)


def parts(encoder: BatchEncoder, batch: list[Event]) -> list[bytes]:
    made = [encoder.part(event) for event in batch]
    assert None not in made
    return [part for part in made if part is not None]


@given(st.lists(events, min_size=1, max_size=5))
def test_any_events_survive_a_batch(batch: list[Event]) -> None:
    """The SDK reads from each element the attributes and data that went in, in their order."""
    encoder = BatchEncoder(HEAD)
    raw = read(encoder.request(parts(encoder, batch)))
    headers = dict(raw.headers)
    assert headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert not [name for name in headers if name.startswith("ce-")]
    array = json.loads(raw.body)
    assert len(array) == len(batch)
    for element, event in zip(array, batch, strict=True):
        message = HTTPMessage(
            headers={"content-type": "application/cloudevents+json"},
            body=json.dumps(element).encode(),
        )
        decoded = from_structured(message, JSONFormat())
        attributes = decoded.get_attributes()
        assert (attributes["id"], attributes["source"]) == (event.id, event.source)
        assert attributes.get("subject") == event.subject
        assert {name: attributes[name] for name in event.extensions} == event.extensions
        assert same(decoded.get_data(), event.data)
    lines = [(name.encode(), value.encode()) for name, value in raw.headers]
    assert [event.id for event in decode(lines, raw.body)] == [event.id for event in batch]


def same(decoded: Any, data: bytes | None) -> bool:
    """Whether decoded data is the same as the bytes: the bytes, their text, or their JSON value."""
    if data is None or isinstance(decoded, bytes):
        return bool(decoded == data)
    return bool(decoded == data.decode()) or bool(decoded == json.loads(data))


@given(st.lists(events, min_size=1, max_size=6))
def test_size_is_known_while_a_batch_grows(batch: list[Event]) -> None:
    """The size that is counted part by part is the length of the body, to the byte."""
    encoder = BatchEncoder(HEAD)
    growing = Batch[int]()
    for number, part in enumerate(parts(encoder, batch)):
        growing.add(number, part)
        assert growing.size == len(read(encoder.request(growing.parts)).body)


def test_a_batch_is_full_by_events_or_bytes() -> None:
    """A part is taken up to both limits, and not one more; the first one is always taken."""
    batch = Batch[str]()
    assert batch.takes(b"x" * 1000, max_events=1, max_bytes=10)
    batch.add("a", b"12345")
    assert batch.takes(b"12345", max_events=2, max_bytes=13)
    assert not batch.takes(b"12345", max_events=2, max_bytes=12)
    assert not batch.takes(b"12345", max_events=1, max_bytes=100)


@given(st.integers(2, 40))
def test_halves_are_the_whole(count: int) -> None:
    """Splitting keeps every member, its part and the order, and leaves no half empty."""
    batch = Batch[int]()
    for number in range(count):
        batch.add(number, b"%d" % number)
    first, second = batch.halves()
    assert first.members + second.members == batch.members
    assert first.parts + second.parts == batch.parts
    assert 0 <= len(first) - len(second) <= 1
    assert [half.size for half in (first, second)] == [
        len(b",".join(half.parts)) + 2 for half in (first, second)
    ]


def test_a_single_event_has_no_halves() -> None:
    """Who splits a batch of one has lost count and is told so."""
    batch = Batch[int]()
    batch.add(1, b"{}")
    with pytest.raises(ValueError, match="no halves"):
        batch.halves()


def test_an_event_in_a_foreign_format_goes_alone() -> None:
    """Avro cannot stand in a JSON array: such an event has no part and is not touched."""
    foreign = plain(data=b"\0avro", datacontenttype="application/cloudevents+avro", structured=True)
    assert BatchEncoder(HEAD, {"env": "prod"}).part(foreign) is None
    assert foreign.extensions == {}


def test_overrides_and_heads_reach_a_batch() -> None:
    """`ceOverrides` are set on each event, and a renewed head begins the request."""
    encoder = BatchEncoder(HEAD, {"env": "prod"})
    made = parts(encoder, [plain(), plain(extensions={"env": "dev"})])
    encoder.use(HEAD + b"Authorization: Bearer new\r\n")
    raw = read(encoder.request(made))
    assert [element["env"] for element in json.loads(raw.body)] == ["prod", "prod"]
    assert dict(raw.headers)["authorization"] == "Bearer new"


def test_an_impossible_event_is_refused_before_it_is_in_a_batch() -> None:
    """An event that cannot be encoded harms no other: its part is an error of its own."""
    with pytest.raises(ValueError, match="extension attribute name"):
        BatchEncoder(HEAD).part(plain(extensions={"data": "x"}))
