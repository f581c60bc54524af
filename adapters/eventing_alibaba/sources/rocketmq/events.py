"""A message becomes a CloudEvent. Pure; runs for every message.

A message that is a CloudEvent already passes as it is (see `passthrough`). With `event.format:
eventbridge` it becomes what Alibaba EventBridge would make of it; with `raw` it is never taken for
a CloudEvent: its body goes out as it is, with its own content type.

What stays the same from message to message is made once: the plan for a set of property names, the
seconds of the time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.contract.mediatype import guess
from eventing_alibaba.contract.moment import Rfc3339
from eventing_alibaba.sources.rocketmq import passthrough
from eventing_alibaba.sources.rocketmq.eventbridge import EventBridgeMapper
from eventing_alibaba.sources.rocketmq.properties import Plan, plan, text

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

TYPE: Final = "org.apache.rocketmq.message"
_PLANS_KEPT: Final = 1_024
_NO_PROPERTIES: Final = plan(())
# W3C Trace Context, 3.2: RocketMQ's field for a trace may hold anything.
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class EventMapper:
    """Maps messages of one topic; keeps nothing but what makes it fast.

    Raises Misconfigured, when made, where events of EventBridge are wanted and nothing says which
    instance, account and region they come from.
    """

    def __init__(self, spec: RocketMQSourceSpec, context: Context) -> None:
        wishes = context.event
        self._raw = wishes.format == "raw"
        self._bridge: EventBridgeMapper | None = None
        if wishes.format == "eventbridge":
            try:
                self._bridge = EventBridgeMapper(spec, context)
            except ValueError as error:
                raise Misconfigured(str(error)) from None
        self._topic = spec.topic
        self._type = wishes.type or TYPE
        self._content_type = wishes.content_type
        place = spec.instance or spec.endpoints.partition(";")[0]
        self._source = wishes.source or f"rocketmq://{place}/{spec.topic.replace('%', '%25')}"
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._rfc3339 = Rfc3339()

    def event(self, message: Message) -> Event:
        """Return the event of a message, or the one that it already is.

        The message is one of `RocketMQSource.receive`. Raises ValueError with a sentence where it
        cannot become an event of EventBridge.
        """
        receipt: Any = message.receipt
        properties: Any = message.attributes
        doing = _NO_PROPERTIES
        content_type: str | None = None
        if properties:
            names = tuple([name for name, _ in properties])
            doing = self._plans.get(names) or self._plan(names)
            if doing.content_type >= 0:
                content_type = _media_type(properties[doing.content_type][1])
            if not self._raw and (doing.cloudevent or content_type is not None):
                event = passthrough.read(doing, message, content_type)
                if event is not None:
                    if event.structured:
                        # Passed on unread; these only serve whoever has to name it here.
                        event.id = message.id
                        event.source, event.type = self._source, self._type
                    return event
        moment = None if message.time is None else self._rfc3339(message.time)
        if self._bridge is not None:
            return self._bridge.event(message, moment)
        found: dict[str, AttributeValue] = {"rocketmqtopic": self._topic}
        if receipt.keys:
            found["rocketmqkeys"] = text(" ".join(receipt.keys))
        if receipt.group:
            found["rocketmqgroup"] = text(receipt.group)
        if receipt.attempt:
            found["deliveryattempt"] = receipt.attempt
        for position, name in doing.extensions:
            found[name] = text(properties[position][1])
        if receipt.trace and "traceparent" not in found and _TRACEPARENT.fullmatch(receipt.trace):
            found["traceparent"] = receipt.trace
        body = message.body
        return Event(
            message.id,
            self._source,
            self._type,
            body,
            content_type or self._content_type or guess(body),
            text(receipt.tag) if receipt.tag else None,
            moment,
            None,
            found,
        )

    def _plan(self, names: tuple[str, ...]) -> Plan:
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        self._plans[names] = made = plan(names)
        return made


def _media_type(written: str) -> str | None:
    """Return a content type as the producer wrote it; None if it cannot be one."""
    written = written.strip()
    return written if written and written.isascii() and written.isprintable() else None
