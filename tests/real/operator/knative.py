"""As much of Knative as an operator sees: a kind with an address, and who may read such kinds."""

from __future__ import annotations

from typing import Final

from tests.real.kubelab.client import Manifest

_ANYTHING: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

BROKERS: Final[Manifest] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "brokers.eventing.knative.dev",
        "labels": {"duck.knative.dev/addressable": "true"},
    },
    "spec": {
        "group": "eventing.knative.dev",
        "names": {"kind": "Broker", "plural": "brokers", "singular": "broker"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": _ANYTHING, "status": _ANYTHING},
                    }
                },
            }
        ],
    },
}

_ROLE: Final = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
BROKER_READERS: Final[Manifest] = {
    **_ROLE,
    "metadata": {
        "name": "broker-addressable-resolver",
        "labels": {"duck.knative.dev/addressable": "true"},
    },
    "rules": [
        {
            "apiGroups": ["eventing.knative.dev"],
            "resources": ["brokers", "brokers/status"],
            "verbs": ["get", "list", "watch"],
        }
    ],
}


def addressables() -> list[Manifest]:
    """Knative's role that gathers by label, and Brokers' part of it."""
    selector = {"matchLabels": {"duck.knative.dev/addressable": "true"}}
    gathering = {
        **_ROLE,
        "metadata": {"name": "addressable-resolver"},
        "aggregationRule": {"clusterRoleSelectors": [selector]},
        "rules": [],
    }
    return [gathering, BROKER_READERS]


def broker(namespace: str, name: str) -> Manifest:
    """A Broker without an address; a patch of its status by `address` gives one."""
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
    }


def address(url: str | None, **more: str) -> Manifest:
    """A status patch that gives a Broker its address, or takes it away; `CACerts`, `audience`."""
    return {"status": {"address": None if url is None else {"url": url, **more}}}
