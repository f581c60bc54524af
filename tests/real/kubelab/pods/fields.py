"""What a pod may say of itself to its containers: the downward API, and `$(NAME)` in texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tests.real.kubelab.client import Manifest

_KEYED: Final = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_REFERENCE: Final = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


def field(pod: Manifest, path: str, *, address: str) -> str:
    """The value of a `fieldRef`. Raises LookupError for a path that pods do not offer."""
    metadata, spec = pod["metadata"], pod["spec"]
    if keyed := _KEYED.fullmatch(path):
        return str(metadata.get(keyed[1], {}).get(keyed[2], ""))
    offered = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "metadata.labels": _lines(metadata.get("labels", {})),
        "metadata.annotations": _lines(metadata.get("annotations", {})),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": "127.0.0.1",
    }
    if path not in offered:
        msg = f"a pod offers no field {path!r}"
        raise LookupError(msg)
    return str(offered[path])


def expanded(text: str, known: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by what is known; `$$` is one dollar, an unknown name stays as it is."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return known.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def _lines(values: Mapping[str, str]) -> str:
    return "\n".join(f'{name}="{value}"' for name, value in sorted(values.items()))
