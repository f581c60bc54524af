"""A message in a queue, and what somebody wants to send."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple


class Property(NamedTuple):
    """A user or system property; `type` is STRING, NUMBER, BOOLEAN or BINARY (value in base64)."""

    name: str
    value: str
    type: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Draft:
    """What is to be sent.

    Attributes:
        body: text, as it stands in the XML: the service knows nothing of base64.
        delay: seconds, None = the queue's.
        priority: 1 to 16, 1 goes first.
        group: FIFO queues keep the order within it.
        tag: topics only; subscriptions filter by it.
    """

    body: str
    delay: int | None = None
    priority: int = 8
    group: str | None = None
    tag: str | None = None
    user_properties: tuple[Property, ...] = ()
    system_properties: tuple[Property, ...] = ()


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue; times are milliseconds since the epoch.

    Attributes:
        serial: its number in the queue, in the order of sending.
        visible_at: until then nobody receives it, and only until then its handle is good.
        shown: it waits to be received.
        receipt: number of the newest handle, 0 = there was none yet.
        dequeues: how often it was received.
        rendered: what never changes of its XML, once somebody has written it.
    """

    serial: int
    id: str
    draft: Draft
    enqueued: int
    visible_at: int
    shown: bool = False
    receipt: int = 0
    dequeues: int = 0
    first_dequeued: int = 0
    rendered: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @property
    def md5(self) -> str:
        """MD5 of the body as it was sent, in upper-case hex."""
        return md5_of(self.draft.body)


def md5_of(body: str) -> str:
    """Return what the service calls MessageBodyMD5."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest().upper()
