"""Names, labels and owners of children. A child's name follows from its source's for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba_operator import names
from eventing_alibaba_operator.children.wish import Manifest, Wish
from eventing_alibaba_operator.kinds import Key

_LONGEST: Final = 52
"""What a ReplicaSet and a pod add to a name still fits a label's 63 characters."""
_HASH: Final = 10
_ACCOUNT: Final = "-oidc"


def child_name(key: Key) -> str:
    """Return the name of a source's Deployment, a DNS label of at most 52 characters.

    Names that would be too long, or that have dots, end with a hash, so that no two are the same.
    """
    plain = f"{key.kind.lower()}-{key.name}"
    if len(plain) <= _LONGEST and "." not in plain:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:_HASH]
    return f"{plain.replace('.', '-')[: _LONGEST - _HASH - 1].rstrip('-')}-{digest}"


def account_name(key: Key) -> str:
    """Return the name of the service account that is made where a sink wants a token."""
    return f"{child_name(key)}{_ACCOUNT}"


def beside_account(name: str) -> str:
    """Return the name of the Deployment that belongs to a service account of ours."""
    return name.removesuffix(_ACCOUNT)


def selector(key: Key) -> dict[str, str]:
    """Return the labels that select a source's pods; they never change."""
    return {names.LABEL_NAME: names.ADAPTER, names.LABEL_INSTANCE: child_name(key)}


def labels(key: Key) -> dict[str, str]:
    """Return the labels of all children of a source."""
    return {
        **selector(key),
        names.LABEL_COMPONENT: "adapter",
        names.LABEL_PART_OF: names.PART_OF,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
    }


def metadata(wish: Wish, name: str) -> dict[str, Any]:
    """Return the metadata of a child: owned by its source, so it goes with it."""
    return {
        "name": name,
        "namespace": wish.key.namespace,
        "labels": labels(wish.key),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": wish.key.kind,
                "name": wish.key.name,
                "uid": wish.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def sealed(manifest: Manifest) -> Manifest:
    """Return the manifest with the hash of itself as an annotation."""
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    about = manifest["metadata"]
    annotations = {**about.get("annotations", {}), names.WANTED: digest}
    return {**manifest, "metadata": {**about, "annotations": annotations}}


def owner(found: Mapping[str, Any]) -> str | None:
    """Return the uid of an object's controller."""
    for reference in found["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return str(reference["uid"])
    return None
