"""What users write under `event`: how a message becomes an event, and how events travel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from eventing_alibaba.contract.duration import Duration, seconds
from eventing_alibaba.contract.model import Model


class EventBridge(Model):
    """What an event of Alibaba EventBridge says of its origin and a message does not."""

    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")] | None = None
    """Alibaba Cloud account; the attribute `aliyunaccountid`, absent without it."""
    region_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    """Region, such as `cn-hangzhou`; the attribute `aliyunregionid`, absent without it."""
    instance_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] | None = None
    """Instance that the messages come from, part of `subject`. For Kafka: taken from
    `bootstrapServers` where these are endpoints of ApsaraMQ for Kafka, else required."""
    data_format: Literal["text", "json", "binary"] = "text"
    """How a message's value stands in the payload, as EventBridge's own setting: `text`, a string;
    `json`, a JSON value where it is one, else a string; `binary`, base64."""


class EventOptions(Model):
    """How a message becomes an event, and how events travel."""

    format: Literal["knative", "eventbridge", "raw"] = "knative"
    """What a message becomes that is no CloudEvent already: `knative`, its body as data and the
    attributes of Knative's source; `eventbridge`, types, sources and payloads of Alibaba
    EventBridge; `raw`, a plain POST of its body without attributes."""
    event_bridge: EventBridge = EventBridge()
    """Details of `format: eventbridge`."""
    mode: Literal["binary", "structured"] = "binary"
    """HTTP content mode: `binary` has attributes as `ce-` headers, `structured` one JSON object."""
    type: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """Type of every event, instead of the source's own."""
    source: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    """Source of every event, instead of the source's own."""
    content_type: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    """Media type of the data where the message does not say its own."""
    max_age: Duration | None = None
    """Messages produced longer ago than this are acknowledged without being delivered, and counted
    as `expired`. Absent: however old, each is delivered."""

    @model_validator(mode="after")
    def _sensible(self) -> EventOptions:
        if self.format == "raw":
            for wish, name in (
                (self.mode == "structured", "mode: structured"),
                (self.type is not None, "type"),
                (self.source is not None, "source"),
            ):
                if wish:
                    msg = (
                        f"`format: raw` sends no CloudEvents, so `{name}` cannot be had with it;"
                        f" leave one of them out"
                    )
                    raise ValueError(msg)
        if self.format == "eventbridge" and self.content_type is not None:
            msg = (
                "`contentType` has no effect with `format: eventbridge`, whose data is always JSON;"
                " leave it out (`eventBridge.dataFormat` says how a value stands in it)"
            )
            raise ValueError(msg)
        if self.format != "eventbridge" and self.event_bridge != EventBridge():
            msg = "`eventBridge` has an effect only with `format: eventbridge`; write that as well"
            raise ValueError(msg)
        if self.max_age is not None and seconds(self.max_age) <= 0:
            msg = (
                f"`maxAge: {self.max_age}` would let nothing through; must be longer than PT0S, or"
                " leave it out"
            )
            raise ValueError(msg)
        return self
