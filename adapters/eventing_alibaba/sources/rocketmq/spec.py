"""What users write for a RocketMQ source.

This is the entry point that finds the source, so importing it must not import the client: the
operator validates manifests without it. `build` imports it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from eventing_alibaba.contract.duration import Duration, seconds
from eventing_alibaba.contract.rules import at_home, elsewhere, together, token_needs
from eventing_alibaba.contract.spec import (
    PEM,
    Context,
    Model,
    Resource,
    SecretReference,
    SourceSpec,
)

if TYPE_CHECKING:
    from eventing_alibaba.contract.check import Step
    from eventing_alibaba.contract.redrive import Progress, Wish
    from eventing_alibaba.contract.send import Sender
    from eventing_alibaba.contract.source import DeadLetterTarget, Source

_ADDRESS: Final = r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
_ENDPOINTS: Final = rf"^{_ADDRESS}(;{_ADDRESS})*$"
_NAME: Final = r"^[%a-zA-Z0-9_-]+$"
_SHORTEST, _LONGEST = 10, 12 * 3600
# rmq-cn-<id>.<region>.rmq.aliyuncs.com, with -vpc or -internal after the region or none.
_PUBLIC: Final = re.compile(
    r"(rmq-[a-z0-9-]+?)(?:-vpc)?\.([a-z]{2}-[a-z0-9-]+?)(?:-vpc|-internal)?\.rmq\.aliyuncs\.com:\d+"
)

# The CRD carries the patterns; here the same is checked by functions, which can say what is wrong.


def _endpoints(text: str) -> str:
    if not re.fullmatch(_ENDPOINTS, text) or not all(
        0 < int(part.rpartition(":")[2]) < 65536 for part in text.split(";")
    ):
        msg = (
            f"{text!r} must be `host:port` of RocketMQ's proxy, such as localhost:8081, or several"
            " with `;` between; without `http://`"
        )
        raise ValueError(msg)
    return text


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        msg = f"{text!r} is no name in RocketMQ: letters, digits, `%`, `_` and `-` make one"
        raise ValueError(msg)
    return text


def _invisible(text: str) -> str:
    if not _SHORTEST <= seconds(text) <= _LONGEST:
        msg = f"{text!r} must be from PT10S to PT12H: RocketMQ takes no other"
        raise ValueError(msg)
    return text


EndpointsText = Annotated[
    str,
    StringConstraints(max_length=1024),
    AfterValidator(_endpoints),
    Field(json_schema_extra={"pattern": _ENDPOINTS}),
]
"""`host:port` of a proxy; an IPv6 address in brackets; several with `;` between."""

ResourceName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(_name),
    Field(json_schema_extra={"pattern": _NAME}),
]
"""Name of a topic, group or namespace as RocketMQ allows it."""

InvisibleDuration = Annotated[Duration, AfterValidator(_invisible)]
"""A duration from PT10S to PT12H."""


class Filter(Model):
    """Which messages of the topic the group wants; the broker leaves out the others."""

    type: Literal["tag", "sql92"] = "tag"
    """`tag`: by tags; `sql92`: by an expression over properties, which a broker of one's own must
    allow (`enablePropertyFilter=true`)."""
    expression: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = Field(
        default="*", examples=["paid || refunded"]
    )
    """For tags: `*` for all, one, or several as `paid || refunded`. For SQL92: such as
    `region = 'eu' AND amount > 100`. All consumers of a group must have the same filter."""


class Auth(Model):
    """Who asks: an instance's user name and password, or an access key."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                together("username", "password"),
                token_needs("username", "password"),
            ]
        }
    )

    username: SecretReference | None = None
    """User name of the instance, or an access key's id."""
    password: SecretReference | None = None
    """Password of the user, or the access key's secret."""
    security_token: SecretReference | None = None
    """Security token (STS), where the access key is a temporary one."""

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        if (self.username is None) != (self.password is None):
            there, missing = "username", "password"
            if self.username is None:
                there, missing = missing, there
            msg = f"`{missing}` must be given because `{there}` is"
            raise ValueError(msg)
        if self.security_token is not None and self.username is None:
            msg = "`username` and `password` must be given because `securityToken` is"
            raise ValueError(msg)
        return self


class Tls(Model):
    """Encryption."""

    enable: bool = False
    """Whether to connect with TLS. The certificate must be for the host in `endpoints`."""
    ca_cert: SecretReference | None = Field(default=None, examples=[{"value": PEM}])
    """Certificates to trust, PEM; the system's if absent."""


def _secret(key: str) -> JsonDict:
    return {"secretKeyRef": {"name": "rocketmq", "key": key}}


class RocketMQSourceSpec(SourceSpec):
    """Messages of a RocketMQ 5 topic."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                at_home("rocketmq"),
                elsewhere("rocketmq", "topic", "== self.topic"),
            ]
        }
    )

    leased: ClassVar[bool] = True
    buries: ClassVar[Literal["rocketmq"]] = "rocketmq"
    resource: ClassVar[Resource] = Resource(
        short_names=("rmqs",),
        columns=(("Topic", ".spec.topic"),),
        immutable=("instance", "topic", "consumerGroup"),
        event_types=(("org.apache.rocketmq.message", "A message of a RocketMQ topic."),),
    )

    endpoints: EndpointsText = Field(examples=["localhost:8081"])
    """Where RocketMQ's proxy listens for gRPC, `host:port`: 8081 for one's own, for Alibaba Cloud
    the instance's endpoint, such as rmq-cn-abc123.cn-hangzhou.rmq.aliyuncs.com:8080."""
    instance: ResourceName | None = Field(default=None, examples=["rmq-cn-abc123"])
    """Namespace of topic and group: for serverless instances of Alibaba Cloud the instance's id,
    else absent."""
    topic: ResourceName = Field(examples=["orders"])
    """Name of the topic; it must exist."""
    consumer_group: ResourceName = Field(examples=["orders-service"])
    """Name of the consumer group, which no other service may use. Whether its messages come in
    order (FIFO), and how often one is delivered at most, are settings of the group."""
    filter: Filter = Filter()
    """Which messages of the topic the group wants."""
    invisible_duration: InvisibleDuration = "PT30S"
    """How long nobody else gets a message that was received, PT10S to PT12H. It is prolonged while
    the service works on it, so this is only how long it takes until the messages of an adapter
    that was killed are delivered again."""
    polls: Annotated[int, Field(ge=1, le=64)] = 8
    """Polls at once, while the topic is full; one for each broker while it is empty."""
    auth: Auth = Field(
        default=Auth(),
        examples=[{"username": _secret("username"), "password": _secret("password")}],
    )
    """Who asks. Absent: nobody in particular, for brokers without access control."""
    tls: Tls = Tls()
    """Encryption."""

    @model_validator(mode="after")
    def _another_topic(self) -> RocketMQSourceSpec:
        wanted = self.delivery.dead_letter_sink
        if wanted and wanted.rocketmq and wanted.rocketmq.topic == self.topic:
            msg = (
                f"`delivery.deadLetterSink.rocketmq.topic` is {self.topic}, the topic of the source"
                " itself: what is dead would be delivered again at once; name another one"
            )
            raise ValueError(msg)
        return self

    @property
    def invisible_seconds(self) -> float:
        """`invisible_duration` in seconds."""
        return seconds(self.invisible_duration)

    @property
    def place(self) -> tuple[str, str] | None:
        """Instance and region, where the endpoint is one of Alibaba Cloud that tells them."""
        found = _PUBLIC.fullmatch(self.endpoints)
        return (found[1], found[2]) if found else None

    def check(self, context: Context) -> AsyncIterator[Step]:
        """Ask whether proxy, topic and group are there and may be used; see `contract.check`."""
        from eventing_alibaba.sources.rocketmq.check import check  # noqa: PLC0415

        return check(self, context)

    def sender(self, context: Context, to: str | None) -> Sender:
        """Make what sends to the topic; see `contract.send`."""
        from eventing_alibaba.sources.rocketmq.send import RocketMQSender  # noqa: PLC0415

        return RocketMQSender(self, context, to)

    def dead_letters(self, context: Context) -> DeadLetterTarget:
        """Return the topic that `delivery.deadLetterSink.rocketmq` names."""
        from eventing_alibaba.sources.rocketmq.deadletter import (  # noqa: PLC0415
            RocketMQDeadLetters,
        )

        wanted = self.delivery.dead_letter_sink
        assert wanted is not None
        assert wanted.rocketmq is not None
        return RocketMQDeadLetters(self, context, wanted.rocketmq.topic)

    def redrive(self, context: Context, wish: Wish) -> AsyncIterator[Progress]:
        """Bring messages back from a dead-letter topic; see `contract.redrive`."""
        from eventing_alibaba.sources.rocketmq.redrive import redrive  # noqa: PLC0415

        return redrive(self, context, wish)

    def build(self, context: Context) -> Source:
        """Make the source; opens nothing."""
        from eventing_alibaba.sources.rocketmq.source import RocketMQSource  # noqa: PLC0415

        return RocketMQSource(self, context)
