"""What a subscribed queue receives: the envelope around a published message.

XML and JSON carry the same names; the time is a number of milliseconds in the one and a string of
it in the other, and without a tag the JSON has no MessageTag. SIMPLIFIED is the body alone, and
nothing in the queue tells then which topic it came through. No format encodes the body further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from xml.sax.saxutils import escape

import orjson

from eventing_alibaba.testing.emulators.mns.core.message import md5_of

Format = Literal["XML", "JSON", "SIMPLIFIED"]

_XML: Final = (
    '<?xml version="1.0" encoding="utf-8"?><Notification xmlns="http://mns.aliyuncs.com/doc/v1/">'
    "{}</Notification>"
)


@dataclass(slots=True, frozen=True, kw_only=True)
class Notification:
    """One published message on its way to one subscriber; `published` in ms since the epoch."""

    topic_owner: str
    topic: str
    subscriber: str
    subscription: str
    message_id: str
    body: str
    tag: str | None
    published: int

    def text(self, form: Format) -> str:
        """Return the body of the message that the subscriber's queue gets."""
        if form == "SIMPLIFIED":
            return self.body
        fields = {
            "TopicOwner": self.topic_owner,
            "TopicName": self.topic,
            "Subscriber": self.subscriber,
            "SubscriptionName": self.subscription,
            "MessageId": self.message_id,
            "Message": self.body,
            "MessageMD5": md5_of(self.body),
            "MessageTag": self.tag,
            "PublishTime": str(self.published),
        }
        if form == "JSON":
            return orjson.dumps({k: v for k, v in fields.items() if v is not None}).decode()
        return _XML.format(
            "".join(f"<{name}>{escape(value or '')}</{name}>" for name, value in fields.items())
        )
