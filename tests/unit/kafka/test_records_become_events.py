"""The event of a record that is no CloudEvent itself."""

from __future__ import annotations

from typing import Any

import pytest
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.mapping import event_of, mapper, record

from eventing_alibaba.contract.eventoptions import EventBridge
from eventing_alibaba.contract.mediatype import guess
from eventing_alibaba.contract.spec import EventOptions

SOURCE = "/apis/sources.eventing-alibaba.dev/namespaces/default/alikafkasources/orders#topic"


def test_a_record_becomes_what_knative_makes_of_it() -> None:
    """Type, source, id, subject, time, key, headers, partition and offset, in their words."""
    found = event_of(
        body=b'{"a": 1}',
        key=b"customer-7",
        headers=[("content-type", b"application/json"), ("X-Tenant", b"blue")],
        time=1_700_000_000.123,
        offset=42,
        partition=3,
    )
    assert (found.type, found.source) == ("dev.knative.kafka.event", SOURCE)
    assert (found.id, found.subject) == ("partition:3/offset:42", "partition:3#42")
    assert found.time == "2023-11-14T22:13:20.123Z"
    assert (found.data, found.datacontenttype) == (b'{"a": 1}', "application/json")
    assert found.extensions == {
        "key": "customer-7",
        "partitionkey": "customer-7",
        "kafkaheaderxtenant": "blue",
        "knativekafkapartition": 3,
        "knativekafkaoffset": 42,
    }
    assert not found.structured


@pytest.mark.parametrize("time", [2**63 / 1000, 253402300800.0, -62135596801.0, -(2**62) / 1000])
def test_a_time_that_is_none_is_left_out(time: float) -> None:
    """A producer may stamp any 64-bit number; RFC 3339 ends with the year 9999."""
    assert event_of(time=time).time is None
    bridged = EventOptions(format="eventbridge", event_bridge=EventBridge(instance_id="i"))
    assert event_of(bridged, time=time).time is None


def test_the_last_second_that_can_be_written_is() -> None:
    """The end of the year 9999."""
    assert event_of(time=253402300799.999).time == "9999-12-31T23:59:59.999Z"


def test_wishes_of_the_user_replace_type_and_source() -> None:
    """`event.type` and `event.source` hold for every record."""
    found = event_of(event=EventOptions(type="shop.order", source="urn:shop"))
    assert (found.type, found.source) == ("shop.order", "urn:shop")


def test_a_tombstone_has_no_data() -> None:
    """A null value is no data, and has no content type but the one it says itself."""
    gone = event_of(body=b"", null=True, key=b"k")
    assert (gone.data, gone.datacontenttype) == (None, None)
    said = event_of(body=b"", null=True, headers=[("content-type", b"text/plain")])
    assert (said.data, said.datacontenttype) == (None, "text/plain")
    empty = event_of(body=b"")
    assert empty.data == b""


@pytest.mark.parametrize("key", [None, b""])
def test_no_key_is_no_extension(key: bytes | None) -> None:
    """A partition key must not be empty, so an empty key is none."""
    assert not {"key", "partitionkey"} & set(event_of(key=key).extensions)


def test_times_are_exact_to_the_millisecond() -> None:
    """Also where a second was seen before, before 1970, and where there is no time."""
    mapping = mapper()
    for milliseconds, text in (
        (1_700_000_000_999, "2023-11-14T22:13:20.999Z"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ):
        assert mapping.event(record(time=milliseconds / 1000)).time == text
    assert mapping.event(record(time=None)).time is None


@given(st.integers(-(10**12), 10**13))
def test_any_time_of_a_record_survives_the_seconds(milliseconds: int) -> None:
    """Seconds as a float hold milliseconds, and come back as the same ones."""
    text = mapper().event(record(time=milliseconds / 1000)).time
    assert text is not None
    assert text.endswith(f".{milliseconds % 1000:03d}Z")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"application/xml", "application/xml"),
        (b" text/csv; charset=UTF-8 ", "text/csv; charset=UTF-8"),
        (None, "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"text/plain\r\nEvil: yes", "application/json"),
    ],
)
def test_the_records_own_content_type_comes_first(written: bytes | None, expected: str) -> None:
    """If it is one; its parameters are kept, since a boundary may be among them."""
    headers: Any = [("Content-Type", written)]
    assert event_of(body=b"{}", headers=headers).datacontenttype == expected
    assert "kafkaheadercontentty" not in event_of(body=b"{}", headers=headers).extensions


def test_the_users_content_type_comes_before_a_guess() -> None:
    """`event.contentType` holds where a record says nothing."""
    options = EventOptions(content_type="application/avro")
    assert event_of(body=b"{}", event=options).datacontenttype == "application/avro"
    own = [("content-type", b"text/plain")]
    assert event_of(body=b"{}", event=options, headers=own).datacontenttype == "text/plain"


TEXT, JSON, BYTES = "text/plain; charset=utf-8", "application/json", "application/octet-stream"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": [1, 2.5, null]}', JSON),
        (b" \r\n[1]\t", JSON),
        (b'"text"', JSON),
        (b"-1.5e3", JSON),
        (b"true", JSON),
        (b"null", JSON),
        (b"{not json}", TEXT),
        (b'{"a": NaN}', TEXT),
        (b"[", TEXT),
        (b"{", TEXT),
        (b" ", TEXT),
        (b"", TEXT),
        (b"2026-01-31", TEXT),
        (b"4" * 100, TEXT),
        ("größer".encode(), TEXT),
        (b"\xff\xfe\x00", BYTES),
        (b"\x00\x00\x00\x01\x02abc", BYTES),
        (b'{"a": "\xff"}', BYTES),
    ],
)
def test_content_types_are_found_out(body: bytes, expected: str) -> None:
    """JSON if it parses, text if it is UTF-8 without NUL, bytes else."""
    assert guess(body) == expected


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(-99, 99), st.lists))
def test_json_documents_are_found_out(value: object) -> None:
    """Whatever is written by a JSON library and is an array, object or string."""
    import json

    assert guess(json.dumps([value]).encode()) == JSON


@given(
    body=st.binary(max_size=50) | st.none(),
    key=st.binary(max_size=12) | st.none(),
    headers=st.lists(
        st.tuples(st.text(max_size=30), st.binary(max_size=20) | st.none()), max_size=6
    ),
    key_type=st.sampled_from(["string", "int", "float", "byte-array"]),
)
def test_every_record_becomes_a_legal_event(
    body: bytes | None,
    key: bytes | None,
    headers: list[tuple[str, bytes | None]],
    key_type: str,
) -> None:
    """Names are [a-z0-9], at most 20 characters; values are text without control characters.

    The independent judge is CloudEvents' own SDK, which refuses illegal attributes.
    """
    found = event_of(
        body=body or b"", null=body is None, key=key, headers=headers, keyType=key_type
    )
    if found.structured:
        return
    attributes = {
        "id": found.id,
        "source": found.source,
        "type": found.type,
        "specversion": "1.0",
        **{name: str(value) for name, value in found.extensions.items()},
    }
    CloudEvent(attributes, found.data)
    for name, value in found.extensions.items():
        assert name.isascii()
        assert name.isalnum()
        assert name == name.lower()
        assert len(name) <= 20 or name == "knativekafkapartition"  # Knative's own name
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in str(value))
