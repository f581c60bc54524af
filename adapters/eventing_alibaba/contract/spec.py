"""What users write: the fields that all kinds share, and the base of every source's own.

These models are the one definition. The CRD schemas, the validation in operator and adapter, the
JSON in `K_SOURCE_CONFIG`, the reference pages and `explain` are made from them. So they hold only
what a structural schema can say: no unions, no floats, no `format`; a span of time is an ISO 8601
string. A default stands in the model and nowhere else, which is what merges a partial `delivery`
field by field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Annotated,
    ClassVar,
    Final,
    Literal,
    Protocol,
    Self,
    TypeAlias,
)

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.duration import Duration, seconds
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.event import REQUIRED
from eventing_alibaba.contract.eventoptions import EventOptions
from eventing_alibaba.contract.filters import Filters
from eventing_alibaba.contract.model import STANDALONE, Model, Name
from eventing_alibaba.contract.rules import (
    ADDRESSED,
    BURIED_SOMEWHERE,
    EXTENSIONS,
    ONE_KIND_OF_DEAD_LETTERS,
    lasting,
)
from eventing_alibaba.contract.secret import SecretKeyRef, SecretReference
from eventing_alibaba.contract.sinkauth import SinkAuth
from eventing_alibaba.contract.template import PodTemplate

if TYPE_CHECKING:
    from eventing_alibaba.contract.source import DeadLetterTarget, Source

__all__ = [
    "STANDALONE",
    "CloudEventOverrides",
    "CommonSpec",
    "Context",
    "Credentials",
    "DeadLetterSink",
    "Delivery",
    "Destination",
    "EventOptions",
    "FlowOptions",
    "KafkaTopic",
    "MnsQueue",
    "Model",
    "Name",
    "ObjectReference",
    "PodTemplate",
    "Resource",
    "RocketMQTopic",
    "SecretKeyRef",
    "SecretReference",
    "SinkAuth",
    "SourceSpec",
]


Native: TypeAlias = Literal["kafka", "mns", "rocketmq"]
"""A broker that has a place of its own for dead letters."""

PEM: Final = "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n"
"""An example."""


class ObjectReference(Model):
    """A Kubernetes object that is addressable."""

    api_version: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        examples=["serving.knative.dev/v1"]
    )
    """API version, such as `serving.knative.dev/v1`, or `v1` for a Service."""
    kind: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        examples=["Service"]
    )
    """Kind, such as `Service`."""
    name: Name
    """Name of the object."""
    namespace: Name | None = None
    """Its namespace; the source's own if absent."""


def _one_address(destination: Destination | DeadLetterSink) -> None:
    if destination.ref is not None and destination.uri and "://" in destination.uri:
        msg = (
            "`uri` must be a path such as /events, relative to `ref`, and not another address;"
            " leave one of the two out"
        )
        raise ValueError(msg)


class Destination(Model):
    """Where events go: an object by `ref`, a URL by `uri`, or a path in `uri` relative to `ref`."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [ADDRESSED]})

    ref: ObjectReference | None = None
    """An addressable object: a Service, a Knative Service, a Broker, a Channel. The operator turns
    it into a URL; standalone, give `uri`."""
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None, examples=["http://localhost:3000/"]
    )
    """An absolute http or https URL, or a path relative to `ref`."""
    ca_certs: Annotated[str, StringConstraints(max_length=262144)] | None = Field(
        default=None, alias="CACerts", examples=[PEM]
    )
    """PEM certificates to trust for this destination, besides the system's."""
    audience: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """OIDC audience of the destination; the token is sent as bearer authorization."""

    @model_validator(mode="after")
    def _something(self) -> Destination:
        if self.ref is None and self.uri is None:
            msg = "must have `ref` or `uri`"
            raise ValueError(msg)
        _one_address(self)
        return self


_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")


class CloudEventOverrides(Model):
    """What is set on every event, after everything else."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [{**EXTENSIONS}]})

    extensions: dict[str, Annotated[str, StringConstraints(max_length=4096)]] = Field(
        default_factory=dict, max_length=64
    )
    """Extension attributes, name to value. Names are lower-case letters and digits, at most 20;
    the attributes that CloudEvents requires cannot be overridden."""

    @model_validator(mode="after")
    def _names(self) -> CloudEventOverrides:
        for name in self.extensions:
            if name in REQUIRED:
                msg = f"`extensions.{name}` must not override an attribute CloudEvents requires"
                raise ValueError(msg)
            if not _EXTENSION.fullmatch(name):
                msg = (
                    f"`extensions.{name}` must have a name of 1 to 20 lower-case letters and digits"
                )
                raise ValueError(msg)
        return self


class KafkaTopic(Model):
    """A topic of the source's own Kafka cluster."""

    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]+$", max_length=249)] = Field(
        examples=["orders-dead"]
    )
    """Name of the topic; it must exist."""


class MnsQueue(Model):
    """A queue of the source's own MNS account and region."""

    queue: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=120)
    ] = Field(examples=["orders-dead"])
    """Name of the queue; it must exist."""


class RocketMQTopic(Model):
    """A topic of the source's own RocketMQ cluster and instance."""

    topic: Annotated[str, StringConstraints(pattern=r"^[%a-zA-Z0-9_-]+$", max_length=255)] = Field(
        examples=["orders-dead"]
    )
    """Name of the topic; it must exist."""


class DeadLetterSink(Model):
    """Where exhausted events go: a sink by `ref` or `uri`, or a place at the same broker."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [ONE_KIND_OF_DEAD_LETTERS]}
    )

    ref: ObjectReference | None = None
    """An addressable object; the operator turns it into a URL."""
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    """An absolute http or https URL, or a path relative to `ref`."""
    ca_certs: Annotated[str, StringConstraints(max_length=262144)] | None = Field(
        default=None, alias="CACerts", examples=[PEM]
    )
    """PEM certificates to trust for this destination, besides the system's."""
    audience: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """OIDC audience of the destination."""
    kafka: KafkaTopic | None = None
    """A Kafka topic; for an AliKafkaSource."""
    mns: MnsQueue | None = None
    """An MNS queue; for an MnsSource."""
    rocketmq: RocketMQTopic | None = None
    """A RocketMQ topic; for a RocketMQSource."""

    @property
    def native(self) -> Native | None:
        """Which broker's own place it is; None = a sink."""
        if self.kafka is not None:
            return "kafka"
        if self.mns is not None:
            return "mns"
        return "rocketmq" if self.rocketmq is not None else None

    @model_validator(mode="after")
    def _one_kind(self) -> DeadLetterSink:
        http = self.ref is not None or self.uri is not None
        natives = (self.kafka, self.mns, self.rocketmq)
        if http + sum(one is not None for one in natives) != 1:
            msg = "must have exactly one of `ref` or `uri`, `kafka`, `mns`, and `rocketmq`"
            raise ValueError(msg)
        _one_address(self)
        return self


class Delivery(Model):
    """What happens when the service does not answer 2xx."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                BURIED_SOMEWHERE,
                lasting("timeout"),
                lasting("backoffMax"),
            ]
        }
    )

    dead_letter_sink: DeadLetterSink | None = Field(
        default=None, examples=[{"uri": "http://localhost:3001/"}]
    )
    """Where exhausted events go, with the attributes knativeerrordest, knativeerrorcode and
    knativeerrordata."""
    on_exhausted: Literal["deadLetter", "release", "block", "drop"] | None = None
    """What becomes of an event whose retries are used up. `deadLetter`: to the dead-letter sink;
    `release`: back to the broker, which delivers it again (not Kafka); `block`: it is kept and
    tried again every `backoffMax`, and its partition or key waits; `drop`: acknowledged and
    forgotten. Default: `deadLetter` where there is a dead-letter sink, else `block` for Kafka and
    `release` for other kinds."""

    retry: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Attempts after the first one, before an event is exhausted."""
    backoff_policy: Literal["exponential", "linear"] = "exponential"
    """`exponential`: delay × 2^n; `linear`: delay × n."""
    backoff_delay: Duration = "PT0.3S"
    """The delay before the first retry."""
    backoff_max: Duration = "PT10M"
    """The longest delay between two attempts; half of every delay is random."""
    retry_after_max: Duration = "PT5M"
    """The longest `Retry-After` of a 429 or 503 that is honoured; PT0S ignores them."""
    timeout: Duration = "PT600S"
    """How long the service may take to answer one request."""

    @model_validator(mode="after")
    def _in_time(self) -> Delivery:
        if seconds(self.timeout) == 0:
            msg = "`timeout: PT0S` would let no request be answered; must be longer than PT0S"
            raise ValueError(msg)
        if seconds(self.backoff_max) == 0:
            msg = (
                "`backoffMax: PT0S` would try a blocked event again without a pause; must be longer"
                " than PT0S"
            )
            raise ValueError(msg)
        if seconds(self.backoff_max) < seconds(self.backoff_delay):
            msg = (
                f"`backoffMax` ({self.backoff_max}) is shorter than `backoffDelay`"
                f" ({self.backoff_delay}), the first wait; make it as long, or longer"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _somewhere(self) -> Delivery:
        if self.on_exhausted == "deadLetter" and self.dead_letter_sink is None:
            msg = "`onExhausted: deadLetter` needs a `deadLetterSink`"
            raise ValueError(msg)
        return self


class FlowOptions(Model):
    """Bounds on what is under way at once."""

    concurrency: Annotated[int, Field(ge=1, le=4096)] = 256
    """Requests to the service at once."""
    max_buffered: Annotated[int, Field(ge=1, le=65536)] = 512
    """Messages held at once, those on the wire included."""
    max_bytes: Annotated[int, Field(ge=65536, le=4294967296)] = 33554432
    """Bytes of message bodies held at once."""
    max_uncommitted: Annotated[int, Field(ge=1, le=1000000)] = 1000
    """Messages of one partition held past its first unfinished one; then it alone is paused."""
    rate_limit: Annotated[int, Field(ge=1, le=1000000)] | None = None
    """Events a second, at most, per consumer; absent = no limit."""
    max_hold: Duration = "PT1H"
    """How long the lease of a message is extended. After that it is let go, and its broker delivers
    it again; where there are no leases (Kafka) it means nothing."""
    grace: Duration = "PT25S"
    """How long a stop waits for requests on the wire."""


class CommonSpec(Model):
    """The fields that all kinds have."""

    sink: Destination | None = Field(default=None, examples=[{"uri": "http://localhost:3000/"}])
    """Where events go. Absent only where the environment gives it (`K_SINK`)."""
    ce_overrides: CloudEventOverrides = CloudEventOverrides()
    """Attributes set on every event."""
    sink_auth: SinkAuth | None = None
    """What requests to the sink show, so that it lets them in; not for the dead-letter sink."""
    event: EventOptions = EventOptions()
    """How a message becomes an event, and how events travel."""
    filters: Filters = Field(default_factory=list)
    """Which events are sent to the sink: those that pass all of these, in a Trigger's dialects.
    What does not pass is acknowledged and counted."""
    delivery: Delivery = Delivery()
    """Retries, back-off and timeouts."""
    flow: FlowOptions = FlowOptions()
    """Bounds on concurrency and memory."""
    consumers: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many adapters run at once, in a cluster; 0 is allowed, and messages wait in their broker.
    Autoscalers change it through the subresource `scale`. Without a cluster it means nothing."""
    paused: bool = False
    """Receive nothing and open nothing; messages wait in their broker."""
    template: PodTemplate = PodTemplate()
    """What the adapter's pods have besides, in a cluster."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.event.format == "raw" and self.ce_overrides.extensions:
            msg = (
                "`event.format: raw` sends no CloudEvents, so `ceOverrides` cannot be had with it;"
                " leave one of them out"
            )
            raise ValueError(msg)
        audience = None if self.sink is None else self.sink.audience
        if audience is not None and self.sink_auth and (by := self.sink_auth.authorizations()):
            msg = (
                f"`sink.audience` and `sinkAuth` ({by[0]}) both write the header Authorization;"
                " keep one of them"
            )
            raise ValueError(msg)
        return self


class Credentials(Protocol):
    """Resolves secret references, anew at each call."""

    def read(self, reference: SecretReference, *, field: str) -> str:
        """Return the value; raises Unauthorized naming `field` and what is missing."""


@dataclass(slots=True)
class Context:
    """What a source is built with.

    Attributes:
        kind, namespace, name: of the source object.
        credentials: resolves secret references; read them at each use, not once.
        count: raises a counter, by a name of the source's own (`retention_lost_records`).
        event: the user's wishes for events.
        flow: the user's bounds.
    """

    kind: str
    namespace: str
    name: str
    credentials: Credentials
    event: EventOptions = field(default_factory=EventOptions)
    flow: FlowOptions = field(default_factory=FlowOptions)
    count: Callable[[str, int], None] = lambda _name, _amount: None
    now: Callable[[], float] = now


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind appears in a cluster: what its CustomResourceDefinition says besides the schema.

    Attributes:
        short_names: what `kubectl get` takes instead of the plural.
        columns: what `kubectl get` shows first, by title: a path such as `.spec.queue`.
        event_types: (type, description) of the events that it makes.
        immutable: fields of the spec that cannot change, because what was consumed hangs on them.
    """

    short_names: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    event_types: tuple[tuple[str, str], ...] = ()
    immutable: tuple[str, ...] = ()


class SourceSpec(CommonSpec):
    """Base of each kind's spec; the entry point in `eventing_alibaba.sources` names a subclass.

    Attributes:
        leased: the broker gives a message for a while and delivers it again when it is released.
        buries: the native place for dead letters that this kind has.
        resource: how the kind appears in a cluster.
    """

    leased: ClassVar[bool] = True
    buries: ClassVar[Native | None] = None
    resource: ClassVar[Resource] = Resource()

    @model_validator(mode="after")
    def _dead_letters_at_home(self) -> Self:
        sink = self.delivery.dead_letter_sink
        if sink is not None and sink.native not in (None, self.buries):
            own = f"`{self.buries}`, or " if self.buries else ""
            msg = (
                f"`delivery.deadLetterSink.{sink.native}` is of another broker than this source;"
                f" write {own}`uri` or `ref`"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _release_needs_a_lease(self) -> Self:
        if self.delivery.on_exhausted == "release" and not self.leased:
            msg = (
                "`delivery.onExhausted: release` is not possible here: this broker cannot take a"
                " single message back; write `block`, `deadLetter` or `drop`"
            )
            raise ValueError(msg)
        return self

    @property
    def on_exhausted(self) -> Literal["deadLetter", "release", "block", "drop"]:
        """What becomes of exhausted events, defaults applied."""
        if self.delivery.on_exhausted is not None:
            return self.delivery.on_exhausted
        if self.delivery.dead_letter_sink is not None:
            return "deadLetter"
        return "release" if self.leased else "block"

    def dead_letters(self, context: Context) -> DeadLetterTarget:
        """Make the native target that `delivery.deadLetterSink` names; for kinds with `buries`.

        Raises Misconfigured where this kind has none.
        """
        del context
        raise Misconfigured("spec.delivery.deadLetterSink: this kind has no place of its own")

    def build(self, context: Context) -> Source:
        """Make the source. Imports its broker client only here; opens nothing."""
        raise NotImplementedError
