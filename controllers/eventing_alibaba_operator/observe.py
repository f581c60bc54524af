"""What a Deployment's state means for its source; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.status import Verdict

_STARTING: Final = "adapters are being started"


def deployed(live: Mapping[str, Any]) -> Verdict:
    """Return the condition `Deployed` for a Deployment."""
    status: Mapping[str, Any] = live.get("status") or {}
    wanted = int(live["spec"].get("replicas", 1))
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return Verdict.of(reasons.ROLLING_OUT, _STARTING)
    updated, available, all_of_them = (
        int(status.get(name, 0)) for name in ("updatedReplicas", "availableReplicas", "replicas")
    )
    if updated >= wanted and available >= wanted and all_of_them == wanted:
        return Verdict.of(reasons.DEPLOYED)
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    failure = conditions.get("ReplicaFailure", {})
    if failure.get("status") == "True":
        return Verdict.of(reasons.PODS_REFUSED, str(failure.get("message", "")))
    counted = f"{available} of {wanted} adapters are available, {updated} are up to date"
    progress = conditions.get("Progressing", {})
    if progress.get("status") == "False":
        return Verdict.of(reasons.ROLLOUT_STALLED, f"{counted}: {progress.get('message', '')}")
    # Counts would change the message, and so be a write, with every pod of every source.
    return Verdict.of(reasons.ROLLING_OUT, _STARTING)
