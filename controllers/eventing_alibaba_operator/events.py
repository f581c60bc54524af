"""Kubernetes Events: what changed for a source, once, where `kubectl describe` shows it.

An Event is made where the condition `Ready` changes its state or its reason, and where a service
goes away or comes back (`SinkReachable`), as compared with the status on the server, so a restart
tells nothing again; and the same words about the same source are not repeated within an hour, so
that a source that goes up and down does not fill the store. They are made ten a second at most, and
of good news the first two hundred that wait: where a thousand sources are applied at once, each of
them says in its status what an Event would.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Final

from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba_operator import names
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.kube import Kube, KubeError, Object, now

log = logging.getLogger(__name__)

_HOUR: Final = 3600.0
_MOST: Final = 10_000
_LONGEST: Final = 1000
_MOST_WAITING: Final = 2000
_MOST_GOOD_NEWS: Final = 200
_EVERY: Final = 0.1
"""Seconds between two of them."""


class Events:
    """Makes Events in the background; one that cannot be made, or too many, are left out."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._waiting: asyncio.Queue[tuple[str, Object]] = asyncio.Queue(_MOST_WAITING)
        self._told: dict[tuple[str, str, str], float] = {}

    def tell(self, key: Key, uid: str, *, reason: str, message: str, warning: bool = False) -> None:
        """Make an Event about a source."""
        moment = time.monotonic()
        if not warning and self._waiting.qsize() >= _MOST_GOOD_NEWS:
            return
        words = (uid, reason, message)
        if moment < self._told.get(words, -_HOUR) + _HOUR:
            return
        if len(self._told) >= _MOST:
            self._told = {w: at for w, at in self._told.items() if moment < at + _HOUR}
        self._told[words] = moment
        stamp = now()
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": _name(key), "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": key.kind,
                "name": key.name,
                "namespace": key.namespace,
                "uid": uid,
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:_LONGEST] or reason,
            "source": {"component": names.COMPONENT},
            "reportingComponent": names.COMPONENT,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((f"/api/v1/namespaces/{key.namespace}/events", body))

    async def run(self) -> None:
        """Make what was told, one after the other, until cancelled."""
        while True:
            path, body = await self._waiting.get()
            try:
                await self._kube.create(path, body)
            except KubeError as error:
                log.debug("an Event could not be made: %s", error)
            await asyncio.sleep(_EVERY)


def _name(key: Key) -> str:
    """Return how the name begins; cut, it must still be one before a dot."""
    return f"{key.name[:200].rstrip('-.')}."
