"""Which Secrets a spec names, and how they come into the pod: each as a whole directory.

A mount of a single key would never be updated when the Secret changes. The mounts are optional, so
that a pod whose Secret does not exist yet starts and says so, and goes on when it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from eventing_alibaba_operator import names


def secret_names(spec: Mapping[str, Any]) -> list[str]:
    """Return the names of the Secrets that a spec refers to, sorted."""
    return sorted(set(_found({k: v for k, v in spec.items() if k != "template"})))


def volumes(spec: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the volumes and the mounts for the Secrets of a spec."""
    made, mounts = [], []
    for name in secret_names(spec):
        volume = f"secret-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
        made.append({"name": volume, "secret": {"secretName": name, "optional": True}})
        mounts.append({"name": volume, "mountPath": f"{names.SECRETS}/{name}", "readOnly": True})
    return made, mounts


def _found(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "secretKeyRef" and isinstance(inner, dict) and "key" in inner:
                yield str(inner["name"])
            else:
                yield from _found(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner)
