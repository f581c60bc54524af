"""Records as outlines: the short road ends where the long one does, byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.mapping import mapper, record

from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import EventOptions
from eventing_alibaba.sink.formats.batch import BatchEncoder
from eventing_alibaba.sink.formats.binary import BinaryEncoder
from eventing_alibaba.sink.formats.structured import StructuredEncoder
from eventing_alibaba.sources.kafka.events import EventMapper

HEAD = b"POST / HTTP/1.1\r\nhost: sink\r\n"
OVERRIDES: list[dict[str, str]] = [
    {},
    {"region": "cn hangzhou", "kafkaheadertenant": "one", "percent": "100%"},
    {"subject": "all the same"},
    {"datacontenttype": "application/vnd.x+json", "dataschema": "urn:x"},
    {"datacontenttype": "text/plain", "knativekafkaoffset": "7"},
]


def roads(taken: EventMapper, message: Message, overrides: dict[str, str]) -> list[Any]:
    """For each form the outcome of both roads, `None` for a short one that was not taken."""
    binary, structured = BinaryEncoder(HEAD, overrides), StructuredEncoder(HEAD, overrides)
    batch = BatchEncoder(HEAD, overrides)
    assert taken.outline is not None
    found = taken.outline(message)
    pairs = []
    for event, outlined in (
        (binary, binary.outlined),
        (structured, structured.outlined),
        (batch.part, batch.outlined),
    ):
        short = None if found is None else outlined(*found, message.body)
        pairs.append((short, event(taken.event(message))))
    return pairs


text = st.text(st.characters(codec="utf-8"), max_size=8).map(lambda one: one.encode())
values = st.one_of(
    st.none(),
    st.binary(max_size=6),
    text,
    st.sampled_from(
        [b"", b"tenant-0042", b'say "x"', b"a b", b"100%", b"back\\slash", b"\r\nx: y"]
    ),
)
names = st.sampled_from(
    ["tenant", "Tenant", "content-type", "traceparent", "ce_id", "x-%b", "größe"]
)
bodies = st.sampled_from(
    [b"", b"{}", b'{"a": 1}\n', b"[1, %b]", b"%d", b"text", b"\xff", b'{"a": ', b"12", "ü".encode()]
)


@given(
    key=values,
    headers=st.lists(st.tuples(names, values), max_size=3),
    body=bodies,
    offset=st.sampled_from([0, 7, 2**31 - 1, 2**31, 2**40]),
    time=st.sampled_from([None, 0.0, 1_700_000_000.123]),
    partition=st.integers(0, 3),
    null=st.booleans(),
    overrides=st.sampled_from(OVERRIDES),
    event=st.sampled_from([{}, {"type": "my type%b"}, {"contentType": "application/json"}]),
    key_type=st.sampled_from(["string", "int", "float", "byte-array"]),
)
def test_both_roads_write_the_same(
    overrides: dict[str, str], event: dict[str, str], key_type: str, null: bool, **given: Any
) -> None:
    """Whatever a record holds, a request made of its outline is the one made of its event."""
    taken = mapper(EventOptions.model_validate(event), keyType=key_type)
    body = b"" if null else given.pop("body")
    message = record(**{**given, "body": body, "null": null})
    for short, long in roads(taken, message, overrides):
        assert short is None or short == long


def test_ordinary_records_take_the_short_road() -> None:
    """A record with a key and headers, and one without, has an outline in each form."""
    taken = mapper()
    both = {"key": b"k", "headers": [("tenant", b"t"), ("id", b"7")]}
    found: list[dict[str, Any]] = [both, {}]
    for given_ in found:
        message = record(body=b'{"a": 1}', offset=7, **given_)
        for short, long in roads(taken, message, {"region": "cn"}):
            assert short == long


@pytest.mark.parametrize(
    "value", [b"a\r\nx: y", b'"', b"\\", b"%", b" ", b"\x00", b"\x7f", b"\xc3"]
)
def test_a_value_that_needs_care_takes_the_long_road(value: bytes) -> None:
    """No character that ends a header line or a string is ever filled in."""
    message = record(body=b"{}", headers=[("tenant", value)])
    assert [short for short, _ in roads(mapper(), message, {})] == [None, None, None]


@pytest.mark.parametrize(
    "given_",
    [
        {"headers": [("content-type", b"application/cloudevents+json")]},
        {"headers": [("ce_specversion", b"1.0"), ("ce_id", b"1")]},
        {"headers": [("tenant", None)]},
        {"headers": [("tenant", b"1"), ("tenant", b"2")]},
        {"time": None},
        {"body": b"", "null": True},
    ],
    ids=["structured", "binary", "null header", "repeated", "no time", "tombstone"],
)
def test_what_is_out_of_the_ordinary_has_no_outline(given_: dict[str, Any]) -> None:
    """Events already, nulls, repeats, tombstones, and records without a time are made events."""
    taken = mapper()
    assert taken.outline is not None
    assert taken.outline(record(**{"body": b"{}", **given_})) is None


@pytest.mark.parametrize(
    "wishes", [{"format": "raw"}, {"format": "eventbridge", "eventBridge": {"instanceId": "x"}}]
)
def test_other_forms_have_no_outlines(wishes: dict[str, Any]) -> None:
    """What is written in another form than Knative's is always made an event first."""
    assert mapper(EventOptions.model_validate(wishes)).outline is None


def test_types_and_names_that_never_repeat_fill_no_memory() -> None:
    """A producer that invents a content type, or a header, for each record takes no memory."""
    taken = mapper()
    binary = BinaryEncoder(HEAD)
    assert taken.outline is not None
    for number in range(3_000):
        headers = [("content-type", b"a/%d" % number), (f"h{number}", b"1")]
        for some in (headers, headers[:1]):
            found = taken.outline(record(headers=some))
            assert found is not None
            assert binary.outlined(*found, b"") is not None
    shapes = taken.outline.__self__._shapes["topic"]  # type: ignore[attr-defined]
    assert len(shapes) <= 1_024
    assert all(len(one) <= 1_024 for shape in shapes.values() for one in shape.outlines)
    assert len(binary._templates._made) <= 1_024
