"""Children that exist, and what is written so that they are as wanted.

Nothing is written while what exists has what is wanted, which is compared with the server's
own state, so a restart writes nothing. An object that is not owned by the source is never touched,
whatever its name. Somebody who undoes our fields again and again is answered, but not more than
once a second, so that two who disagree do not load the API server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from eventing_alibaba_operator import names
from eventing_alibaba_operator.children.compare import difference
from eventing_alibaba_operator.children.naming import owner
from eventing_alibaba_operator.children.wish import Manifest
from eventing_alibaba_operator.kube import ConflictError, Kube, NotFoundError, Object
from eventing_alibaba_operator.watch import Watches

log = logging.getLogger(__name__)

_PEACE: Final = 1.0
"""Seconds between two repairs of one object."""

_PATHS: Final[Mapping[str, str]] = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts/{}",
}


class NameTakenError(Exception):
    """An object of the name exists and is not the source's; the text says whose it is."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child as the server has it; the whole of it as JSON text, which is a tenth of the memory.

    Attributes:
        uid, owner: its own uid, and its controller's.
    """

    uid: str
    owner: str | None
    text: bytes

    @classmethod
    def of(cls, found: Object) -> Child:
        """Make one of an object."""
        found["metadata"].pop("managedFields", None)
        return cls(found["metadata"]["uid"], owner(found), orjson.dumps(found))

    def read(self) -> Object:
        """Return the object."""
        value: Object = orjson.loads(self.text)
        return value


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a wanted child.

    Attributes:
        live: as it is now.
        created, changed: what was written.
        again: seconds after which it must be looked at again; None = never by itself.
    """

    live: Object
    created: bool = False
    changed: bool = False
    again: float | None = None


class Children:
    """Makes children as wanted. `watches` has what exists, by kind."""

    def __init__(self, kube: Kube, watches: Mapping[str, Watches[Child]]) -> None:
        self._kube = kube
        self._watches = watches
        self._repaired: dict[str, float] = {}

    def find(self, kind: str, namespace: str, name: str, uid: str) -> Object | None:
        """Return a child as it is, if it exists and is owned by `uid`."""
        child = self._watches[kind].get((namespace, name))
        return child.read() if child is not None and child.owner == uid else None

    async def ensure(self, wanted: Manifest, *, taken: bool = False) -> Outcome:
        """Make a child as wanted. Raises NameTakenError and KubeError.

        With `taken` somebody else had its name when it was last looked at: it is read first, so
        that to look again writes nothing.
        """
        about = wanted["metadata"]
        kind, namespace, name = wanted["kind"], about["namespace"], about["name"]
        path = _PATHS[kind].format(namespace, name)
        child = self._watches[kind].get((namespace, name))
        if child is None:
            live = await self._get(path) if taken else None
            if live is None:
                found = await self._create(path, wanted)
                if found is not None:
                    return Outcome(self._noted(kind, found), created=True, changed=True)
                live = await self._kube.get(path)
            child = Child.of(live)
        live = child.read()
        uid = owner(wanted)
        if child.owner != uid:
            raise NameTakenError(_whose(kind, live))
        missing = difference(_content(wanted), live)
        if missing is None:
            return Outcome(live)
        deadline = self._repaired.get(child.uid, 0.0) + _PEACE
        moment = time.monotonic()
        if _same_wish(wanted, live) and moment < deadline:
            return Outcome(live, again=deadline - moment)
        self._repaired[child.uid] = moment
        log.info("%s %s/%s: %s is not as wanted; applied", kind, namespace, name, missing)
        body = {**wanted, "metadata": {**about, "uid": child.uid}}
        found = await self._kube.apply(path, body, manager=names.MANAGER)
        return Outcome(self._noted(kind, found), changed=True)

    def forget_old(self) -> None:
        """Forget the repairs that are too long ago to matter."""
        since = time.monotonic() - _PEACE
        self._repaired = {uid: at for uid, at in self._repaired.items() if at > since}

    async def _create(self, path: str, wanted: Manifest) -> Object | None:
        try:
            return await self._kube.apply(path, wanted, manager=names.MANAGER, create=True)
        except ConflictError:
            return None

    async def _get(self, path: str) -> Object | None:
        try:
            return await self._kube.get(path)
        except NotFoundError:
            return None

    def _noted(self, kind: str, found: Object) -> Object:
        self._watches[kind].note(found)
        return found


def _content(wanted: Manifest) -> Manifest:
    """Leave out what the items of a list do not repeat."""
    return {name: value for name, value in wanted.items() if name not in ("apiVersion", "kind")}


def _same_wish(wanted: Manifest, live: Mapping[str, Any]) -> bool:
    return bool(
        wanted["metadata"]["annotations"][names.WANTED]
        == (live["metadata"].get("annotations") or {}).get(names.WANTED)
    )


def _whose(kind: str, live: Mapping[str, Any]) -> str:
    about = live["metadata"]
    for reference in about.get("ownerReferences", ()):
        if reference.get("controller"):
            return (
                f"the {kind} {about['name']} belongs to the {reference['kind']} {reference['name']}"
                f" with the uid {reference['uid']}"
            )
    return f"the {kind} {about['name']} exists and is not this source's"
