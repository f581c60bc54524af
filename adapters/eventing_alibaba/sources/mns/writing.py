"""Requests to MNS, written as XML by hand.

There are four small documents, always of the same shape, so text is put together and the only thing
to get right is `escape`. XML 1.0 has no way to write most control characters, not even as a
reference; a text that holds one cannot be sent, which is said here and not by a service that
answers `MalformedXML`. A carriage return is written as a reference: a parser would otherwise make a
line feed of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "http://mns.aliyuncs.com/doc/v1/"
_OPEN: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_ESCAPED: Final = re.compile("[&<>\r]")
# XML 1.0, production 2: everything but these is a character of a document.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True, frozen=True)
class Property:
    """A property of a message; `kind` is STRING, NUMBER, BOOLEAN or BINARY (a base64 `value`)."""

    name: str
    value: str
    kind: str = "STRING"


@dataclass(slots=True, frozen=True)
class Outgoing:
    """A message to be sent.

    Attributes:
        body: the text of MessageBody as it goes into the queue, base64 or not.
        priority: 1 (first) to 16; None = the service's 8.
        delay: seconds until it may be received; None = the queue's.
        group: of a FIFO queue.
        user, system: properties.
        tag: of a topic's message.
    """

    body: str
    priority: int | None = None
    delay: int | None = None
    group: str | None = None
    user: Sequence[Property] = ()
    system: Sequence[Property] = ()
    tag: str | None = None


def escape(text: str) -> str:
    """Return a text as the content of an element.

    Raises ValueError naming the character where XML cannot hold it.
    """
    if bad := _FORBIDDEN.search(text):
        raise ValueError(
            f"the text holds the character U+{ord(bad[0]):04X} at position {bad.start()}, which XML"
            " cannot hold; send it as base64"
        )
    if _ESCAPED.search(text) is None:
        return text
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], text)


def handles(receipts: Iterable[str]) -> bytes:
    """Return the body of a BatchDeleteMessage."""
    rows = "".join(f"<ReceiptHandle>{escape(one)}</ReceiptHandle>" for one in receipts)
    return f'{_OPEN}<ReceiptHandles xmlns="{NAMESPACE}">{rows}</ReceiptHandles>'.encode()


def batch(outgoing: Iterable[Outgoing]) -> bytes:
    """Return the body of a BatchSendMessage. Raises ValueError for what XML cannot hold."""
    rows = "".join(f"<Message>{_content(one)}</Message>" for one in outgoing)
    return f'{_OPEN}<Messages xmlns="{NAMESPACE}">{rows}</Messages>'.encode()


def single(outgoing: Outgoing) -> bytes:
    """Return the body of a SendMessage or PublishMessage. Raises ValueError likewise."""
    return f'{_OPEN}<Message xmlns="{NAMESPACE}">{_content(outgoing)}</Message>'.encode()


def _content(one: Outgoing) -> str:
    parts = [f"<MessageBody>{escape(one.body)}</MessageBody>"]
    if one.delay is not None:
        parts.append(f"<DelaySeconds>{one.delay:d}</DelaySeconds>")
    if one.priority is not None:
        parts.append(f"<Priority>{one.priority:d}</Priority>")
    if one.tag is not None:
        parts.append(f"<MessageTag>{escape(one.tag)}</MessageTag>")
    if one.group is not None:
        parts.append(f"<MessageGroupId>{escape(one.group)}</MessageGroupId>")
    parts.append(_properties("UserProperties", "PropertyValue", one.user))
    parts.append(_properties("SystemProperties", "SystemPropertyValue", one.system))
    return "".join(parts)


def _properties(outer: str, inner: str, properties: Sequence[Property]) -> str:
    if not properties:
        return ""
    rows = "".join(
        f"<{inner}><Name>{escape(one.name)}</Name><Value>{escape(one.value)}</Value>"
        f"<Type>{escape(one.kind)}</Type></{inner}>"
        for one in properties
    )
    return f"<{outer}>{rows}</{outer}>"
