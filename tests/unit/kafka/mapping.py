"""Records and mappers for tests of the mapping, which needs no broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.unit.kafka.driving import MemorySecrets

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import Context, EventOptions
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka.events import EventMapper
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.sources.kafka.tracks import Track


def mapper(event: EventOptions | None = None, **spec: Any) -> EventMapper:
    """A mapper of the topic `topic`, of the source `default/orders`."""
    document = {"bootstrapServers": ["broker:9092"], "topics": ["topic"], **spec}
    context = Context(
        kind="AliKafkaSource",
        namespace="default",
        name="orders",
        credentials=MemorySecrets(),
        event=event or EventOptions(),
    )
    return EventMapper(read(AliKafkaSourceSpec, document), context)


def record(
    *,
    body: bytes = b"body",
    null: bool = False,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    time: float | None = 1_700_000_000.0,
    partition: int = 0,
    offset: int = 0,
) -> Message:
    """A message as the source hands it out."""
    track = Track("topic", partition, epoch=1, start=0, metadata="")
    return Message(
        id=f"partition:{partition}/offset:{offset}",
        body=body,
        attributes=list(headers),
        origin="topic",
        time=time,
        key=key,
        track=track,
        lane=track,
        receipt=offset,
        null=null,
    )


def event_of(event: EventOptions | None = None, keyType: str = "string", **given: Any) -> Event:  # noqa: N803 - as in the manifest
    """The event of one record."""
    return mapper(event, keyType=keyType).event(record(**given))
