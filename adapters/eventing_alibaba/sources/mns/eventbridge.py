"""A message becomes the event that Alibaba EventBridge would send for it. Pure.

The shape is that of Alibaba Cloud's documentation: type `mns:Queue:SendMessage`, source `acs:mns`,
subject `acs:mns:<region>:<account>:queues/<queue>`, and a payload of request id, message id and
body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from eventing_alibaba.contract import eventbridge
from eventing_alibaba.contract.event import Event

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

TYPE: Final = "mns:Queue:SendMessage"
SOURCE: Final = "acs:mns"


class EventBridgeMapper:
    """Maps messages of one queue.

    Raises ValueError, when made, where nothing says which account and region the queue is in.
    """

    def __init__(self, spec: MnsSourceSpec, context: Context) -> None:
        wishes = context.event
        own = wishes.event_bridge
        account = own.account_id or spec.account
        region = own.region_id or spec.region_name
        for name, value in (("accountId", account), ("regionId", region)):
            if value is None:
                raise ValueError(
                    f"spec.event.eventBridge.{name}: is required with `format: eventbridge`, since"
                    " spec.endpoint does not tell it"
                )
        self._type = wishes.type or TYPE
        self._source = wishes.source or SOURCE
        self._subject = f"acs:mns:{region}:{account}:queues/{spec.queue}"
        self._extensions = {
            **eventbridge.extensions(own),
            "aliyunaccountid": account or "",
            "aliyunregionid": region or "",
        }
        self._value = eventbridge.VALUES[own.data_format]

    def event(self, message: Message, body: bytes, request: str, time: str | None) -> Event:
        """Return the event of a message; `time` is the message's, as RFC 3339.

        Raises ValueError with a sentence where the body cannot stand in a payload.
        """
        data = {
            "requestId": request,
            "messageId": message.id,
            "messageBody": self._value(body),
        }
        return Event(
            eventbridge.identifier(f"{self._subject}/{message.id}"),
            self._source,
            self._type,
            orjson.dumps(data),
            eventbridge.CONTENT_TYPE,
            self._subject,
            time,
            None,
            self._extensions.copy(),
        )
