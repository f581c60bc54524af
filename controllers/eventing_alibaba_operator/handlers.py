"""Kopf: its life cycle, and our sources as they come and change.

Only `on.event` is used. Kopf's other handlers keep their progress in the object, as annotations,
finalizers or `status.kopf`, and a finalizer would make a deletion wait for this process. Children
and pods are not watched by Kopf, because it would be told of every one in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf

from eventing_alibaba.contract.api import GROUP, VERSION
from eventing_alibaba_operator.forgetful import NoDiffBase, NoProgress
from eventing_alibaba_operator.kinds import Kind
from eventing_alibaba_operator.login import Cluster
from eventing_alibaba_operator.running import Operator


def registry(operator: Operator, cluster: Cluster, kinds: Iterable[Kind]) -> kopf.OperatorRegistry:
    """Return Kopf's handlers for the kinds."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        cluster.renew()
        return kopf.ConnectionInfo(
            server=cluster.server,
            ca_data=cluster.ca.encode() if cluster.ca else None,
            insecure=cluster.insecure or None,
            certificate_data=cluster.certificate.encode() if cluster.certificate else None,
            private_key_data=cluster.key.encode() if cluster.key else None,
            scheme="Bearer" if cluster.token() else None,
            token=cluster.token(),
        )

    for kind in kinds:
        _watch(made, operator, kind)
    return made


def settings() -> kopf.OperatorSettings:
    """Return Kopf's settings: it writes nothing, and asks for nothing but our kinds."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.peering.standalone = True
    made.process.ultimate_exiting_timeout = 20.0
    made.persistence.diffbase_storage = NoDiffBase()
    made.persistence.progress_storage = NoProgress()
    made.watching.connect_timeout = 5.0
    made.watching.chunk_size = 500
    made.queueing.idle_timeout = 1.0
    made.queueing.exit_timeout = 0.5
    made.networking.request_timeout = 30.0
    return made


def _watch(made: kopf.OperatorRegistry, operator: Operator, kind: Kind) -> None:
    @kopf.on.event(GROUP, VERSION, kind.plural, registry=made, id=kind.name)
    async def seen(event: kopf.RawEvent, **_: Any) -> None:
        # Only the top and the metadata are ours to change; the rest is read.
        told: Any = event["object"]
        operator.seen(kind.name, event["type"], {**told, "metadata": dict(told["metadata"])})
