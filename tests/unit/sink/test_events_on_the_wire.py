"""What the encoders write, read back by an HTTP parser and the CloudEvents SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.sink.reading import HEAD, plain, read

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.jsonformat import _names
from eventing_alibaba.sink.encode import Encode
from eventing_alibaba.sink.formats.binary import BinaryEncoder
from eventing_alibaba.sink.formats.structured import StructuredEncoder


class _Bytes(JSONFormat):
    """The SDK parses JSON data; here the bytes themselves are compared."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> Any:
        return body


def binary(event: Event, encode: Encode | None = None) -> tuple[dict[str, Any], bytes | None]:
    raw = read((encode or BinaryEncoder(HEAD))(event))
    message = HTTPMessage(headers=dict(raw.headers), body=raw.body)
    decoded = from_binary(message, _Bytes())
    return dict(decoded.get_attributes()), raw.body


def structured(event: Event) -> tuple[dict[str, Any], Any]:
    raw = read(StructuredEncoder(HEAD)(event))
    assert dict(raw.headers)["content-type"] == "application/cloudevents+json; charset=utf-8"
    decoded = from_structured(HTTPMessage(headers=dict(raw.headers), body=raw.body), JSONFormat())
    return dict(decoded.get_attributes()), decoded.get_data()


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20).filter(
    lambda n: (
        n not in {"id", "source", "type", "specversion", "subject", "time"}
        and n not in {"datacontenttype", "dataschema", "data"}
    )
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(
    id_=texts,
    source=texts,
    type_=texts,
    subject=st.none() | texts,
    extensions=st.dictionaries(names, texts | st.integers(), max_size=6),
    data=st.binary(max_size=200),
)
@example("a\r\nx: y", "/s", "t", "\n", {"a": "\r\n\r\nGET / HTTP/1.1"}, b"")
@example("1", "/s", "t", 'say "hi" 100%', {"a": "ü €", "b": " lead and trail "}, b"\x00")
def test_any_attribute_value_survives_binary_mode(
    id_: str, source: str, type_: str, subject: str | None, extensions: dict[str, Any], data: bytes
) -> None:
    """Whatever characters a value has, the SDK reads the same value and no header is injected."""
    event = Event(
        id=id_, source=source, type=type_, subject=subject, data=data, extensions=extensions
    )
    raw = read(BinaryEncoder(HEAD)(event))
    expected = {"host", "ce-specversion", "ce-id", "ce-source", "ce-type", "content-length"}
    expected |= {f"ce-{name}" for name in extensions}
    expected |= {"ce-subject"} if subject is not None else set()
    assert set(raw.names()) == expected
    attributes, body = binary(event)
    assert body == data
    assert attributes["specversion"] == "1.0"
    assert (attributes["id"], attributes["source"], attributes["type"]) == (id_, source, type_)
    assert attributes.get("subject") == subject
    assert {name: attributes[name] for name in extensions} == {
        name: str(value) for name, value in extensions.items()
    }


@given(
    id_=texts,
    extensions=st.dictionaries(names, texts | st.integers(-(2**31), 2**31 - 1), max_size=4),
    data=st.binary(max_size=60),
)
def test_any_event_survives_structured_mode(
    id_: str, extensions: dict[str, Any], data: bytes
) -> None:
    """The JSON format keeps every value and the exact bytes of data that is not JSON or text."""
    event = plain(
        id=id_, extensions=extensions, data=data, datacontenttype="application/octet-stream"
    )
    attributes, decoded = structured(event)
    assert attributes["id"] == id_
    assert {name: attributes[name] for name in extensions} == extensions
    assert decoded == data


@pytest.mark.parametrize(
    ("content_type", "data", "member"),
    [
        ("application/json", b'{"a": [1, "\xc3\xbc"]}', {"data": {"a": [1, "ü"]}}),
        ("application/vnd.x+json; charset=utf-8", b"3", {"data": 3}),
        ("application/json", b"{broken", {"data_base64": "e2Jyb2tlbg=="}),
        ("text/plain", "grün".encode(), {"data": "grün"}),
        ("text/plain", b"\xff", {"data_base64": "/w=="}),
        ("application/xml", b"<a/>", {"data_base64": "PGEvPg=="}),
        (None, b'"x"', {"data": "x"}),
        (None, b"x", {"data_base64": "eA=="}),
        ("application/json", None, {}),
    ],
)
def test_structured_data_stands_as_its_type_allows(
    content_type: str | None, data: bytes | None, member: dict[str, Any]
) -> None:
    """JSON stands as JSON, text as a string, all else as base64, no data as nothing."""
    raw = read(StructuredEncoder(HEAD)(plain(datacontenttype=content_type, data=data)))
    found = json.loads(raw.body)
    assert {
        k: v for k, v in found.items() if k.startswith("data") and k[4:5] in {"", "_"}
    } == member


def test_a_content_type_is_a_plain_header() -> None:
    """`datacontenttype` is written as it is: quotes and blanks belong to a media type."""
    event = plain(datacontenttype='multipart/mixed; boundary="a b"', data=b"x")
    raw = read(BinaryEncoder(HEAD)(event))
    assert dict(raw.headers)["content-type"] == 'multipart/mixed; boundary="a b"'


def test_no_data_has_no_content_type_and_length_zero() -> None:
    """A tombstone is an event without data: nothing says what type the nothing has."""
    raw = read(BinaryEncoder(HEAD)(plain(data=None, datacontenttype="application/json")))
    headers = dict(raw.headers)
    assert headers["content-length"] == "0"
    assert "content-type" not in headers


def test_booleans_are_lower_case_words() -> None:
    """CloudEvents' canonical form of a boolean is `true` or `false`."""
    attributes, _ = binary(plain(extensions={"yes": True, "no": False, "one": 1}))
    assert (attributes["yes"], attributes["no"], attributes["one"]) == ("true", "false", "1")


@pytest.mark.parametrize("mode", [BinaryEncoder, StructuredEncoder])
@pytest.mark.parametrize("name", ["", "Upper", "a-b", "a:b", "a b", "x\r\ny", "id", "specversion"])
def test_a_wrong_extension_name_is_refused(mode: Any, name: str) -> None:
    """A name that would become another header, or one of CloudEvents' own, is a clear error."""
    with pytest.raises(ValueError, match="extension attribute name"):
        mode(HEAD)(plain(extensions={name: "v"}))


@pytest.mark.parametrize("value", ["text/plain\r\nx: y", "a\x00b"])
def test_a_content_type_cannot_inject(value: str) -> None:
    """Control characters in a content type are refused, since it cannot be escaped."""
    with pytest.raises(ValueError, match="content-type"):
        BinaryEncoder(HEAD)(plain(datacontenttype=value))


def test_overrides_come_last() -> None:
    """`ceOverrides` win over the event's own attributes, optional ones of CloudEvents included."""
    encode = BinaryEncoder(HEAD, {"env": "prod", "subject": "all"})
    attributes, _ = binary(plain(subject="s", extensions={"env": "dev", "k": "v"}), encode)
    assert (attributes["env"], attributes["subject"], attributes["k"]) == ("prod", "all", "v")


def test_a_structured_event_in_a_foreign_format_passes_as_it_is() -> None:
    """Bytes that already are an event in Avro are sent untouched, with their own content type."""
    event = plain(data=b"\x00avro", datacontenttype="application/cloudevents+avro", structured=True)
    for mode in (BinaryEncoder, StructuredEncoder):
        raw = read(mode(HEAD)(event))
        assert raw.body == b"\x00avro"
        assert dict(raw.headers) == {
            "host": "service",
            "content-type": "application/cloudevents+avro",
            "content-length": "5",
        }


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**70])
def test_a_number_too_long_for_cloudevents_is_text(value: int) -> None:
    """An Integer of CloudEvents has 32 bits; an offset beyond is written as text."""
    event = plain(extensions={"offset": value, "small": 2**31 - 1, "yes": True})
    found = json.loads(read(StructuredEncoder(HEAD)(event)).body)
    assert (found["offset"], found["small"], found["yes"]) == (str(value), 2**31 - 1, True)


@pytest.mark.parametrize("mode", [BinaryEncoder, StructuredEncoder])
@pytest.mark.parametrize("changes", [{"id": "\ud800"}, {"extensions": {"x": "\ud800"}}])
def test_half_a_character_is_refused(mode: Any, changes: dict[str, Any]) -> None:
    """A value that is no Unicode text is an error of that event, with a sentence."""
    with pytest.raises(ValueError, match="no valid Unicode text"):
        mode(HEAD)(plain(**changes))


@pytest.mark.parametrize("mode", [BinaryEncoder, StructuredEncoder])
def test_another_head_begins_the_next_request(mode: Any) -> None:
    """A head with a renewed credential is used from then on, for events of every kind."""
    encode = mode(HEAD)
    encode.use(HEAD + b"Authorization: Bearer new\r\n")
    foreign = plain(datacontenttype="application/cloudevents+avro", structured=True)
    for event in (plain(), foreign):
        assert dict(read(encode(event)).headers)["authorization"] == "Bearer new"


def test_names_from_messages_do_not_pile_up() -> None:
    """Extension names that differ in every message leave no growing memory behind."""
    encode = BinaryEncoder(HEAD)
    encode_json = StructuredEncoder(HEAD)
    for number in range(10_000):
        event = plain(extensions={f"n{number}": "v"}, datacontenttype=f"text/x{number}")
        encode(event)
        encode_json(event)
    assert len(encode._names) < 5000
    assert len(encode._content_types) < 2000
    assert len(_names) < 5000
