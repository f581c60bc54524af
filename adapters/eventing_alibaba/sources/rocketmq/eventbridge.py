"""A message becomes the event that Alibaba EventBridge would send for it. Pure.

The shape is that of Alibaba Cloud's documentation: type `mq:Topic:SendMessage`, source `acs:mq`,
subject `acs:mq:<region>:<account>:<instance>%<topic>`, and a payload of topic, system properties,
user properties and body. Of the system properties there are those that this interface tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from eventing_alibaba.contract import eventbridge
from eventing_alibaba.contract.event import Event

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

TYPE: Final = "mq:Topic:SendMessage"
SOURCE: Final = "acs:mq"


class EventBridgeMapper:
    """Maps messages of one topic.

    Raises ValueError, when made, where nothing says which instance, account and region it is in.
    """

    def __init__(self, spec: RocketMQSourceSpec, context: Context) -> None:
        wishes = context.event
        own = wishes.event_bridge
        instance, region = spec.place or (None, None)
        instance = own.instance_id or spec.instance or instance
        region = own.region_id or region
        account = own.account_id
        for name, value in (
            ("accountId", account),
            ("regionId", region),
            ("instanceId", instance),
        ):
            if value is None:
                raise ValueError(
                    f"spec.event.eventBridge.{name}: is required with `format: eventbridge`, since"
                    " spec.endpoints does not tell it"
                )
        self._type = wishes.type or TYPE
        self._source = wishes.source or SOURCE
        self._instance = instance or ""
        self._subject = f"acs:mq:{region}:{account}:{instance}%{spec.topic}"
        self._extensions = {
            **eventbridge.extensions(own),
            "aliyunaccountid": account or "",
            "aliyunregionid": region or "",
        }
        self._value = eventbridge.VALUES[own.data_format]

    def event(self, message: Message, time: str | None) -> Event:
        """Return the event of a message; `time` is the message's, as RFC 3339.

        Raises ValueError with a sentence where the body cannot stand in a payload.
        """
        receipt: Any = message.receipt
        system: dict[str, object] = {"UNIQ_KEY": message.id, "INSTANCE_ID": self._instance}
        if receipt.keys:
            system["KEYS"] = " ".join(receipt.keys)
        if receipt.tag:
            system["TAGS"] = receipt.tag
        if receipt.group:
            system["__SHARDINGKEY"] = receipt.group
        if receipt.attempt > 1:
            system["RECONSUME_TIMES"] = str(receipt.attempt - 1)
        data = {
            "topic": message.origin,
            "systemProperties": system,
            "userProperties": dict(message.attributes),
            "body": self._value(message.body),
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
