"""A message becomes a CloudEvent, or several. Pure; runs for every message.

What a topic has wrapped is unwrapped first, so it makes no difference to a service whether a
message came through a topic, but for the attributes that name it. A body that is a CloudEvent in
JSON already passes as it is: MNS has no headers that could carry the attributes of one, so this is
the only way in which producers can send one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.contract.mediatype import guess
from eventing_alibaba.contract.moment import Rfc3339
from eventing_alibaba.contract.structured import read_structured
from eventing_alibaba.sources.mns import oss
from eventing_alibaba.sources.mns.bodies import ENCODINGS, auto
from eventing_alibaba.sources.mns.eventbridge import EventBridgeMapper
from eventing_alibaba.sources.mns.notifications import unwrap
from eventing_alibaba.sources.mns.properties import extensions

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.messages import Receipt
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

TYPE: Final = "com.aliyun.mns.message"
_SPECVERSION: Final = b'"specversion"'
_CONTENT_TYPE: Final = "content-type"


class EventMapper:
    """Maps messages of one queue; keeps nothing but what makes it fast.

    Raises Misconfigured, when made, where events of EventBridge are wanted and nothing says which
    account and region they come from.
    """

    def __init__(self, spec: MnsSourceSpec, context: Context) -> None:
        wishes = context.event
        self._raw = wishes.format == "raw"
        self._bridge: EventBridgeMapper | None = None
        if wishes.format == "eventbridge":
            try:
                self._bridge = EventBridgeMapper(spec, context)
            except ValueError as error:
                raise Misconfigured(str(error)) from None
        self._queue = spec.queue
        self._unwraps = spec.envelope == "auto"
        self._splits = spec.split_oss_events
        # A notification is text whatever the queue's bodies are, and what is in it may be base64.
        self._decode = auto if spec.body_encoding == "base64" else ENCODINGS[spec.body_encoding]
        self._own_type = wishes.type
        self._type = wishes.type or TYPE
        self._content_type = wishes.content_type
        region, account = spec.region_name or "", spec.account or ""
        self._source = wishes.source or f"acs:mns:{region}:{account}:queues/{spec.queue}"
        self._rfc3339 = Rfc3339()

    def event(self, message: Message) -> Event | Sequence[Event]:
        """Return the event of a message, the one that its body is, or one of each OSS record.

        The message is one of `MnsSource.receive`. Raises ValueError with a sentence where it cannot
        become an event of EventBridge.
        """
        receipt: Any = message.receipt
        body = message.body
        note = None
        if self._unwraps and (note := unwrap(body)) is not None:
            body = self._decode(note.message.encode())
        if not self._raw and body[:1] == b"{" and _SPECVERSION in body:
            event = read_structured(body)
            if event is not None:
                return event
        moment = None if message.time is None else self._rfc3339(message.time)
        if self._bridge is not None:
            return self._bridge.event(message, body, receipt.request, moment)
        found: dict[str, AttributeValue] = {"mnsqueue": self._queue}
        if receipt.priority is not None:
            found["mnspriority"] = receipt.priority
        if receipt.group is not None:
            found["mnsgroup"] = receipt.group
        if message.attempt is not None:
            found["deliveryattempt"] = message.attempt
        subject = None
        if note is not None:
            found["mnstopic"] = subject = note.topic
            if note.tag is not None:
                found["mnstag"] = subject = note.tag
        if receipt.user or receipt.system:
            found.update(extensions(receipt.user, receipt.system))
        if self._splits and not self._raw:
            events = oss.split(
                body,
                identity=message.id,
                source=self._source,
                kind=self._own_type,
                extensions=found,
            )
            if events is not None:
                return events
        return Event(
            message.id,
            self._source,
            self._type,
            body,
            self._media_type(receipt) or guess(body),
            subject,
            moment,
            None,
            found,
        )

    def _media_type(self, receipt: Receipt) -> str | None:
        for one in receipt.user:
            if one.name.lower() == _CONTENT_TYPE and one.value.isascii():
                written = one.value.strip()
                if written and written.isprintable():
                    return written
        return self._content_type
