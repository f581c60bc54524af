"""What users write for an MNS source.

This is the entry point that finds the source, so importing it must not import the client: the
operator validates manifests without it. `build` imports it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from eventing_alibaba.contract.rules import at_home, elsewhere, together, token_needs
from eventing_alibaba.contract.spec import (
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

_ENDPOINT: Final = r"^https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?$"
_QUEUE: Final = r"^[A-Za-z0-9][A-Za-z0-9-]{0,119}$"
_REGION: Final = r"^[a-z0-9-]{1,64}$"
# <account>.mns.<region>[-internal[-vpc]].aliyuncs.com
_PUBLIC: Final = re.compile(
    r"https?://([0-9]+)\.mns\.([a-z0-9-]+?)(?:-internal(?:-vpc)?)?\.aliyuncs\.com(?::[0-9]+)?/?"
)

# The CRD carries the patterns; here the same is checked by functions, which can say what is wrong.


def _endpoint(text: str) -> str:
    if not re.fullmatch(_ENDPOINT, text):
        msg = (
            f"{text!r} must be `https://host` or `http://host:port` without a path, such as"
            " https://123456789012.mns.cn-hangzhou.aliyuncs.com"
        )
        raise ValueError(msg)
    return text.rstrip("/")


def _queue(text: str) -> str:
    if not re.fullmatch(_QUEUE, text):
        msg = (
            f"{text!r} is no name of a queue: 1 to 120 letters, digits and `-` make one, the first"
            " no `-`"
        )
        raise ValueError(msg)
    return text


Endpoint = Annotated[
    str,
    StringConstraints(max_length=512),
    AfterValidator(_endpoint),
    Field(json_schema_extra={"pattern": _ENDPOINT}),
]
"""Address of MNS: `https://<account>.mns.<region>.aliyuncs.com`."""

QueueName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120),
    AfterValidator(_queue),
    Field(json_schema_extra={"pattern": _QUEUE}),
]
"""A queue's name as MNS allows it."""

Region = Annotated[str, StringConstraints(pattern=_REGION)]
"""A region of Alibaba Cloud."""


_ONE_WAY: Final[JsonDict] = {
    "rule": "[has(self.accessKeyId), has(self.rrsa) && self.rrsa, has(self.ecsRole)]"
    ".filter(given, given).size() <= 1",
    "message": "must have only one of `accessKeyId`, `rrsa`, `ecsRole`",
}


class Auth(Model):
    """With which access key requests are signed: one that is given, or one that is found."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                together("accessKeyId", "accessKeySecret"),
                token_needs("accessKeyId", "accessKeySecret"),
                _ONE_WAY,
            ]
        }
    )

    access_key_id: SecretReference | None = None
    """Id of the access key."""
    access_key_secret: SecretReference | None = None
    """Secret of the access key."""
    security_token: SecretReference | None = None
    """Security token (STS), where the access key is a temporary one."""
    rrsa: bool = False
    """Use the RAM role of the pod's service account (RRSA) and nothing else."""
    ecs_role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None
    """Use this RAM role of the ECS instance and nothing else."""

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        if (self.access_key_id is None) != (self.access_key_secret is None):
            there, missing = "accessKeyId", "accessKeySecret"
            if self.access_key_id is None:
                there, missing = missing, there
            msg = f"`{missing}` must be given because `{there}` is"
            raise ValueError(msg)
        if self.security_token is not None and self.access_key_id is None:
            msg = "`accessKeyId` and `accessKeySecret` must be given because `securityToken` is"
            raise ValueError(msg)
        ways = [
            name
            for name, given in (
                ("accessKeyId", self.access_key_id is not None),
                ("rrsa", self.rrsa),
                ("ecsRole", self.ecs_role is not None),
            )
            if given
        ]
        if len(ways) > 1:
            msg = (
                f"must have only one of `accessKeyId`, `rrsa`, `ecsRole`, got {' and '.join(ways)}"
            )
            raise ValueError(msg)
        return self


def _secret(key: str) -> JsonDict:
    return {"secretKeyRef": {"name": "mns", "key": key}}


class MnsSourceSpec(SourceSpec):
    """Messages of an MNS (SMQ) queue."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                at_home("mns"),
                elsewhere("mns", "queue", "== self.queue"),
            ]
        }
    )

    leased: ClassVar[bool] = True
    buries: ClassVar[Literal["mns"]] = "mns"
    resource: ClassVar[Resource] = Resource(
        short_names=("mns",),
        columns=(("Queue", ".spec.queue"),),
        event_types=(("com.aliyun.mns.message", "A message of an MNS queue."),),
        immutable=("queue",),
    )

    endpoint: Endpoint = Field(examples=["https://123456789012.mns.cn-hangzhou.aliyuncs.com"])
    """Address of MNS: `https://<account>.mns.<region>.aliyuncs.com`, or with `-internal` (classic
    network) or `-internal-vpc` (VPC) after the region."""
    queue: QueueName = Field(examples=["orders"])
    """Name of the queue; it must exist."""
    auth: Auth = Field(
        default=Auth(),
        examples=[{"accessKeyId": _secret("id"), "accessKeySecret": _secret("secret")}],
    )
    """The access key. Absent: found by Alibaba Cloud's default chain, which is environment
    variables, the pod's RAM role (RRSA), profiles, and the RAM role of the ECS instance."""
    signature_version: Literal["v1", "v4"] = "v1"
    """How requests are signed: `v1` with HMAC-SHA1, or `v4` with HMAC-SHA256 and a key for a day
    and a region."""
    region: Region | None = Field(default=None, examples=["cn-hangzhou"])
    """Region, such as `cn-hangzhou`, where the endpoint does not tell it: part of signatures of
    version 4 and of the events' source."""
    body_encoding: Literal["auto", "base64", "raw"] = "auto"
    """How producers write bodies, which no message tells: `base64`, `raw` (as text), or `auto`:
    base64 where a body is that, else raw. Text that only looks like base64, such as `order123`,
    needs `raw`."""
    envelope: Literal["auto", "none"] = "auto"
    """What a topic has wrapped into a notification: `auto` unwraps it, `none` leaves it."""
    split_oss_events: bool = False
    """Make an event of each record of a notification of OSS, instead of one event of all."""
    wait_seconds: Annotated[int, Field(ge=1, le=10)] = 10
    """How long a poll waits at the service for messages."""
    polls: Annotated[int, Field(ge=1, le=64)] = 8
    """Polls at once, while the queue is full; one while it is empty."""
    visibility_timeout: Annotated[int, Field(ge=1, le=43200)] | None = None
    """Seconds by which a message's invisibility is prolonged while the service works on it; at
    least, and by default, the queue's own VisibilityTimeout, which holds from the receipt."""

    @model_validator(mode="after")
    def _another_queue(self) -> MnsSourceSpec:
        wanted = self.delivery.dead_letter_sink
        if wanted is not None and wanted.mns is not None and wanted.mns.queue == self.queue:
            msg = (
                f"`delivery.deadLetterSink.mns.queue` is {self.queue}, the queue of the source"
                " itself: what is dead would be delivered again at once; name another one"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _region_known(self) -> MnsSourceSpec:
        if self.signature_version == "v4" and self.region_name is None:
            msg = (
                "`region` must be given because `signatureVersion` is v4 and `endpoint` does not"
                " tell it"
            )
            raise ValueError(msg)
        return self

    @property
    def region_name(self) -> str | None:
        """The region, as given or as the endpoint tells it."""
        found = _PUBLIC.fullmatch(self.endpoint)
        return self.region or (found[2] if found else None)

    @property
    def account(self) -> str | None:
        """The account, if the endpoint tells it."""
        found = _PUBLIC.fullmatch(self.endpoint)
        return found[1] if found else None

    def check(self, context: Context) -> AsyncIterator[Step]:
        """Ask whether the key is accepted and the queue may be used; see `contract.check`."""
        from eventing_alibaba.sources.mns.check import check  # noqa: PLC0415

        return check(self, context)

    def sender(self, context: Context, to: str | None) -> Sender:
        """Make what sends to the queue; see `contract.send`."""
        from eventing_alibaba.sources.mns.send import MnsSender  # noqa: PLC0415

        return MnsSender(self, context, to)

    def dead_letters(self, context: Context) -> DeadLetterTarget:
        """Return the queue that `delivery.deadLetterSink.mns` names."""
        from eventing_alibaba.sources.mns.deadletter import MnsDeadLetters  # noqa: PLC0415

        wanted = self.delivery.dead_letter_sink
        assert wanted is not None
        assert wanted.mns is not None
        return MnsDeadLetters(self, context, wanted.mns.queue)

    def redrive(self, context: Context, wish: Wish) -> AsyncIterator[Progress]:
        """Bring messages back from a dead-letter queue; see `contract.redrive`."""
        from eventing_alibaba.sources.mns.redrive import redrive  # noqa: PLC0415

        return redrive(self, context, wish)

    async def backlog(self, context: Context) -> int | None:
        """Return how many messages are not acknowledged; None where the service does not tell.

        Needs no open source and receives nothing. Raises SourceError.
        """
        from eventing_alibaba.sources.mns.backlog import backlog  # noqa: PLC0415

        return await backlog(self, context)

    def build(self, context: Context) -> Source:
        """Make the source; opens nothing."""
        from eventing_alibaba.sources.mns.source import MnsSource  # noqa: PLC0415

        return MnsSource(self, context)
