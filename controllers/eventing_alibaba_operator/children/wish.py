"""All that children are made of, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba_operator.kinds import Key

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Address:
    """Where events go, resolved.

    Attributes:
        uri: absolute.
        ca_certs: PEM certificates to trust for it.
        audience: it wants a token for this audience.
    """

    uri: str
    ca_certs: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a source wants.

    Attributes:
        key, uid: of the source.
        spec: validated.
        raw: the spec as the API server has it.
        sink: where events go.
        dead_letter: where exhausted ones go, if that is an HTTP sink.
        image: of the adapter.
    """

    key: Key
    uid: str
    spec: SourceSpec
    raw: Mapping[str, Any]
    sink: Address
    image: str
    dead_letter: Address | None = None

    @property
    def replicas(self) -> int:
        """How many adapters are to run."""
        return 0 if self.spec.paused else self.spec.consumers
