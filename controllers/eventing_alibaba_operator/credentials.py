"""Whether the Secrets that a source names exist. Their values are never read.

Only metadata is asked for, and only while a source is new or not ready: a Secret that disappears
under a running adapter is the adapter's to tell. Whether a key is in it, metadata does not say;
the adapter will.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.kube import ForbiddenError, Kube, NotFoundError
from eventing_alibaba_operator.status import Verdict

_KEPT: Final = 5.0


class SecretLookup:
    """Looks whether Secrets exist; an answer is kept for five seconds. `enabled` False: never."""

    def __init__(self, kube: Kube, *, enabled: bool = True) -> None:
        self._kube = kube
        self._enabled = enabled
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}

    async def provided(self, namespace: str, names: Sequence[str]) -> Verdict:
        """Return the condition `CredentialsProvided`. Raises KubeError."""
        if not names:
            return Verdict.of(reasons.CREDENTIALS_PROVIDED)
        if not self._enabled:
            return Verdict.of(reasons.CREDENTIALS_NOT_CHECKED)
        try:
            missing = [name for name in names if not await self._exists(namespace, name)]
        except ForbiddenError:
            return Verdict.of(
                reasons.CREDENTIALS_NOT_CHECKED, "the operator must not read Secrets here"
            )
        if missing:
            listed = " and ".join(f"`{name}`" for name in missing)
            plural = "s do" if len(missing) > 1 else " does"
            return Verdict.of(
                reasons.SECRET_NOT_FOUND,
                f"the Secret{plural} not exist in the namespace {namespace}: {listed}",
            )
        return Verdict.of(reasons.CREDENTIALS_PROVIDED)

    async def _exists(self, namespace: str, name: str) -> bool:
        at, there = self._known.get((namespace, name), (0.0, False))
        if time.monotonic() < at + _KEPT and at:
            return there
        try:
            await self._kube.get(f"/api/v1/namespaces/{namespace}/secrets/{name}", metadata=True)
            there = True
        except NotFoundError:
            there = False
        if len(self._known) > 4096:
            self._known.clear()
        self._known[namespace, name] = time.monotonic(), there
        return there
