"""Certificates to trust, copied to where the adapters are.

Knative keeps them in ConfigMaps with a label, in one namespace; a pod can mount those of its own
namespace only. So each namespace with sources gets one ConfigMap of ours with all of them. A
namespace is looked at once and after each change, and nothing is made where there is nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import Final

from eventing_alibaba_operator import names
from eventing_alibaba_operator.kube import ConflictError, Kube, KubeError, NotFoundError, Object
from eventing_alibaba_operator.watch import Ref, Watch

log = logging.getLogger(__name__)

_LONGEST: Final = 240
_HASH: Final = 10


class TrustBundles:
    """Keeps the copies; `namespace` None: there are no bundles, and nothing is ever asked."""

    def __init__(self, kube: Kube, namespace: str | None) -> None:
        self._kube = kube
        self._done: dict[str, str] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.changed = asyncio.Event()
        self.watch: Watch[dict[str, str]] | None = None
        if namespace is not None:
            self.watch = Watch(
                kube,
                f"/api/v1/namespaces/{namespace}/configmaps",
                project=lambda found: dict(found.get("data") or {}),
                changed=self._changed,
                labels=names.TRUST_LABEL,
            )

    def bundle(self) -> dict[str, str]:
        """Return all certificates, by keys of a ConfigMap."""
        if self.watch is None:
            return {}
        return {
            _key(name, key): text
            for (_, name), data in sorted(self.watch.items.items())
            for key, text in sorted(data.items())
        }

    async def ensure(self, namespace: str) -> None:
        """See to the copy in a namespace. Raises KubeError."""
        if self.watch is None or self.watch.problem is not None:
            return
        wanted = self.bundle()
        digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            if self._done.get(namespace) == digest:
                return
            await self._copy(namespace, wanted)
            self._done[namespace] = digest

    def look_again(self) -> None:
        """Compare all copies anew when they are next needed."""
        self._done.clear()

    async def _copy(self, namespace: str, wanted: dict[str, str]) -> None:
        path = f"/api/v1/namespaces/{namespace}/configmaps/{names.TRUST_BUNDLE}"
        try:
            live: Object | None = await self._kube.get(path)
        except NotFoundError:
            live = None
        if live is None and not wanted:
            return
        if live is not None:
            labels = live["metadata"].get("labels") or {}
            if labels.get(names.LABEL_MANAGED_BY) != names.MANAGED_BY:
                log.warning(
                    "the ConfigMap %s/%s is not ours and is left untouched: adapters there trust"
                    " what it holds",
                    namespace,
                    names.TRUST_BUNDLE,
                )
                return
            if (live.get("data") or {}) == wanted:
                return
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.TRUST_BUNDLE,
                "namespace": namespace,
                "labels": {
                    names.LABEL_PART_OF: names.PART_OF,
                    names.LABEL_MANAGED_BY: names.MANAGED_BY,
                },
            },
            "data": wanted,
        }
        try:
            await self._kube.apply(path, body, manager=names.MANAGER, create=live is None)
        except ConflictError as error:
            raise KubeError(str(error), code=error.code) from error

    def _changed(self, _ref: Ref) -> None:
        self.changed.set()


def _key(name: str, key: str) -> str:
    """Return under which key a certificate is copied; no two have the same.

    No name of a ConfigMap has a `_`, so it is clear where the name ends.
    """
    plain = f"{name}_{key}"
    if len(plain) > _LONGEST:
        digest = hashlib.sha256(plain.encode()).hexdigest()[:_HASH]
        plain = f"{plain[: _LONGEST - _HASH - 1]}-{digest}"
    return f"{plain}.pem"
