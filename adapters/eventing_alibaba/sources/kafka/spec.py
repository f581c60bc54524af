"""What users write for a Kafka source; the names are those of Knative's KafkaSource.

This is the entry point that finds the source, so importing it must not import the Kafka client: the
operator validates manifests without one. `build` imports it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from eventing_alibaba.contract.rules import NOTHING_TO_RELEASE, at_home, elsewhere, together
from eventing_alibaba.contract.spec import (
    Context,
    Model,
    Resource,
    SecretReference,
    SourceSpec,
)

if TYPE_CHECKING:
    from eventing_alibaba.contract.check import Step
    from eventing_alibaba.contract.seek import Move, Wish
    from eventing_alibaba.contract.send import Sender
    from eventing_alibaba.contract.source import DeadLetterTarget, Source

_SERVER: Final = r"^([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"
_TOPIC: Final = r"^[A-Za-z0-9._-]+$"
_OFFSET: Final = (
    r"^(earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2}))$"
)
_FRACTION: Final = re.compile(r"\.(\d+)")


def milliseconds(text: str) -> int:
    """Return an RFC 3339 time in milliseconds since the epoch, as Kafka stamps records.

    Raises ValueError naming the text when it is no time on the calendar.
    """
    # Python before 3.12 wants 3 or 6 digits of a second's fraction; RFC 3339 takes any number.
    plain = _FRACTION.sub(lambda match: f".{match[1]:0<6.6}", text.upper())
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        msg = f"{text!r} is no date and time; write it as 2026-01-31T08:00:00Z"
        raise ValueError(msg) from None
    return int(moment.timestamp() * 1000)


# The CRD carries the patterns; here the same is checked by functions, which can say what is wrong.


def _server(text: str) -> str:
    port = text.rpartition(":")[2]
    if not re.fullmatch(_SERVER, text) or not 0 < int(port) <= 65535:
        msg = f"{text!r} must be `host:port`, such as broker-1.example.com:9092"
        raise ValueError(msg)
    return text


def _topic(text: str) -> str:
    if not re.fullmatch(_TOPIC, text) or text in (".", ".."):
        msg = f"{text!r} is no name of a topic: letters, digits, `.`, `_` and `-` make one"
        raise ValueError(msg)
    return text


def _offset(text: str) -> str:
    if not re.fullmatch(_OFFSET, text):
        msg = f"{text!r} must be `earliest`, `latest` or a time such as 2026-01-31T08:00:00Z"
        raise ValueError(msg)
    if text not in ("earliest", "latest"):
        milliseconds(text)
    return text


BootstrapServer = Annotated[
    str,
    StringConstraints(max_length=261),
    AfterValidator(_server),
    Field(json_schema_extra={"pattern": _SERVER}),
]
"""`host:port` of a broker; an IPv6 address in brackets."""

Topic = Annotated[
    str,
    StringConstraints(min_length=1, max_length=249),
    AfterValidator(_topic),
    Field(json_schema_extra={"pattern": _TOPIC}),
]
"""A topic's name as Kafka allows it."""

InitialOffset = Annotated[
    str,
    StringConstraints(max_length=35),
    AfterValidator(_offset),
    Field(json_schema_extra={"pattern": _OFFSET}),
]
"""`earliest`, `latest`, or an RFC 3339 time."""

Ordering = Literal["ordered", "keyed", "unordered"]
KeyType = Literal["string", "int", "float", "byte-array"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


_COMPLETE: Final[JsonDict] = {
    "rule": "!has(self.enable) || !self.enable || (has(self.user) && has(self.password))",
    "message": "`user` and `password` must be given because `enable` is true",
}


class Sasl(Model):
    """How to log in."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_COMPLETE]})

    enable: bool = False
    """Whether to log in with user and password."""
    type: Mechanism = "PLAIN"
    """The mechanism. PLAIN sends the password as it is, so use it with `tls`."""
    user: SecretReference | None = None
    """Name of the user."""
    password: SecretReference | None = None
    """Password of the user."""

    @model_validator(mode="after")
    def _complete(self) -> Sasl:
        for name in ("user", "password"):
            if self.enable and getattr(self, name) is None:
                msg = f"`{name}` must be given because `enable` is true"
                raise ValueError(msg)
        return self


class Tls(Model):
    """Encryption, and a client certificate if the broker asks for one."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [together("cert", "key")]}
    )

    enable: bool = False
    """Whether to connect with TLS. The broker's certificate must be for the host name in
    `bootstrapServers` (and those the brokers advertise)."""
    cert: SecretReference | None = None
    """The client's certificate with its chain, PEM."""
    key: SecretReference | None = None
    """Private key of the client's certificate, PEM, not encrypted."""
    ca_cert: SecretReference | None = None
    """Certificates to trust, PEM; the system's if absent."""

    @model_validator(mode="after")
    def _complete(self) -> Tls:
        for name, other in (("cert", "key"), ("key", "cert")):
            if getattr(self, name) is not None and getattr(self, other) is None:
                msg = f"`{other}` must be given because `{name}` is: a certificate needs its key"
                raise ValueError(msg)
        return self


def _secret(key: str) -> JsonDict:
    return {"secretKeyRef": {"name": "kafka", "key": key}}


class Net(Model):
    """How to reach the brokers."""

    sasl: Sasl = Field(
        default=Sasl(),
        examples=[{"enable": True, "user": _secret("user"), "password": _secret("password")}],
    )
    """Login with user and password."""
    tls: Tls = Field(default=Tls(), examples=[{"enable": True, "caCert": _secret("ca.crt")}])
    """Encryption and client certificate."""


class AliKafkaSourceSpec(SourceSpec):
    """Records of Kafka topics, delivered as CloudEvents."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                NOTHING_TO_RELEASE,
                at_home("kafka"),
                elsewhere("kafka", "topic", "in self.topics"),
            ]
        }
    )

    leased: ClassVar[bool] = False
    buries: ClassVar[Literal["kafka"]] = "kafka"
    resource: ClassVar[Resource] = Resource(
        short_names=("alks",),
        columns=(("Topics", ".spec.topics"),),
        event_types=(("dev.knative.kafka.event", "A record of a Kafka topic."),),
        immutable=("consumerGroup",),
    )

    bootstrap_servers: Annotated[list[BootstrapServer], Field(min_length=1, max_length=64)] = Field(
        examples=[["localhost:9092"]]
    )
    """Brokers to ask for the others, each `host:port`."""
    topics: Annotated[list[Topic], Field(min_length=1, max_length=256)] = Field(
        examples=[["orders"]]
    )
    """Names of the topics to consume."""
    consumer_group: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, examples=["orders"]
    )
    """Group whose committed offsets say what was delivered; `eventing-alibaba.<namespace>.<name>`
    if absent. Immutable: another group would start anew."""
    initial_offset: InitialOffset = "latest"
    """Where a group starts that has committed nothing yet: `earliest`, `latest`, or at the first
    record of an RFC 3339 time such as 2026-01-31T08:00:00Z."""
    ordering: Ordering = "ordered"
    """`ordered`: one event of a partition at a time; `keyed`: one of a record key at a time, and
    records without a key as in `ordered`; `unordered`: as many at once as `flow` allows."""
    key_type: KeyType = "string"
    """What record keys are, for the extensions `key` and `partitionkey`. A key of another length
    than its type has is taken as `string`."""
    net: Net = Net()
    """Login and encryption."""

    @field_validator("topics")
    @classmethod
    def _once(cls, topics: list[str]) -> list[str]:
        for topic in topics:
            if topics.count(topic) > 1:
                msg = f"`{topic}` stands here {topics.count(topic)} times; name each topic once"
                raise ValueError(msg)
        return topics

    @model_validator(mode="after")
    def _another_topic(self) -> AliKafkaSourceSpec:
        wanted = self.delivery.dead_letter_sink
        if wanted and wanted.kafka and wanted.kafka.topic in self.topics:
            msg = (
                f"`delivery.deadLetterSink.kafka.topic` is {wanted.kafka.topic}, one of the"
                " source's own topics: what is dead would be delivered again at once; name another"
                " one"
            )
            raise ValueError(msg)
        return self

    def group(self, context: Context) -> str:
        """Return the name of the consumer group."""
        return self.consumer_group or f"eventing-alibaba.{context.namespace}.{context.name}"

    def dead_letters(self, context: Context) -> DeadLetterTarget:
        """Return the topic that `delivery.deadLetterSink.kafka` names."""
        from eventing_alibaba.sources.kafka.deadletter import KafkaDeadLetters  # noqa: PLC0415

        wanted = self.delivery.dead_letter_sink
        assert wanted is not None
        assert wanted.kafka is not None
        return KafkaDeadLetters(self, context, wanted.kafka.topic)

    def seek(self, context: Context, wish: Wish) -> Sequence[Move]:
        """Move the group's committed offsets; see `contract.seek`."""
        from eventing_alibaba.sources.kafka.seek import seek  # noqa: PLC0415

        return seek(self, context, wish)

    def check(self, context: Context) -> AsyncGenerator[Step, None]:
        """Ask whether brokers, topics and group are there and may be used; see `contract.check`."""
        from eventing_alibaba.sources.kafka.check import check  # noqa: PLC0415

        return check(self, context)

    def sender(self, context: Context, to: str | None) -> Sender:
        """Make what sends to one of the topics; see `contract.send`."""
        from eventing_alibaba.sources.kafka.send import KafkaSender  # noqa: PLC0415

        return KafkaSender(self, context, to)

    def build(self, context: Context) -> Source:
        """Make the source; opens nothing."""
        from eventing_alibaba.sources.kafka.source import KafkaSource  # noqa: PLC0415

        return KafkaSource(self, context)
