"""A message of RocketMQ as a CloudEvent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.rocketmq.made import mapper, message, row

from eventing_alibaba.sources.rocketmq.properties import plan

_CE = {
    "CE_specversion": "1.0",
    "CE_id": "42",
    "CE_source": "/shop",
    "CE_type": "shop.paid",
}


def test_everything_that_rocketmq_tells_has_a_place() -> None:
    """Tag, keys, message group, attempt, trace and properties."""
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    made = message(
        row(
            b'{"a":1}',
            properties={"Tenant-Id": "t1"},
            tag="paid",
            keys=["k1", "k2"],
            message_group="g",
            trace_context=trace,
        )
    )
    event = mapper().event(made)
    assert (event.id, event.type) == ("ID1", "org.apache.rocketmq.message")
    assert event.source == "rocketmq://localhost:8081/orders"
    assert (event.subject, event.time) == ("paid", "2023-11-14T22:13:20.123Z")
    assert event.datacontenttype == "application/json"
    assert event.extensions == {
        "rocketmqtopic": "orders",
        "rocketmqkeys": "k1 k2",
        "rocketmqgroup": "g",
        "deliveryattempt": 1,
        "rmqproptenantid": "t1",
        "traceparent": trace,
    }
    assert made.key == b"k1"


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63 - 1, -(2**62)])
def test_a_time_that_is_none_is_left_out(seconds: int) -> None:
    """The producer's client stamps it, and may stamp any number."""
    made = row()
    made.system_properties.born_timestamp.seconds = seconds
    assert mapper().event(message(made)).time is None


def test_the_instance_is_the_place() -> None:
    """With a namespace the source does not depend on the address."""
    assert mapper(instance="rmq-cn-a").event(message(row())).source == "rocketmq://rmq-cn-a/orders"


def test_a_trace_of_another_kind_is_left_out() -> None:
    """Only W3C's form is a traceparent."""
    assert "traceparent" not in mapper().event(message(row(trace_context="abc"))).extensions


def test_names_that_would_collide_are_told_apart_whatever_their_order() -> None:
    """Two names that become the same get a hash each."""
    one = {names[at]: name for names in [("a-b", "A_B")] for at, name in plan(names).extensions}
    other = {names[at]: name for names in [("A_B", "a-b")] for at, name in plan(names).extensions}
    assert one == other
    assert len(set(one.values())) == 2
    assert all(len(name) <= 20 for name in one.values())


@pytest.mark.parametrize("name", ["CE_contenttype", "CE_contentType", "CE_datacontenttype"])
def test_a_cloudevent_in_properties_passes_as_it_is(name: str) -> None:
    """In either spelling; an extension with or without the prefix; nothing is added."""
    properties = {**_CE, name: "text/csv", "CE_tenant": "t", "region": "eu", "X-Other": "x"}
    event = mapper().event(message(row(b"a,b", properties=properties, tag="t")))
    assert (event.id, event.source, event.type) == ("42", "/shop", "shop.paid")
    assert (event.datacontenttype, event.data) == ("text/csv", b"a,b")
    assert event.subject is None
    assert event.extensions == {"tenant": "t", "region": "eu"}


def test_a_cloudevent_without_data_comes_as_a_zero() -> None:
    """RocketMQ takes no empty body, so writers put a zero byte."""
    assert mapper().event(message(row(b"\0", properties=_CE))).data is None


def test_a_cloudevent_that_is_not_whole_is_a_message() -> None:
    """A missing attribute stops nobody."""
    properties = {name: value for name, value in _CE.items() if name != "CE_id"}
    assert mapper().event(message(row(properties=properties))).id == "ID1"


def test_a_structured_cloudevent_is_read() -> None:
    """By its content type, in properties."""
    document = {"specversion": "1.0", "id": "7", "source": "/s", "type": "t", "data": {"n": 1.10}}
    properties = {"CE_contenttype": "application/cloudevents+json"}
    event = mapper().event(message(row(json.dumps(document).encode(), properties=properties)))
    assert (event.id, event.data) == ("7", b'{"n": 1.1}')


def test_another_structured_format_is_passed_on() -> None:
    """Unread, with its content type."""
    properties = {"CE_contenttype": "application/cloudevents+avro"}
    event = mapper().event(message(row(b"avro", properties=properties)))
    assert event.structured
    assert (event.id, event.data) == ("ID1", b"avro")


def test_raw_takes_nothing_for_a_cloudevent() -> None:
    """The body goes out as it is."""
    event = mapper({"format": "raw"}).event(message(row(b"x", properties=_CE)))
    assert (event.id, event.data) == ("ID1", b"x")


def test_eventbridge_has_its_own_shape() -> None:
    """Type, subject and payload are those of Alibaba EventBridge, the id the same each time."""
    wishes: dict[str, Any] = {"format": "eventbridge", "eventBridge": {"accountId": "123"}}
    made = mapper(wishes, endpoints="rmq-cn-a.cn-hangzhou.rmq.aliyuncs.com:8080")
    source = message(row(b"text", tag="T", keys=["k"], properties={"p": "v"}))
    event = made.event(source)
    assert (event.type, event.source) == ("mq:Topic:SendMessage", "acs:mq")
    assert event.subject == "acs:mq:cn-hangzhou:123:rmq-cn-a%orders"
    assert json.loads(event.data or b"") == {
        "topic": "orders",
        "systemProperties": {
            "UNIQ_KEY": "ID1",
            "INSTANCE_ID": "rmq-cn-a",
            "KEYS": "k",
            "TAGS": "T",
        },
        "userProperties": {"p": "v"},
        "body": "text",
    }
    assert made.event(source).id == event.id


def test_ordered_messages_are_in_the_line_of_their_queue() -> None:
    """Lane and track are broker and queue, whatever the message group."""
    made = message(row(message_group="g", queue_id=3), fifo=True)
    assert made.lane == made.track == ("broker-a", 3)
    assert message(row(message_group="g", queue_id=3)).lane is None


def test_a_message_without_an_id_is_a_defect() -> None:
    """It is named by its place, and goes the dead-letter road."""
    bare = row(queue_id=1, queue_offset=9)
    bare.system_properties.message_id = ""
    made = message(bare)
    assert (made.id, made.defect) == ("broker-a/1/9", "it has no message id")
