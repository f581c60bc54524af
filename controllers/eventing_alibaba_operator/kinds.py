"""The kinds of sources that are installed, as a cluster names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eventing_alibaba.contract.api import API_VERSION, GROUP, VERSION
from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.runtime import kinds


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sources.

    Attributes:
        name: such as `MnsSource`.
        spec: the model of its spec.
    """

    name: str
    spec: type[SourceSpec]

    @property
    def plural(self) -> str:
        """The lower-case kind and `s`; `kn source list` finds no others."""
        return f"{self.name.lower()}s"

    @property
    def path(self) -> str:
        """The path of the collection in all namespaces."""
        return f"/apis/{GROUP}/{VERSION}/{self.plural}"

    def of(self, namespace: str, name: str) -> str:
        """Return the path of one object."""
        return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{self.plural}/{name}"


class Key(NamedTuple):
    """Which source."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def served() -> Sequence[Kind]:
    """Return the installed kinds, by name. Raises Misconfigured for one that cannot be loaded."""
    return [Kind(name, kinds.spec_of(name)) for name in kinds.installed()]


__all__ = ["API_VERSION", "Key", "Kind", "served"]
