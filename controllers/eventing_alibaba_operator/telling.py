"""Writes what was found of a source into its status, where it differs, and makes an Event of it.

A status is written at most every 0.4 seconds, and a word that will probably not last only after a
while (`passing.py`). What was ready and is no more is told at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba_operator import names
from eventing_alibaba_operator.events import Events
from eventing_alibaba_operator.inventory import Inventory, Source
from eventing_alibaba_operator.kinds import Key, Kind
from eventing_alibaba_operator.kube import ConflictError, Kube, NotFoundError, now
from eventing_alibaba_operator.passing import Passing
from eventing_alibaba_operator.status import REACHABLE, READY, Findings, condition, status

log = logging.getLogger(__name__)

_PEACE: Final = 0.4
"""Seconds between two writes of one status."""


class Telling:
    """Tells the API server how sources are."""

    def __init__(
        self, kube: Kube, kinds: Mapping[str, Kind], inventory: Inventory, events: Events
    ) -> None:
        self._kube = kube
        self._kinds = kinds
        self._inventory = inventory
        self._events = events
        self._written: dict[Key, float] = {}
        self._passing = Passing()

    def __repr__(self) -> str:
        return f"<Telling {self._passing!r}>"

    def forget(self, key: Key) -> None:
        """A source is gone."""
        self._passing.forget(key)
        self._written.pop(key, None)

    async def tell(self, key: Key, source: Source, findings: Findings) -> float | None:
        """Write the status if it must be; return seconds after which to try again if not now.

        A source that turns out to be gone, or to be another one, is dropped from the inventory.
        Raises KubeError.
        """
        before = source.status
        wanted = status(findings, generation=source.generation, before=before, now=now())
        if wanted == before:
            self._passing.forget(key)
            return None
        moment = time.monotonic()
        deadline = self._written.get(key, 0.0) + _PEACE
        if condition(wanted, READY)["status"] != "Unknown":
            self._passing.forget(key)
        elif condition(before, READY).get("status") != "True":
            deadline = max(deadline, self._passing.told_at(key, moment))
        if moment < deadline:
            return deadline - moment
        self._passing.forget(key)
        self._written[key] = moment
        body = {
            "apiVersion": API_VERSION,
            "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": source.uid},
            "status": wanted,
        }
        path = f"{self._kinds[key.kind].of(key.namespace, key.name)}/status"
        try:
            found = await self._kube.apply(path, body, manager=names.STATUS_MANAGER)
        except (NotFoundError, ConflictError):
            if not await self._gone(key, source.uid):
                raise
            self._inventory.drop(key, source.uid)
            return None
        known = self._inventory.get(key)
        if known is not None and known.uid == source.uid:  # not one that was made anew meanwhile
            self._inventory.put(key, found)
        old, new = condition(before, READY), condition(wanted, READY)
        same = (old.get("status"), old.get("reason")) == (new["status"], new["reason"])
        if not same and new["status"] != "Unknown":
            self._announce(key, source.uid, new, "events are delivered")
        was, now_ = (condition(one, REACHABLE).get("status") for one in (before, wanted))
        if "False" in (was, now_) and was != now_ and now_ is not None:
            told = condition(wanted, REACHABLE)
            self._announce(key, source.uid, told, "the service answers again")
        return None

    async def _gone(self, key: Key, uid: str) -> bool:
        """Ask whether a source is no more; a proxy or a busy server may say 404 and 409, too."""
        path = self._kinds[key.kind].of(key.namespace, key.name)
        there = await self._kube.find(path, metadata=True)
        return there is None or there["metadata"]["uid"] != uid

    def _announce(self, key: Key, uid: str, new: Mapping[str, Any], good: str) -> None:
        message = new.get("message", good)
        log.info("%s: %s=%s %s %s", key, new["type"], new["status"], new["reason"], message)
        self._events.tell(
            key, uid, reason=new["reason"], message=message, warning=new["status"] == "False"
        )
