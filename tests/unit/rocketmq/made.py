"""Specs, contexts and messages for the tests of this folder."""

from __future__ import annotations

from typing import Any

from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import Context, EventOptions
from eventing_alibaba.contract.validation import read
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.sources.rocketmq import messages
from eventing_alibaba.sources.rocketmq.events import EventMapper
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec


def spec_of(**fields: Any) -> RocketMQSourceSpec:
    wanted = {"endpoints": "localhost:8081", "topic": "orders", "consumerGroup": "service"}
    return read(RocketMQSourceSpec, {**wanted, **fields})


def context_of(spec: RocketMQSourceSpec, **fields: Any) -> Context:
    return Context(
        kind="RocketMQSource",
        namespace="shop",
        name="orders",
        credentials=SecretResolver(environ={}),
        event=spec.event,
        flow=spec.flow,
        **fields,
    )


def row(body: bytes = b"{}", *, properties: dict[str, str] | None = None, **system: Any) -> Any:
    """Return a message as RocketMQ gives it."""
    made = pb.Message(body=body, user_properties=properties or {})
    made.system_properties.message_id = "ID1"
    made.system_properties.receipt_handle = "handle"
    made.system_properties.delivery_attempt = 1
    made.system_properties.born_timestamp.FromMilliseconds(1_700_000_000_123)
    made.system_properties.MergeFrom(pb.SystemProperties(**system))
    return made


def message(made: Any, *, fifo: bool = False) -> Message:
    link: Any = None
    return messages.read(made, "orders", "broker-a", link, 100.0, fifo=fifo)


def mapper(event: dict[str, Any] | None = None, **fields: Any) -> EventMapper:
    spec = spec_of(**({} if event is None else {"event": event}), **fields)
    assert isinstance(spec.event, EventOptions)
    return EventMapper(spec, context_of(spec))
