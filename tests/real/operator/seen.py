"""What tests look for in the cluster."""

from __future__ import annotations

from typing import Any

from tests.real.kubelab.client import Kubernetes, Manifest, conditions, eventually


def deployments(cluster: Kubernetes, namespace: str) -> list[Manifest]:
    """The Deployments of a namespace."""
    return cluster.list("apps/v1", "Deployment", namespace)


def the_deployment(cluster: Kubernetes, source: Manifest, *, seconds: float = 20.0) -> Manifest:
    """The Deployment that a source controls, once it is there."""

    def look() -> Manifest | None:
        uid = cluster.get(source)["metadata"]["uid"]
        for found in deployments(cluster, source["metadata"]["namespace"]):
            if controller(found) == uid:
                return found
        return None

    found: Manifest = eventually(look, seconds=seconds, what="a Deployment of the source")
    return found


def controller(manifest: Manifest) -> str | None:
    """The uid of the object that controls this one."""
    for owner in manifest["metadata"].get("ownerReferences", []):
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def condition(cluster: Kubernetes, source: Manifest, kind: str = "Ready") -> Manifest:
    """A condition of a source now; empty where it has none."""
    return conditions(cluster.get(source)).get(kind, {})


def wait_condition(
    cluster: Kubernetes,
    source: Manifest,
    kind: str = "Ready",
    *,
    status: str = "True",
    reason: str | None = None,
    seconds: float = 20.0,
) -> Manifest:
    """Wait until a condition is so, and about the newest generation; return it."""

    def look() -> Any:
        now = cluster.get(source)
        found = conditions(now).get(kind, {})
        current = (now.get("status") or {}).get("observedGeneration")
        if current != now["metadata"]["generation"] or found.get("status") != status:
            return None
        return found if reason in (None, found.get("reason")) else None

    try:
        found: Manifest = eventually(look, seconds=seconds, what=f"{kind}={status} {reason or ''}")
    except TimeoutError as error:
        error.add_note(f"the status is {cluster.get(source).get('status')}")
        raise
    return found
