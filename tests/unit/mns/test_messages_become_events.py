"""What a service sees of a message."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.unit.mns.polled import ENDPOINT, context, one, spec

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.mns.events import EventMapper

_ID = "5F290C926D472878-2-14D9529A8FA-200000001"
_SOURCE = "acs:mns:cn-hangzhou:1234567890123456:queues/orders"
_OSS: dict[str, Any] = {
    "eventName": "ObjectCreated:PostObject",
    "eventSource": "acs:oss",
    "eventTime": "2019-06-18T06:44:16.000Z",
    "eventVersion": "1.0",
    "oss": {
        "bucket": {"arn": "acs:oss:cn-beijing:7:bkt", "name": "bkt", "ownerIdentity": "7"},
        "object": {"key": "a/timg.jpg", "size": 12990},
        "ossSchemaVersion": "1.0",
        "ruleId": "demo",
    },
    "region": "cn-beijing",
    "requestParameters": {"sourceIPAddress": "1.2.3.4"},
    "userIdentity": {"principalId": "7"},
}


def _property(name: str, value: str, kind: str = "STRING") -> str:
    return (
        f"<PropertyValue><Name>{name}</Name><Value>{value}</Value>"
        f"<Type>{kind}</Type></PropertyValue>"
    )


def _events(message: Message, **fields: Any) -> list[Event]:
    made = spec(**fields)
    found = EventMapper(made, context(made)).event(message)
    return [found] if isinstance(found, Event) else list(found)


def _event(message: Message, **fields: Any) -> Event:
    (event,) = _events(message, **fields)
    return event


def test_a_message_becomes_an_event() -> None:
    """The whole of it: id, source, type, time, content type, extensions and data."""
    event = _event(one('{"n": 1.50}'))
    assert {name: getattr(event, name) for name in Event.__slots__} == {
        "id": _ID,
        "source": _SOURCE,
        "type": "com.aliyun.mns.message",
        "data": b'{"n": 1.50}',
        "datacontenttype": "application/json",
        "subject": None,
        "time": "2025-06-15T15:06:40.123Z",
        "dataschema": None,
        "extensions": {"mnsqueue": "orders", "mnspriority": 8, "deliveryattempt": 2},
        "structured": False,
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("hello", "text/plain; charset=utf-8"),
        ("übel", "text/plain; charset=utf-8"),
        ("17", "application/json"),
        ("", "text/plain; charset=utf-8"),
        (base64.b64encode(b"\xff\x00").decode(), "application/octet-stream"),
        (base64.b64encode(b'{"a":1}').decode(), "application/json"),
    ],
)
def test_the_content_type_is_found_out(body: str, content_type: str) -> None:
    """JSON, text or bytes, of what the body stands for."""
    assert _event(one(body)).datacontenttype == content_type


def test_the_content_type_is_the_messages_or_the_users() -> None:
    """A property of that name wins, then the manifest, then what is found out."""
    extra = f"<UserProperties>{_property('Content-Type', 'text/csv')}</UserProperties>"
    wish = {"contentType": "application/x"}
    assert _event(one("a,b", extra=extra), event=wish).datacontenttype == "text/csv"
    assert _event(one("a,b"), event=wish).datacontenttype == "application/x"


def test_type_and_source_can_be_chosen() -> None:
    """`event.type` and `event.source` replace those of the source."""
    event = _event(one("x"), event={"type": "order", "source": "/shop"})
    assert (event.type, event.source) == ("order", "/shop")


def test_properties_become_extensions() -> None:
    """Types are kept, names are made to fit, and tracing keeps its own."""
    extra = (
        "<MessageGroupId>g-1</MessageGroupId><UserProperties>"
        + _property("Tenant-Id", "a")
        + _property("count", "7", "NUMBER")
        + _property("huge", "3000000000", "NUMBER")
        + _property("flag", "True", "BOOLEAN")
        + _property("blob", "AAE=", "BINARY")
        + _property("x.y", "1")
        + _property("xy", "2")
        + _property("名", "3")
        + "</UserProperties><SystemProperties>"
        "<SystemPropertyValue><Name>traceparent</Name><Value>00-ab-cd-01</Value>"
        "<Type>STRING</Type></SystemPropertyValue>"
        "<SystemPropertyValue><Name>DLQMessageType</Name><Value>x</Value></SystemPropertyValue>"
        "</SystemProperties>"
    )
    assert _event(one("x", extra=extra)).extensions == {
        "mnsqueue": "orders",
        "mnspriority": 8,
        "mnsgroup": "g-1",
        "deliveryattempt": 2,
        "mnsproptenantid": "a",
        "mnspropcount": 7,
        "mnsprophuge": "3000000000",
        "mnspropflag": True,
        "mnspropblob": "AAE=",
        "mnspropxy7d204e": "1",
        "mnspropxye62899": "2",
        "mnsprop20bede": "3",
        "traceparent": "00-ab-cd-01",
    }


_JSON_NOTE = json.dumps(
    {
        "TopicOwner": "7",
        "TopicName": "news",
        "Subscriber": "7",
        "SubscriptionName": "s",
        "MessageId": "m",
        "Message": "hello & <bye>",
        "MessageMD5": "x",
        "MessageTag": "red",
        "PublishTime": "1750000000000",
    }
)
_XML_NOTE = (
    '<?xml version="1.0" encoding="utf-8"?><Notification xlmns="http://mns.aliyuncs.com/doc/v1/">'
    "<TopicOwner>7</TopicOwner><TopicName>news</TopicName><Subscriber>7</Subscriber>"
    "<SubscriptionName>s</SubscriptionName><MessageId>m</MessageId>"
    "<Message>hello &amp; &lt;bye&gt;</Message><MessageMD5>x</MessageMD5>"
    "<MessageTag>red</MessageTag><PublishTime>1750000000000</PublishTime></Notification>"
)


@pytest.mark.parametrize("body", [_JSON_NOTE, _XML_NOTE])
@pytest.mark.parametrize("encoding", ["auto", "raw", "base64"])
def test_what_a_topic_wrapped_is_unwrapped(body: str, encoding: str) -> None:
    """In both formats, and whatever producers do with bodies, the published one is the data."""
    event = _event(one(body, encoding=encoding), bodyEncoding=encoding)
    assert event.data == b"hello & <bye>"
    assert event.subject == "red"
    assert event.extensions["mnstopic"] == "news"
    assert event.extensions["mnstag"] == "red"
    assert event.id == _ID


@pytest.mark.parametrize(
    "body",
    [
        _JSON_NOTE.replace('"TopicOwner": "7", ', ""),
        _JSON_NOTE.replace('"hello & <bye>"', "{}"),
        _XML_NOTE.replace("Notification", "Notifications"),
        _XML_NOTE.replace("hello &amp;", "<b>hello</b>"),
        _XML_NOTE[:-20],
        '{"SubscriptionName": 1, "TopicName": 2',
    ],
)
def test_what_only_looks_wrapped_stays(body: str) -> None:
    """A body that lacks anything of a notification is somebody's own."""
    assert _event(one(body)).data == body.encode()


def test_unwrapping_can_be_left_out() -> None:
    """With `envelope: none` a notification is the data."""
    assert _event(one(_JSON_NOTE), envelope="none").data == _JSON_NOTE.encode()


def test_a_wrapped_body_is_decoded() -> None:
    """A publisher may have written base64 into a notification."""
    body = _JSON_NOTE.replace("hello & <bye>", "aGVsbG8=")
    assert _event(one(body)).data == b"hello"
    assert _event(one(body, encoding="base64"), bodyEncoding="base64").data == b"hello"
    assert _event(one(body, encoding="raw"), bodyEncoding="raw").data == b"aGVsbG8="


def test_a_cloudevent_passes_as_it_is() -> None:
    """Its attributes are its own, its data keeps every digit, and nothing is added."""
    body = (
        '{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "x",'
        ' "tenant": "a", "flag": true, "data": {"n": 1.10000000000000000001}}'
    )
    event = _event(one(body), event={"type": "other"})
    assert (event.id, event.source, event.type, event.subject) == ("1", "/s", "t", "x")
    assert event.data == b'{"n": 1.10000000000000000001}'
    assert event.datacontenttype == "application/json"
    assert event.extensions == {"tenant": "a", "flag": True}


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": "text", "datacontenttype": "text/plain"}, b"text"),
        ({"data": "text"}, b'"text"'),
        ({"data_base64": "AAE="}, b"\x00\x01"),
        ({}, None),
    ],
)
def test_data_of_a_cloudevent_is_what_it_says(members: dict[str, str], data: bytes | None) -> None:
    """Text, JSON, bytes, or nothing."""
    whole = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **members}
    assert _event(one(json.dumps(whole))).data == data


@pytest.mark.parametrize("change", [{"id": ""}, {"specversion": "0.3"}, {"source": 1}])
def test_half_a_cloudevent_is_data(change: dict[str, Any]) -> None:
    """What says that it is one and is none whole becomes an event like any other body."""
    whole = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **change}
    body = json.dumps(whole)
    event = _event(one(body))
    assert (event.id, event.data) == (_ID, body.encode())


def test_oss_records_become_an_event_each() -> None:
    """Ids are derived, so that they are the same in every delivery."""
    body = base64.b64encode(json.dumps({"events": [_OSS, {**_OSS, "region": 7}]}).encode())
    first, second = _events(one(body.decode()), splitOssEvents=True)
    assert (first.id, second.id) == (f"{_ID}/0", f"{_ID}/1")
    assert first.type == "oss:ObjectCreated:PostObject"
    assert first.source == _SOURCE
    assert first.subject == "acs:oss:cn-beijing:7:bkt/a/timg.jpg"
    assert first.time == "2019-06-18T06:44:16.000Z"
    assert first.datacontenttype == "application/json"
    assert json.loads(first.data or b"") == _OSS
    assert second.subject is None
    assert first.extensions["mnsqueue"] == "orders"


@pytest.mark.parametrize(
    "document",
    [
        {"events": []},
        {"events": [_OSS, {"eventSource": "acs:oss"}]},
        {"events": [{**_OSS, "eventTime": "yesterday"}]},
        {"events": [{**_OSS, "eventSource": "acs:other"}]},
        {"events": {"acs:oss": "acs:oss"}},
        {"records": [_OSS]},
    ],
)
def test_what_is_not_of_oss_stays_whole(document: dict[str, Any]) -> None:
    """One strange record, and the message is a single event of all."""
    body = json.dumps(document)
    assert _event(one(body), splitOssEvents=True).data == body.encode()
    assert _event(one(json.dumps({"events": [_OSS]}))).id == _ID


def test_an_event_as_eventbridge_sends_it() -> None:
    """Type, source, subject and payload are those of Alibaba EventBridge; the id is stable."""
    wish = {"format": "eventbridge", "eventBridge": {"dataFormat": "json"}}
    event = _event(one('{"n": 1.50}'), event=wish)
    assert event.type == "mns:Queue:SendMessage"
    assert event.source == "acs:mns"
    assert event.subject == _SOURCE
    assert event.extensions == {
        "aliyunaccountid": "1234567890123456",
        "aliyunregionid": "cn-hangzhou",
    }
    assert event.data == (
        b'{"requestId":"5F290C926D472878","messageId":"%b","messageBody":{"n": 1.50}}'
        % _ID.encode()
    )
    assert event.id == _event(one("another delivery"), event=wish).id


@pytest.mark.parametrize(
    ("given", "missing"), [({}, "accountId"), ({"accountId": "7"}, "regionId")]
)
def test_eventbridge_needs_account_and_region(given: dict[str, str], missing: str) -> None:
    """Where the endpoint does not tell them, the sentence names the field that can."""
    wish = {"format": "eventbridge", "eventBridge": given}
    made = spec(endpoint="http://localhost:1", event=wish)
    with pytest.raises(Misconfigured, match=rf"spec\.event\.eventBridge\.{missing}: is required"):
        EventMapper(made, context(made))


def test_raw_is_the_body_alone() -> None:
    """A CloudEvent or a record of OSS is no more than a body then."""
    body = json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
    event = _event(one(body), event={"format": "raw"}, splitOssEvents=True)
    assert (event.data, event.datacontenttype) == (body.encode(), "application/json")


def test_an_endpoint_that_tells_nothing_makes_a_source_all_the_same() -> None:
    """Without account and region their places are empty; the queue is still named."""
    assert _event(one("x"), endpoint="http://localhost:1").source == "acs:mns:::queues/orders"
    internal = ENDPOINT.replace(".aliyuncs", "-internal-vpc.aliyuncs")
    assert _event(one("x"), endpoint=internal).source == _SOURCE
