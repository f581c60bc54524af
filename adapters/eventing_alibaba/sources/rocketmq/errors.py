"""What RocketMQ or the way to it refuses becomes a reaction of the flow, and a sentence.

RocketMQ answers with a status of its own inside a successful call; its code decides. What has no
code comes from gRPC: nobody answered, or somebody who does not speak RocketMQ. Sentences name what
is wrong and the field of the manifest that cures it; RocketMQ's own words are added only where the
table knows nothing, and those hold no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

VOID: Final = frozenset({pb.INVALID_RECEIPT_HANDLE})
"""Codes of a receipt handle that is of no use any more."""

DEADLINE: Final = grpc.StatusCode.DEADLINE_EXCEEDED
"""Nobody answered in time."""

FORGETFUL: Final = frozenset(
    {pb.UNRECOGNIZED_CLIENT_TYPE, pb.INTERNAL_ERROR, pb.INTERNAL_SERVER_ERROR}
)
"""Codes of a proxy that has lost a client's settings, besides whatever else they mean."""

THROTTLE_SECONDS: Final = 1.0

KEYS: Final = frozenset({pb.UNAUTHORIZED, pb.FORBIDDEN})
"""Codes that another login may cure."""


class Refused(Exception):
    """RocketMQ answered, and it was no success.

    Attributes:
        code: of its own, such as `TOPIC_NOT_FOUND`; 0 where the refusal came from gRPC.
        text: its words.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{name_of(code)}: {text}")
        self.code = code
        self.text = text


class Unreached(Exception):
    """The call got no answer of RocketMQ.

    Attributes:
        status: of gRPC.
        endpoint: who was asked.
        text: gRPC's words, or a better sentence where the cause was looked into.
        reason: CamelCase, where the cause was looked into.
    """

    def __init__(
        self, status: grpc.StatusCode, endpoint: str, text: str, reason: str | None = None
    ) -> None:
        super().__init__(f"{status.name} from {endpoint}: {text}")
        self.status = status
        self.endpoint = endpoint
        self.text = text
        self.reason = reason


@dataclass(slots=True, frozen=True)
class Names:
    """What sentences name; `topic_field` is where the topic's name stands."""

    endpoint: str
    topic: str
    group: str
    instance: str | None = None
    filter: str = "*"
    invisible: str = "PT30S"
    topic_field: str = "spec.topic"


@dataclass(slots=True, frozen=True)
class Row:
    """How to react to a code, and what to tell."""

    signal: type[SourceError]
    reason: str
    sentence: str


_LOGIN: Final = (
    "{endpoint} refuses the login; check spec.auth.username and spec.auth.password (of the"
    " instance where it is one of Alibaba Cloud, not an account's access key)"
)
_INTERNAL: Final = Row(
    Disconnected, "InternalError", "{endpoint} has an internal error; it is asked again"
)
_BROKER: Final = Row(
    Disconnected,
    "BrokerUnavailable",
    "the brokers behind {endpoint} do not answer; they are asked again",
)

TABLE: Final[dict[int, Row]] = {
    pb.TOPIC_NOT_FOUND: Row(
        Unavailable,
        "TopicNotFound",
        "there is no topic {topic}{instance} at {endpoint}; create it, or check {field} and"
        " spec.instance",
    ),
    pb.NOT_FOUND: Row(
        Unavailable,
        "NotFound",
        "{endpoint} does not know the topic {topic} or the group {group}{instance}; create them, or"
        " check {field}, spec.consumerGroup and spec.instance",
    ),
    pb.ILLEGAL_TOPIC: Row(
        Unavailable,
        "IllegalTopic",
        "{endpoint} does not accept {topic} as the name of a topic; check {field}",
    ),
    pb.CONSUMER_GROUP_NOT_FOUND: Row(
        Unavailable,
        "ConsumerGroupNotFound",
        "there is no consumer group {group}{instance} at {endpoint}; create it, or check"
        " spec.consumerGroup",
    ),
    pb.ILLEGAL_CONSUMER_GROUP: Row(
        Unavailable,
        "IllegalConsumerGroup",
        "{endpoint} does not accept {group} as the name of a consumer group; check"
        " spec.consumerGroup",
    ),
    pb.ILLEGAL_FILTER_EXPRESSION: Row(
        Misconfigured,
        "IllegalFilter",
        "{endpoint} does not accept the filter {filter}; correct spec.filter.expression, or"
        " spec.filter.type",
    ),
    pb.ILLEGAL_INVISIBLE_TIME: Row(
        Misconfigured,
        "IllegalInvisibleDuration",
        "{endpoint} does not accept {invisible} as spec.invisibleDuration; write one from PT10S to"
        " PT12H, or as it is limited there",
    ),
    pb.ILLEGAL_ACCESS_POINT: Row(
        Unavailable,
        "IllegalAccessPoint",
        "{endpoint} does not accept that it was called by this address; check spec.endpoints",
    ),
    pb.UNAUTHORIZED: Row(Unauthorized, "Unauthorized", _LOGIN),
    pb.FORBIDDEN: Row(
        Unauthorized,
        "Forbidden",
        "{endpoint} knows the login, but it may not use the topic {topic} or the group {group};"
        " give its user the right to subscribe (SUB) to both, and to publish (PUB) where it sends",
    ),
    pb.PAYMENT_REQUIRED: Row(
        Unavailable, "PaymentRequired", "{endpoint} says that its account has not been paid for"
    ),
    pb.UNRECOGNIZED_CLIENT_TYPE: Row(
        Disconnected,
        "SettingsLost",
        "{endpoint} has forgotten this client's settings; they are sent again",
    ),
    pb.INVALID_RECEIPT_HANDLE: Row(
        Disconnected, "InvalidReceipt", "{endpoint} refuses a receipt handle"
    ),
    pb.REQUEST_TIMEOUT: _BROKER,
    pb.PROXY_TIMEOUT: _BROKER,
    pb.HA_NOT_AVAILABLE: _BROKER,
    pb.INTERNAL_ERROR: _INTERNAL,
    pb.INTERNAL_SERVER_ERROR: _INTERNAL,
    pb.NOT_IMPLEMENTED: Row(
        Unavailable,
        "NotImplemented",
        "{endpoint} does not know a request that is needed; RocketMQ 5.0 or newer is",
    ),
}
"""Codes of apache.rocketmq.v2 and what they mean here."""

_UNSUPPORTED: Final = ("not support", "unsupported", "enablepropertyfilter")
"""What brokers say of a filter by SQL92 that they are not set up for."""

_PARSE_FAILED: Final = "subscription failed"
"""What brokers say of a filter they cannot read, with the code of an internal error (5.4.0)."""

_NO_RIGHT: Final = "no permission"
"""What proxies say of a user who lacks a right, with the code of a wrong password (5.4.0)."""


def name_of(code: int) -> str:
    """Return the name of a code; a number where it is none that we know."""
    return pb.Code.Name(pb.Code.ValueType(code)) if code in pb.Code.values() else str(code)


def signal(error: Refused | Unreached, names: Names) -> SourceError:
    """Return what to raise or report for `error`; the sentence holds no secret."""
    if isinstance(error, Unreached):
        return _unreached(error, names)
    if error.code == pb.TOO_MANY_REQUESTS:
        return Throttled(
            f"{names.endpoint} says that there are too many requests; they are slowed down",
            delay=THROTTLE_SECONDS,
            reason="TooManyRequests",
        )
    said = error.text.lower()
    if "sql" in said and any(word in said for word in _UNSUPPORTED):
        return Unavailable(
            f"the brokers at {names.endpoint} are not set up for filters by SQL92; set"
            " enablePropertyFilter=true there, or use spec.filter.type: tag",
            reason="FilterNotSupported",
        )
    code = pb.ILLEGAL_FILTER_EXPRESSION if _PARSE_FAILED in said else error.code
    if code == pb.UNAUTHORIZED and _NO_RIGHT in said:
        code = pb.FORBIDDEN
    row = TABLE.get(code)
    if row is not None:
        sentence = row.sentence.format(
            endpoint=names.endpoint,
            topic=names.topic,
            group=names.group,
            instance=f" in the namespace {names.instance}" if names.instance else "",
            filter=repr(names.filter),
            invisible=names.invisible,
            field=names.topic_field,
        )
        return row.signal(sentence, reason=row.reason)
    told = f"{names.endpoint} answers with {name_of(error.code)}: {error.text[:200]}"
    if error.code >= 50_000:
        return Disconnected(f"{told}; it is asked again", reason="ServerError")
    return Unavailable(told, reason="Refused")


def _unreached(error: Unreached, names: Names) -> SourceError:
    """Say why there was no answer; `diagnosis` has looked into it where that was possible."""
    where = error.endpoint
    if error.reason is not None:
        return Disconnected(error.text, reason=error.reason)
    if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Disconnected(f"{where} does not answer in time", reason="NoAnswer")
    if error.status is grpc.StatusCode.UNAUTHENTICATED:
        sentence = _LOGIN.format(endpoint=where)
        return Unauthorized(sentence, reason="Unauthorized")
    if error.status is grpc.StatusCode.PERMISSION_DENIED:
        sentence = TABLE[pb.FORBIDDEN].sentence.format(
            endpoint=where, topic=names.topic, group=names.group
        )
        return Unauthorized(sentence, reason="Forbidden")
    if error.status is grpc.StatusCode.UNIMPLEMENTED:
        return Unavailable(
            f"{where} speaks gRPC, but is no proxy of RocketMQ 5; check spec.endpoints",
            reason="NotRocketMQ",
        )
    if error.status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Throttled(
            f"{where} limits requests: {error.text[:200]}",
            delay=THROTTLE_SECONDS,
            reason="TooManyRequests",
        )
    if error.status is grpc.StatusCode.UNAVAILABLE:
        return Disconnected(
            f"{where} cannot be reached, or has closed the connection; it is tried again",
            reason="CannotConnect",
        )
    return Disconnected(
        f"a call of {where} ended with {error.status.name}: {error.text[:200]}",
        reason="CallFailed",
    )
