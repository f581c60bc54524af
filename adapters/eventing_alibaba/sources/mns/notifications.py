"""What a topic puts around a message when it hands it to a queue, taken off.

A subscription says in which of three formats: XML and JSON name the topic and have the message as
text; SIMPLIFIED is the message alone, so there is nothing to take off and nothing that tells the
topic. Whatever lacks one of the names that both formats always have is no notification and stays as
it is: a body of somebody's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from eventing_alibaba.sources.mns import reading

_NEEDED: Final = ("TopicOwner", "TopicName", "SubscriptionName", "MessageId", "Message")
_LEAD: Final = 512


@dataclass(slots=True, frozen=True)
class Notification:
    """A message that came through a topic.

    Attributes:
        topic: its name.
        tag: of the message; None if it has none.
        message: its body as it was published, base64 or not.
    """

    topic: str
    tag: str | None
    message: str


def unwrap(body: bytes) -> Notification | None:
    """Return what a body wraps; None if it is no notification."""
    first = body[:1]
    if first == b"<":
        return _xml(body) if b"<Notification" in body[:_LEAD] else None
    if first == b"{" and b'"SubscriptionName"' in body and b'"TopicName"' in body:
        return _json(body)
    return None


def _xml(body: bytes) -> Notification | None:
    try:
        top = reading.root(body)
    except reading.NotXml:
        return None
    found = reading.fields(top)
    if reading.local(top.tag) != "Notification" or any(len(child) for child in top):
        return None
    return _made({name: element.text or "" for name, element in found.items()})


def _json(body: bytes) -> Notification | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return _made(found) if isinstance(found, dict) else None


def _made(found: dict[str, object]) -> Notification | None:
    if not all(isinstance(found.get(name), str) for name in _NEEDED):
        return None
    tag = found.get("MessageTag")
    return Notification(
        str(found["TopicName"]),
        tag if isinstance(tag, str) and tag else None,
        str(found["Message"]),
    )
