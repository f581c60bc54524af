"""`event.format: eventbridge` for Kafka, against whole events.

The golden files have the shape of Alibaba Cloud's documentation: EventBridge, "Event overview"
(attributes), and Function Compute, "ApsaraMQ for Kafka triggers", event format (type, source,
subject, payload). Ids are this project's own.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from tests.unit.sink.posting import MemorySecrets
from tests.unit.sink.reading import HEAD, read

from eventing_alibaba.contract import validation
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.sink.formats.binary import BinaryEncoder
from eventing_alibaba.sink.formats.structured import StructuredEncoder
from eventing_alibaba.sources.kafka.eventbridge import instance
from eventing_alibaba.sources.kafka.events import EventMapper
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.sources.kafka.tracks import Track

GOLDEN = Path(__file__).parent / "golden"
ENDPOINTS = [f"alikafka-post-cn-abc123-{n}-vpc.alikafka.aliyuncs.com:9094" for n in (1, 2, 3)]


def mapper(
    servers: list[str] | None = None,
    *,
    key_type: str = "string",
    format_: str = "eventbridge",
    **event: Any,
) -> EventMapper:
    fields = {
        "bootstrapServers": servers or ENDPOINTS,
        "topics": ["orders"],
        "keyType": key_type,
        "event": {"format": format_, **event},
    }
    spec = validation.read(AliKafkaSourceSpec, fields)
    context = Context("AliKafkaSource", "shop", "orders", MemorySecrets(), event=spec.event)
    return EventMapper(spec, context)


def record(body: bytes = b'{"total": 12.50}', **fields: Any) -> Message:
    track = Track("orders", 9, epoch=1, start=0, metadata="")
    told: dict[str, Any] = {"key": b"k1", "attributes": (), "time": 1659346376.797} | fields
    return Message("partition:9/offset:3", body, origin="orders", track=track, receipt=3, **told)


HEADERS = (("trace", b"a1"), ("trace", b"\xff"), ("none", None))


@pytest.mark.parametrize(
    ("golden", "map_", "message"),
    [
        (
            "text",
            mapper(eventBridge={"accountId": "1234567890123456", "regionId": "cn-hangzhou"}),
            record(),
        ),
        ("json", mapper(eventBridge={"dataFormat": "json"}), record(key=None, attributes=HEADERS)),
        (
            "binary",
            mapper(eventBridge={"dataFormat": "binary"}, key_type="int"),
            record(b"\0\1\2\xff", key=b"\0\0\0\7"),
        ),
        ("tombstone", mapper(), record(b"", null=True, time=None, key=b"")),
    ],
)
def test_a_record_is_the_golden_event(golden: str, map_: EventMapper, message: Message) -> None:
    """Structured and binary mode both carry the event of the file, member by member."""
    expected = json.loads((GOLDEN / f"kafka-{golden}.json").read_bytes())
    body = read(StructuredEncoder(HEAD)(map_.event(message))).body
    assert json.loads(body) == expected
    if golden == "json":
        assert b'"value":{"total": 12.50}' in body, "a number was written anew"
    raw = read(BinaryEncoder(HEAD)(map_.event(message)))
    decoded = from_binary(HTTPMessage(headers=dict(raw.headers), body=raw.body), JSONFormat())
    attributes = dict(decoded.get_attributes())
    attributes.pop("time", None)  # the SDK makes one where there is none
    assert dict(raw.headers).get("ce-time") == expected.get("time")
    assert attributes == {k: v for k, v in expected.items() if k not in {"data", "time"}}
    assert json.loads(raw.body) == expected["data"]


def test_ids_are_uuids_that_follow_from_the_place() -> None:
    """The id is the same in every delivery and another for every place, also of other instances."""

    def identity(map_: EventMapper, offset: int = 3) -> str:
        message = record()
        message.receipt = offset
        return map_.event(message).id

    first = identity(mapper())
    assert uuid.UUID(first).version == 8
    assert uuid.UUID(first).variant == uuid.RFC_4122
    assert identity(mapper(eventBridge={"accountId": "1"})) == first
    others = {first, identity(mapper(), 4)}
    others.add(identity(mapper(eventBridge={"instanceId": "alikafka_pre-cn-x"})))
    assert len(others) == 3


def test_events_do_not_share_their_attributes() -> None:
    """An override on one event is not seen by the next one."""
    map_ = mapper(eventBridge={"accountId": "1"})
    map_.event(record()).extensions["env"] = "prod"
    assert map_.event(record()).extensions == {"aliyunaccountid": "1"}


def test_type_and_source_can_be_others() -> None:
    """`event.type` and `event.source` go before EventBridge's own."""
    event = mapper(type="t", source="/s").event(record())
    assert (event.type, event.source) == ("t", "/s")


@pytest.mark.parametrize("data_format", ["text", "json"])
def test_a_value_that_is_no_text_is_never_changed(data_format: str) -> None:
    """Bytes that would be lost in a string are an error with a way out, not question marks."""
    map_ = mapper(eventBridge={"dataFormat": data_format})
    with pytest.raises(ValueError, match=r"no UTF-8 text \(byte 1 of 2\).*`binary` takes any"):
        map_.event(record(b"\xff\xfe"))


def test_a_text_that_is_no_json_stands_as_a_string() -> None:
    """With `dataFormat: json` what does not parse is a string, and nothing is lost."""
    event = mapper(eventBridge={"dataFormat": "json"}).event(record(b"{broken"))
    assert event.data is not None
    assert json.loads(event.data)["value"] == "{broken"


CLOUDEVENT = tuple(
    (f"ce_{name}", value)
    for name, value in (("specversion", b"1.0"), ("id", b"7"), ("source", b"/s"), ("type", b"t"))
)


def test_a_cloudevent_stays_what_it_is() -> None:
    """A record that already is a CloudEvent is passed on, not wrapped into another event."""
    event = mapper().event(record(attributes=CLOUDEVENT))
    assert (event.id, event.type, event.data) == ("7", "t", b'{"total": 12.50}')


@pytest.mark.parametrize(
    ("servers", "found"),
    [
        (ENDPOINTS, "alikafka_post-cn-abc123"),
        (["alikafka-pre-cn-0pp0-1.alikafka.aliyuncs.com:9093"], "alikafka_pre-cn-0pp0"),
        (
            ["alikafka-serverless-cn-8ex3y7ciq02-1000-vpc.alikafka.aliyuncs.com:9092"],
            "alikafka_serverless-cn-8ex3y7ciq02",
        ),
        (["alikafka-pre-public-intl-sg-d1s-1-vpc.alikafka.aliyuncs.com:9092"], None),
        ([ENDPOINTS[0], "localhost:9092"], None),
        ([ENDPOINTS[0], ENDPOINTS[0].replace("abc", "xyz")], None),
        (["alikafka-post-cn-abc-1-vpc.alikafka.aliyuncs.com.evil:9092"], None),
    ],
)
def test_the_instance_is_found_in_the_endpoints(servers: list[str], found: str | None) -> None:
    """Endpoints of one instance name it; anything else is not guessed at."""
    assert instance(servers) == found


def test_an_unknown_instance_is_asked_for() -> None:
    """Without an instance the subject would be wrong, so the process does not start."""
    with pytest.raises(Misconfigured, match=r"^spec.event.eventBridge.instanceId: is required"):
        mapper(["localhost:9092"])
    named = mapper(["localhost:9092"], eventBridge={"instanceId": "alikafka_pre-cn-x"})
    assert named.event(record()).subject == "acs:alikafka:alikafka_pre-cn-x:topic:orders"


@pytest.mark.parametrize("headers", [(), CLOUDEVENT])
def test_a_raw_record_is_its_value_and_content_type(headers: tuple[tuple[str, bytes], ...]) -> None:
    """With `raw` a record that is a CloudEvent, in either mode, goes out as it was written."""
    body = b'{"specversion":"1.0","id":"8","source":"/s","type":"t","data":1}'
    attributes = (*headers, ("content-type", b"application/cloudevents+json"))
    event = mapper(format_="raw").event(record(body, attributes=attributes))
    assert (event.data, event.datacontenttype) == (body, "application/cloudevents+json")
    event = mapper(format_="raw").event(record(b"x", attributes=headers))
    assert (event.id, event.datacontenttype) == (
        "partition:9/offset:3",
        "text/plain; charset=utf-8",
    )
