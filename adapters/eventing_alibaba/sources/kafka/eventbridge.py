"""A record becomes the event that Alibaba EventBridge would send for it. Pure.

The shape is that of Alibaba Cloud's documentation (Function Compute, "ApsaraMQ for Kafka triggers",
event format) and of events that its samples have recorded: type `alikafka:Topic:Message`, source
`acs:alikafka`, subject `acs:alikafka:<instance>:topic:<topic>`, and a payload that looks like the
Java client's record. As there, a record without a key has no member `key`.

Where the documentation is silent: it shows `headers.headers` only empty. Here each header is
`{"key": name, "value": text}`, base64 where it is no text, null where it is null.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from eventing_alibaba.contract import eventbridge
from eventing_alibaba.contract.event import Event
from eventing_alibaba.sources.kafka.headers import text
from eventing_alibaba.sources.kafka.keys import READERS

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

TYPE: Final = "alikafka:Topic:Message"
SOURCE: Final = "acs:alikafka"

# alikafka-post-cn-abc-1-vpc.alikafka.aliyuncs.com is a broker of the instance alikafka_post-cn-abc.
_ENDPOINT: Final = re.compile(
    r"alikafka-((?:pre|post|serverless)-cn-[a-z0-9]+)-[0-9]+(?:-vpc)?\.alikafka\.aliyuncs\.com:\d+"
)


def instance(servers: Sequence[str]) -> str | None:
    """Return the instance of ApsaraMQ for Kafka whose endpoints these are; None where they are not.

    Only endpoints of regions in China are known to say it.
    """
    found = {match[1] if (match := _ENDPOINT.fullmatch(server)) else None for server in servers}
    name = found.pop() if len(found) == 1 else None
    return None if name is None else f"alikafka_{name}"


class EventBridgeMapper:
    """Maps records of one source.

    Raises ValueError, when made, where nothing says which instance the records come from.
    """

    def __init__(self, spec: AliKafkaSourceSpec, context: Context) -> None:
        wishes = context.event
        own = wishes.event_bridge
        name = own.instance_id or instance(spec.bootstrap_servers)
        if name is None:
            raise ValueError(
                "spec.event.eventBridge.instanceId: is required with `format: eventbridge`, since"
                " spec.bootstrapServers are no endpoints that name an instance of ApsaraMQ for"
                " Kafka; write one, such as alikafka_post-cn-abc123"
            )
        self._type = wishes.type or TYPE
        self._source = wishes.source or SOURCE
        self._subjects = {topic: f"acs:alikafka:{name}:topic:{topic}" for topic in spec.topics}
        self._extensions = eventbridge.extensions(own)
        self._value = eventbridge.VALUES[own.data_format]
        self._key = READERS[spec.key_type]

    def event(self, message: Message, time: str | None) -> Event:
        """Return the event of a record; `time` is the message's, as RFC 3339.

        Raises ValueError with a sentence where the value cannot stand in a payload.
        """
        track: Any = message.track
        subject = self._subjects[message.origin]
        data: dict[str, object] = {
            "topic": message.origin,
            "partition": track.partition,
            "offset": message.receipt,
        }
        if message.time is not None:
            data["timestamp"] = round(message.time * 1000)
        data["headers"] = {
            "headers": [
                {"key": name, "value": None if value is None else text(value)}
                for name, value in message.attributes
            ],
            "isReadOnly": False,
        }
        if message.key is not None:
            data["key"] = str(self._key(message.key))
        if not message.null:
            data["value"] = self._value(message.body)
        return Event(
            eventbridge.identifier(f"{subject}/{track.partition}/{message.receipt}"),
            self._source,
            self._type,
            orjson.dumps(data),
            eventbridge.CONTENT_TYPE,
            subject,
            time,
            None,
            self._extensions.copy(),
        )
