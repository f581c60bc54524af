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
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.duration import Duration
from eventing_alibaba.contract.event import REQUIRED

if TYPE_CHECKING:
    from eventing_alibaba.contract.source import Source

STANDALONE: Final[JsonDict] = {"x-standalone": True}
"""Marks a field that `run -f` understands and a cluster does not: the CRD leaves it out."""


class Model(BaseModel):
    """Base of all models: camelCase on the outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253),
]
"""A Kubernetes object's name."""


class SecretKeyRef(Model):
    """A key of a Secret in the source's namespace."""

    name: Name
    """Name of the Secret."""
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]
    """Key within the Secret's data."""


class SecretReference(Model):
    """Where a secret value is found: exactly one of the fields.

    A changed value is picked up without a restart.
    """

    # In a cluster there is one way, so the CRD asks for it.
    model_config = ConfigDict(json_schema_extra={"required": ["secretKeyRef"]})

    secret_key_ref: SecretKeyRef | None = None
    """A key of a Secret. Standalone: the file `<name>/<key>` in the directory given by `--secrets`
    or `EVENTING_ALIBABA_SECRETS`, or a `kind: Secret` document in the same manifest."""
    value: str | None = Field(default=None, json_schema_extra=STANDALONE, repr=False)
    """The value itself. Standalone only."""
    env: str | None = Field(default=None, json_schema_extra=STANDALONE)
    """An environment variable that holds the value. Standalone only."""
    file: str | None = Field(default=None, json_schema_extra=STANDALONE)
    """A file that holds the value. Standalone only."""

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretReference:
        forms = ("secret_key_ref", "value", "env", "file")
        given = [to_camel(f) for f in forms if getattr(self, f) is not None]
        if len(given) != 1:
            msg = "must have exactly one of `secretKeyRef`, `value`, `env`, `file`, got " + (
                " and ".join(given) or "none"
            )
            raise ValueError(msg)
        return self


class ObjectReference(Model):
    """A Kubernetes object that is addressable."""

    api_version: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """API version, such as `serving.knative.dev/v1`, or `v1` for a Service."""
    kind: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    """Kind, such as `Service`."""
    name: Name
    """Name of the object."""
    namespace: Name | None = None
    """Its namespace; the source's own if absent."""


class Destination(Model):
    """Where events go: an object by `ref`, a URL by `uri`, or a path in `uri` relative to `ref`."""

    ref: ObjectReference | None = None
    """An addressable object: a Service, a Knative Service, a Broker, a Channel. The operator turns
    it into a URL; standalone, give `uri`."""
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    """An absolute http or https URL, or a path relative to `ref`."""
    ca_certs: Annotated[str, StringConstraints(max_length=262144)] | None = Field(
        default=None, alias="CACerts"
    )
    """PEM certificates to trust for this destination, besides the system's."""
    audience: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """OIDC audience of the destination; the token is sent as bearer authorization."""

    @model_validator(mode="after")
    def _something(self) -> Destination:
        if self.ref is None and self.uri is None:
            msg = "must have `ref` or `uri`"
            raise ValueError(msg)
        return self


_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")


class CloudEventOverrides(Model):
    """What is set on every event, after everything else."""

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


class EventOptions(Model):
    """How a message becomes an event."""

    mode: Literal["binary", "structured"] = "binary"
    """HTTP content mode: `binary` has attributes as `ce-` headers, `structured` one JSON object."""
    type: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """Type of every event, instead of the source's own."""
    source: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    """Source of every event, instead of the source's own."""
    content_type: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    """Media type of the data where the message does not say its own."""


class Delivery(Model):
    """What happens when the service does not answer 2xx."""

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
    grace: Duration = "PT25S"
    """How long a stop waits for requests on the wire."""


class CommonSpec(Model):
    """The fields that all kinds have."""

    sink: Destination | None = None
    """Where events go. Absent only where the environment gives it (`K_SINK`)."""
    ce_overrides: CloudEventOverrides = CloudEventOverrides()
    """Attributes set on every event."""
    event: EventOptions = EventOptions()
    """How a message becomes an event."""
    delivery: Delivery = Delivery()
    """Retries, back-off and timeouts."""
    flow: FlowOptions = FlowOptions()
    """Bounds on concurrency and memory."""


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


class SourceSpec(CommonSpec):
    """Base of each kind's spec; the entry point in `eventing_alibaba.sources` names a subclass."""

    def build(self, context: Context) -> Source:
        """Make the source. Imports its broker client only here; opens nothing."""
        raise NotImplementedError
