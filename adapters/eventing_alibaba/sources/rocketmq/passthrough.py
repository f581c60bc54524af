"""Messages that are CloudEvents already (RocketMQ transport binding, a draft, and what is written).

Binary mode: attributes in properties with `CE_` before the name; `CE_contentType` is written beside
`CE_contenttype`, and both are read. Extensions come with the prefix, as the draft has it, or
without it, as the library for Java writes them. Structured mode: a content type that begins with
`application/cloudevents`, in JSON (read here, so that overrides apply) or in another format (passed
on as it is). Nothing is added to such an event.

A message that says it is a CloudEvent and is not a whole one is treated as any other: its body is
data, its properties are extensions. Refusing it would let one careless producer stop others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.structured import read_structured, whole

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.sources.rocketmq.properties import Plan

STRUCTURED: Final = "application/cloudevents"
NO_DATA: Final = b"\0"
"""What stands for "no data": RocketMQ takes no empty body, so a zero is written instead."""


def read(doing: Plan, message: Message, content_type: str | None) -> Event | None:
    """Return the event that a message is; None if it is no whole one.

    In another format than JSON: an event without attributes, to be passed on (`structured`).
    """
    if content_type is not None and content_type[: len(STRUCTURED)].lower() == STRUCTURED:
        form = content_type[len(STRUCTURED) :].partition(";")[0].strip().lower()
        if form.startswith("-batch"):
            return None
        if form not in ("", "+json"):
            return Event("", "", "", message.body, content_type, structured=True)
        return read_structured(message.body)
    if not doing.cloudevent:
        return None
    properties: Any = message.attributes
    attributes: dict[str, Any] = {}
    for position, name in doing.cloudevent:
        attributes.setdefault(name, properties[position][1])
    data = None if message.body in (b"", NO_DATA) else message.body
    return whole(attributes, content_type, data)
