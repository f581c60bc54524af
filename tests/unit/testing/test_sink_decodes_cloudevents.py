"""The sink's decoder against the CloudEvents SDK's encoder, and what it must not let through."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from eventing_alibaba.testing.sink import NotAnEventError, ReceivedEvent, decode

# Any text an attribute may hold: no control characters, no surrogates.
text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=30)
names = st.from_regex(r"x[a-z0-9]{1,8}", fullmatch=True)
attributes = st.fixed_dictionaries(
    {"id": text, "source": text, "type": text, "specversion": st.just("1.0")},
    optional={
        "subject": text,
        "time": st.datetimes(timezones=st.just(UTC)),
        "dataschema": st.just("https://schema.example/1"),
    },
)


def wire(message: http.HTTPMessage) -> ReceivedEvent:
    """Decode what the SDK encoded."""
    headers = [(name.encode(), value.encode()) for name, value in message.headers.items()]
    (event,) = decode(headers, message.body)
    return event


def expected(given_attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as text: a time as the SDK writes it."""
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in given_attributes.items()
    }


@settings(deadline=None)
@given(attributes, st.dictionaries(names, text, max_size=3), st.binary(min_size=1, max_size=50))
def test_binary_events_of_the_sdk_come_back(
    required: dict[str, Any], extensions: dict[str, str], data: bytes
) -> None:
    """Every attribute and byte survives the SDK's binary encoding and our decoding."""
    both = {**required, **extensions, "datacontenttype": "application/octet-stream"}
    event = wire(http.to_binary_event(CloudEvent(both, data)))
    assert event.attributes == expected(both)
    assert (event.data, event.mode) == (data, "binary")
    assert (event.id, event.source, event.type) == (both["id"], both["source"], both["type"])


@settings(deadline=None)
@given(attributes, st.dictionaries(names, text, max_size=3), st.binary(min_size=1, max_size=50))
def test_structured_events_of_the_sdk_come_back(
    required: dict[str, Any], extensions: dict[str, str], data: bytes
) -> None:
    """Every attribute and byte survives the SDK's structured encoding and our decoding."""
    both = {**required, **extensions, "datacontenttype": "application/octet-stream"}
    event = wire(http.to_structured_event(CloudEvent(both, data)))
    assert event.attributes == expected(both)
    assert (event.data, event.mode) == (data, "structured")


def structured(value: Any, media: bytes = b"application/cloudevents+json") -> list[ReceivedEvent]:
    """Decode a JSON value in structured mode."""
    return decode([(b"Content-Type", media)], orjson.dumps(value))


EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({}, None),
        ({"data": None}, None),
        ({"data": {"b": [1, 2]}}, b'{"b":[1,2]}'),
        ({"data": "text"}, b'"text"'),
        ({"data": "text", "datacontenttype": "text/plain"}, b"text"),
        ({"data": "x", "datacontenttype": "application/vnd.x+json; charset=utf-8"}, b'"x"'),
        ({"data_base64": base64.b64encode(b"\0\xff").decode()}, b"\0\xff"),
        ({"data_base64": None, "data": 3}, b"3"),
    ],
)
def test_data_of_a_structured_event(members: dict[str, Any], data: bytes | None) -> None:
    """JSON data stays JSON, text of another type is text, base64 is bytes, null is none."""
    (event,) = structured(EVENT | members)
    assert event.data == data


def test_values_keep_their_json_types() -> None:
    """Integers and booleans of a structured event are not made strings; null is absent."""
    (event,) = structured(EVENT | {"n": 7, "flag": True, "gone": None})
    assert (event.attributes["n"], event.attributes["flag"]) == (7, True)
    assert "gone" not in event.attributes


def test_no_body_and_no_type_is_no_data() -> None:
    """A tombstone and an empty value can be told apart."""
    headers = [(b"CE-" + name.encode(), value.encode()) for name, value in EVENT.items()]
    assert decode(headers, b"")[0].data is None
    assert decode([*headers, (b"content-type", b"text/plain")], b"")[0].data == b""


def test_a_content_type_is_taken_as_it_is() -> None:
    """Its quotes and percent signs are its own and no encoding of an attribute."""
    headers = [(b"ce-" + name.encode(), value.encode()) for name, value in EVENT.items()]
    media = 'text/plain; charset="utf-8"; note="100%25"'
    (event,) = decode([*headers, (b"Content-Type", media.encode())], b"")
    assert event.attributes["datacontenttype"] == media


def test_quoted_header_values_are_unquoted() -> None:
    """A quoted string loses its quotes and escapes, as the HTTP binding demands of receivers."""
    headers = [(b"ce-" + name.encode(), value.encode()) for name, value in EVENT.items()]
    (event,) = decode([*headers, (b"ce-said", rb'"a \"b\" \\ %E2%82%AC"')], b"")
    assert event.attributes["said"] == 'a "b" \\ €'


@pytest.mark.parametrize(
    ("header", "value", "sentence"),
    [
        ("ce-id", "", "'id' is missing or empty"),
        ("ce-specversion", "0.3", "specversion is '0.3'"),
        ("ce-Bad_Name", "x", "attribute name 'bad_name'"),
        ("ce-datacontenttype", "text/plain", "sent as Content-Type"),
        ("ce-x", "\xe9", "should be percent-encoded"),
        ("ce-x", "%ff", "not percent-encoded UTF-8"),
        ("Content-Type", "application/cloudevents+avro", "'application/cloudevents\\+avro'"),
        ("Content-Type", "application/cloudevents+json", "is not JSON"),
    ],
)
def test_broken_requests_are_refused(header: str, value: str, sentence: str) -> None:
    """Each fault has its sentence."""
    headers = {f"ce-{name}": content for name, content in EVENT.items()} | {header: value}
    with pytest.raises(NotAnEventError, match=sentence):
        decode([(n.encode(), v.encode("latin-1")) for n, v in headers.items()], b"not json")


def test_a_repeated_attribute_is_refused() -> None:
    """Two values of one attribute are never silently made one."""
    headers = [(b"ce-" + name.encode(), value.encode()) for name, value in EVENT.items()]
    with pytest.raises(NotAnEventError, match="'id' is repeated"):
        decode([*headers, (b"Ce-Id", b"2")], b"")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([EVENT], "must be a JSON object, got list"),
        (EVENT | {"type": ""}, "'type' is missing or empty"),
        (EVENT | {"n": 1.5}, "'n' is neither string, integer nor boolean"),
        (EVENT | {"ceName": "x"}, "attribute name 'ceName'"),
        (EVENT | {"data": 1, "data_base64": "AA=="}, "both"),
        (EVENT | {"data_base64": "?"}, "not base64"),
    ],
)
def test_broken_structured_events_are_refused(value: Any, sentence: str) -> None:
    """Each fault of the JSON format has its sentence."""
    with pytest.raises(NotAnEventError, match=sentence):
        structured(value)


def test_an_empty_batch_is_refused() -> None:
    """A batch must hold an event."""
    with pytest.raises(NotAnEventError, match="at least one event"):
        structured([], b"application/cloudevents-batch+json")
