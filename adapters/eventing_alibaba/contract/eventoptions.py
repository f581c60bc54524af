"""What users write under `event`: how a message becomes an event, and how events travel."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from eventing_alibaba.contract.duration import Duration, seconds
from eventing_alibaba.contract.model import Model

_LONGEST_WAIT: Final = 60.0
_TOKEN: Final = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - RFC 9110's word for it
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN} *(;[\x20-\x7e]*)?")
_URI_REFERENCE: Final = re.compile(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text):
        msg = f"{text!r} is no media type; write one such as application/json"
        raise ValueError(msg)
    return text


def _uri_reference(text: str) -> str:
    if not _URI_REFERENCE.fullmatch(text):
        msg = (
            f"{text!r} is no URI reference, which CloudEvents wants; write one such as"
            " /shop/orders or urn:shop, other characters as %20 and the like"
        )
        raise ValueError(msg)
    return text


MediaType = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(_media_type)
]
"""`type/subtype`, with parameters or without."""

UriReference = Annotated[
    str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_uri_reference)
]
"""A URI, or a part of one that begins with its path (RFC 3986)."""


class EventBridge(Model):
    """What an event of Alibaba EventBridge says of its origin and a message does not."""

    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")] | None = Field(
        default=None, examples=["1234567890123456"]
    )
    """Alibaba Cloud account; the attribute `aliyunaccountid`, absent without it."""
    region_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] | None = Field(
        default=None, examples=["cn-hangzhou"]
    )
    """Region, such as `cn-hangzhou`; the attribute `aliyunregionid`, absent without it."""
    instance_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] | None = (
        Field(default=None, examples=["alikafka_post-cn-0123456789ab"])
    )
    """Instance that the messages come from, part of `subject`. For Kafka: taken from
    `bootstrapServers` where these are endpoints of ApsaraMQ for Kafka, else required."""
    data_format: Literal["text", "json", "binary"] = "text"
    """How a message's value stands in the payload, as EventBridge's own setting: `text`, a string;
    `json`, a JSON value where it is one, else a string; `binary`, base64."""


class Batch(Model):
    """How large a batch may be, and how long it is collected."""

    max_events: Annotated[int, Field(ge=1, le=1000)] = 100
    """Events of one request."""
    max_bytes: Annotated[int, Field(ge=1024, le=67108864)] = 1048576
    """Bytes of a request's body. An event that is larger goes in a batch of its own."""
    max_wait: Duration = "PT0.05S"
    """How long the first event of a batch waits for others, at most PT1M."""

    @model_validator(mode="after")
    def _short(self) -> Batch:
        if seconds(self.max_wait) > _LONGEST_WAIT:
            msg = (
                f"`maxWait: {self.max_wait}` would keep events back too long; must be at most PT1M"
            )
            raise ValueError(msg)
        return self


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
    type: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, examples=["com.example.order"]
    )
    """Type of every event, instead of the source's own."""
    source: UriReference | None = Field(default=None, examples=["/shop/orders"])
    """Source of every event, instead of the source's own."""
    content_type: MediaType | None = Field(default=None, examples=["application/json"])
    """Media type of the data where the message does not say its own."""
    batch: Batch | None = None
    """Sends several events in one request, as a JSON array of structured events; `{}` takes the
    defaults. The service's 2xx is for all of them. A batch that it refuses for good is halved until
    the event is found that it does not want. Not with `format: raw` or `mode: structured`."""
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
                (self.batch is not None, "batch"),
            ):
                if wish:
                    msg = (
                        f"`format: raw` sends no CloudEvents, so `{name}` cannot be had with it;"
                        f" leave one of them out"
                    )
                    raise ValueError(msg)
        if self.batch is not None and self.mode == "structured":
            msg = (
                "`batch` always sends structured events, as a JSON array, so `mode: structured`"
                " says nothing more; leave one of them out"
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
