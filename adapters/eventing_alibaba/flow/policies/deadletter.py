"""The event that a dead-letter sink gets: the same event, and why it is there.

The attributes are Knative's: `knativeerrordest` the sink that did not take it, `knativeerrorcode`
its HTTP status, `knativeerrordata` the first 1024 bytes of its answer in base64 (raw bytes would
not survive a header). Without an answer there is no code, and the data is our sentence.

A message that could not become an event goes there as well, with its bytes as they were received.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Final

from eventing_alibaba.contract.deadletter import CODE, DATA, DESTINATION, UNDECODABLE
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message

MOST_DATA: Final = 1024


def with_reason(
    event: Event, *, destination: str, reason: str, status: int | None, body: bytes
) -> Event:
    """Return the event with the attributes that say why it is dead."""
    extensions = dict(event.extensions)
    extensions[DESTINATION] = destination
    if status is not None:
        extensions[CODE] = status
    data = (body or reason.encode())[:MOST_DATA]
    extensions[DATA] = base64.b64encode(data).decode("ascii")
    return replace(event, extensions=extensions)


def undecodable(message: Message) -> Event:
    """Return an event that carries the bytes of a message which could not become one."""
    return Event(
        id=message.id,
        source=f"urn:eventing-alibaba:{message.origin}",
        type=UNDECODABLE,
        data=message.body,
        datacontenttype="application/octet-stream",
        subject=message.origin,
    )
