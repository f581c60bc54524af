"""From what users wrote to a client and to the names that sentences use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventing_alibaba.sources.mns.client import MnsClient
from eventing_alibaba.sources.mns.errors import Names
from eventing_alibaba.sources.mns.exchange import Exchange
from eventing_alibaba.sources.mns.keys import keys_of
from eventing_alibaba.sources.mns.serverclock import ServerClock
from eventing_alibaba.wire.target import Target

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec


def client_of(spec: MnsSourceSpec, context: Context) -> MnsClient:
    """Make a client; opens nothing. Raises Misconfigured where a package is missing."""
    return MnsClient(
        Exchange(
            spec.endpoint,
            keys_of(spec.auth, context.credentials),
            region=spec.region_name if spec.signature_version == "v4" else None,
            polls=spec.polls,
            clock=ServerClock(now=context.now),
        )
    )


def names_of(spec: MnsSourceSpec, queue: str | None = None, *, field: str = "spec.queue") -> Names:
    """Return what sentences name; another queue than the source's comes with the field it is in."""
    region = spec.region_name if spec.signature_version == "v4" else None
    return Names(Target.parse(spec.endpoint).address, queue or spec.queue, region, field=field)
