"""What the operator may ask of the API server, and no more: its ClusterRole has just these rules.

Sinks of other kinds are read by Knative's aggregated ClusterRole `addressable-resolver`. Secrets
may be got and never listed, and only their metadata is asked for; ConfigMaps are ours by name.
Creating is done by server-side apply, which asks for `create` and `patch`. Discovery needs no rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from eventing_alibaba.contract.api import GROUP
from eventing_alibaba_operator import names


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a role.

    Attributes:
        group: of the API; "" is the core.
        resources, verbs: what may be done.
        names: the only objects it is about; empty = all.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def manifest(self) -> dict[str, Any]:
        """Return the rule as a role has it."""
        rule: dict[str, Any] = {"apiGroups": [self.group], "resources": list(self.resources)}
        if self.names:
            rule["resourceNames"] = list(self.names)
        return {**rule, "verbs": list(self.verbs)}


def rules(plurals: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules for the kinds with these plurals."""
    kinds = tuple(plurals)
    return (
        Rule(GROUP, kinds, ("list", "watch")),
        Rule(GROUP, tuple(f"{plural}/status" for plural in kinds), ("patch",)),
        # An owner whose deletion is blocked asks for this (OwnerReferencesPermissionEnforcement).
        Rule(GROUP, tuple(f"{plural}/finalizers" for plural in kinds), ("update",)),
        Rule("apps", ("deployments",), ("get", "list", "watch", "create", "patch")),
        Rule("", ("serviceaccounts",), ("get", "list", "watch", "create", "patch")),
        Rule("", ("pods", "services"), ("list", "watch")),
        Rule("", ("secrets",), ("get",)),
        Rule("", ("events",), ("create",)),
        Rule("", ("configmaps",), ("get", "create", "patch"), (names.TRUST_BUNDLE,)),
    )


RULES: Final = rules(("alikafkasources", "mnssources", "rocketmqsources"))
"""For the kinds that come with it."""

TRUST_RULES: Final = (Rule("", ("configmaps",), ("list", "watch")),)
"""In the namespace that trust bundles are in."""
