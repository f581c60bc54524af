"""Records that are CloudEvents already, and those that only say so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.mapping import event_of

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.spec import EventOptions

CE = {"id": "1", "source": "/s", "type": "t", "specversion": "1.0"}


def binary(attributes: dict[str, Any], body: bytes = b"data", **given: Any) -> Event:
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    return event_of(body=body, headers=headers + given.pop("more", []), **given)


def structured(document: object, media_type: bytes = b"application/cloudevents+json") -> Event:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return event_of(body=body, headers=[("content-type", media_type)], key=b"k")


def is_plain(found: Event) -> bool:
    return found.type == "dev.knative.kafka.event" and found.id.startswith("partition:")


@pytest.mark.parametrize("name", ["data", "tenant"])
@pytest.mark.parametrize("depth", [300, 1000, 1023])
def test_json_that_is_nested_deep_stops_nobody(name: str, depth: int) -> None:
    """It passes as it is, or as the data of any other record; it never raises."""
    nest = b"[" * depth + b"]" * depth
    document = json.dumps(CE).encode()[:-1] + b', "%b": %b}' % (name.encode(), nest)
    found = structured(document)
    if is_plain(found):
        assert found.data == document
    else:
        assert (name, found.data) == ("data", nest)


def test_binary_mode() -> None:
    """Attributes, extensions, content type and data as they were; nothing added."""
    found = binary(
        {**CE, "subject": "s", "time": "2026-01-31T08:00:00Z", "dataschema": "/d", "tenant": "ä"},
        more=[("content-type", b"text/csv"), ("x-other", b"ignored")],
        key=b"k",
    )
    assert (found.id, found.source, found.type) == ("1", "/s", "t")
    assert (found.subject, found.time) == ("s", "2026-01-31T08:00:00Z")
    assert (found.dataschema, found.datacontenttype) == ("/d", "text/csv")
    assert found.extensions == {"tenant": "ä"}
    assert found.data == b"data"


def test_the_users_type_is_not_forced_on_other_peoples_events() -> None:
    """`event.type` is for what had none."""
    assert binary(CE, event=EventOptions(type="mine", source="mine")).type == "t"


def test_binary_mode_without_data() -> None:
    """A tombstone that is an event is an event without data."""
    found = binary(CE, b"", null=True)
    assert (found.id, found.data) == ("1", None)


@pytest.mark.parametrize("missing", sorted(CE))
def test_an_incomplete_binary_event_is_plain_data(missing: str) -> None:
    """Nothing is refused and nothing lost: its headers are extensions like any others."""
    found = binary({name: value for name, value in CE.items() if name != missing})
    assert is_plain(found)
    assert found.data == b"data"
    if missing != "type":
        assert found.extensions["kafkaheadercetype"] == "t"


def test_an_unknown_version_is_plain_data() -> None:
    """What 2.0 means nobody knows yet."""
    assert is_plain(binary({**CE, "specversion": "2.0"}))
    assert is_plain(structured({**CE, "specversion": "0.3"}))


def test_structured_mode() -> None:
    """Attributes with their types; data as JSON that was not written anew."""
    data = '{"n": 12345678901234567890123, "x": 1.10, "e": 1e400}'.replace(', "e": 1e400', "")
    document = json.dumps({**CE, "flag": True, "count": 3, "subject": "s", "gone": None})
    found = structured(f'{document[:-1]}, "data" :  {data} }}'.encode())
    assert (found.id, found.subject) == ("1", "s")
    assert found.extensions == {"flag": True, "count": 3}
    assert found.data == data.encode()
    assert found.datacontenttype == "application/json"


@pytest.mark.parametrize(
    ("members", "data", "content_type"),
    [
        ({}, None, None),
        ({"data": None}, None, None),
        ({"data": "text", "datacontenttype": "text/plain"}, b"text", "text/plain"),
        ({"data": "text"}, b'"text"', "application/json"),
        ({"data": "x", "datacontenttype": "a/b+json; v=1"}, b'"x"', "a/b+json; v=1"),
        ({"data": {"a": 1}, "datacontenttype": "text/xml"}, b'{"a": 1}', "text/xml"),
        ({"data": False}, b"false", "application/json"),
        ({"data_base64": "/wA=", "datacontenttype": "a/b"}, b"\xff\x00", "a/b"),
        ({"data_base64": "/wA="}, b"\xff\x00", None),
    ],
)
def test_structured_data(
    members: dict[str, Any], data: bytes | None, content_type: str | None
) -> None:
    """The JSON event format, section 3.1: text, JSON values, and base64."""
    found = structured({**CE, **members})
    assert (found.data, found.datacontenttype) == (data, content_type)


def test_the_media_type_is_read_without_regard_to_case_and_parameters() -> None:
    """As the protocol binding says."""
    found = structured(CE, b"Application/CloudEvents+JSON; charset=utf-8")
    assert found.id == "1"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"not json", b"application/cloudevents+json"),
        (b"[]", b"application/cloudevents+json"),
        (
            b'{"id": 1, "source": "/s", "type": "t", "specversion": "1.0"}',
            b"application/cloudevents",
        ),
        (
            b'{"id": "", "source": "/s", "type": "t", "specversion": "1.0"}',
            b"application/cloudevents",
        ),
        (json.dumps([CE]).encode(), b"application/cloudevents-batch+json"),
        (json.dumps({**CE, "data_base64": "?"}).encode(), b"application/cloudevents+json"),
        (json.dumps({**CE, "data_base64": 7}).encode(), b"application/cloudevents+json"),
        (json.dumps({**CE, "subject": 7}).encode(), b"application/cloudevents+json"),
        (
            json.dumps({**CE, "datacontenttype": 7, "data": "x"}).encode(),
            b"application/cloudevents+json",
        ),
    ],
)
def test_what_only_says_that_it_is_structured_is_plain_data(body: bytes, media_type: bytes) -> None:
    """And never goes out under a CloudEvents content type, which would lie to the service."""
    found = structured(body, media_type)
    assert is_plain(found)
    assert found.data == body
    assert found.datacontenttype is not None
    assert "cloudevents" not in found.datacontenttype


def test_a_structured_tombstone_is_plain() -> None:
    """No value, no event in it."""
    headers = [("content-type", b"application/cloudevents+json")]
    found = event_of(body=b"", null=True, headers=headers)
    assert is_plain(found)
    assert found.data is None


def test_other_formats_are_passed_on_unread() -> None:
    """Avro and Protobuf: bytes and content type untouched, named by where they come from."""
    found = event_of(
        body=b"\x00avro", headers=[("content-type", b"application/cloudevents+avro")], offset=7
    )
    assert found.structured
    assert (found.data, found.datacontenttype) == (b"\x00avro", "application/cloudevents+avro")
    assert found.id == "partition:0/offset:7"


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    data=_values.filter(lambda value: value is not None and not isinstance(value, str)),
    first=st.booleans(),
    indent=st.sampled_from([None, 2]),
    decoy=st.dictionaries(st.sampled_from(["data", "x"]), st.text(), max_size=2),
)
def test_structured_data_is_cut_out_exactly(
    data: object, first: bool, indent: int | None, decoy: dict[str, str]
) -> None:
    """Wherever the member stands and whatever is around it."""
    members = {"data": data, **CE} if first else {**CE, "ext": json.dumps(decoy), "data": data}
    found = structured(json.dumps(members, indent=indent).encode())
    assert found.data is not None
    assert json.loads(found.data) == data
    assert found.id == "1"


_letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs"])


@given(
    attributes=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True).filter(
            lambda name: (
                name not in {*CE, "data", "datacontenttype", "subject", "time"}
                and name not in {"dataschema", "datacontentencoding"}
            )
        ),
        st.text(_letters, min_size=1, max_size=20),
        max_size=4,
    ),
    data=st.binary(min_size=1, max_size=40),
)
def test_what_the_sdk_writes_is_read(attributes: dict[str, str], data: bytes) -> None:
    """Both modes, written by CloudEvents' own SDK."""
    written = CloudEvent({**CE, "datacontenttype": "a/b", **attributes}, data)
    for form in (to_binary_event, to_structured_event):
        message = form(written, JSONFormat())
        headers = [(name, bytes(value)) for name, value in message.headers.items()]
        found = event_of(body=bytes(message.value or b""), headers=headers)
        assert (found.id, found.source, found.type) == ("1", "/s", "t")
        assert found.extensions == attributes
        assert (found.data, found.datacontenttype) == (data, "a/b")
