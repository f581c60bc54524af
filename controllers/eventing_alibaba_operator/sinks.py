"""Where a destination is: an address of its own, or that of the object it refers to.

An object says its address in `status.address` (Knative's Addressable); a Service has a name in the
cluster. Objects are not asked for: each kind that some source refers to is watched, and who refers
to which object is kept, so a change of an address wakes those alone that use it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from eventing_alibaba.contract.spec import DeadLetterSink, Destination, ObjectReference
from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.children.wish import Address
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.kube import ForbiddenError, Kube, NotFoundError, Object
from eventing_alibaba_operator.status import Verdict
from eventing_alibaba_operator.watch import Ref, Watch

_MISSED: Final = 30.0
"""Seconds for which a kind that does not exist is not asked for again."""
_PATIENCE: Final = 5.0

Where = tuple[str, str]
"""API version and kind."""


class UnresolvedError(Exception):
    """A destination has no address now; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of an object that may be a sink."""

    url: str | None
    ca_certs: str | None = None
    audience: str | None = None
    ports: tuple[int, ...] = ()


class Sinks:
    """Resolves destinations. `wake` is called with each source whose sink has changed."""

    def __init__(
        self,
        kube: Kube,
        *,
        wake: Callable[[Key], None],
        namespaces: Iterable[str] = (),
        cross_namespace: bool = True,
        domain: str = "cluster.local",
    ) -> None:
        self._kube = kube
        self._wake = wake
        self._namespaces = tuple(namespaces)
        self._cross_namespace = cross_namespace
        self._domain = domain
        self._plurals: dict[Where, str] = {}
        self._missing: dict[Where, float] = {}
        self._watches: dict[tuple[Where, str], tuple[Watch[Found], asyncio.Task[None]]] = {}
        self._group = asyncio.TaskGroup()
        self._users: dict[tuple[Where, Ref], set[Key]] = {}
        self._uses: dict[Key, set[tuple[Where, Ref]]] = {}

    def __repr__(self) -> str:
        return f"<Sinks watches={len(self._watches)} users={len(self._uses)}>"

    async def resolve(
        self, key: Key, destination: Destination | DeadLetterSink, field: str
    ) -> Address:
        """Return the address. Raises UnresolvedError, and KubeError where nobody knows yet."""
        ref = destination.ref
        if ref is None:
            assert destination.uri is not None
            return Address(destination.uri, destination.ca_certs, destination.audience)
        namespace = ref.namespace or key.namespace
        what = f"{field}.ref: {ref.kind} {namespace}/{ref.name}"
        if namespace != key.namespace and not self._cross_namespace:
            raise _unresolved(reasons.SINK_FORBIDDEN, f"{what} is not in the source's namespace")
        found = await self._find(key, ref, namespace, what)
        url = found.url if found.url is not None else self._service(ref, namespace, found, what)
        if destination.uri is not None:
            try:
                url = urljoin(url, destination.uri)
            except ValueError as error:
                raise _unresolved(
                    reasons.SINK_NOT_ADDRESSABLE,
                    f"{field}.uri: {destination.uri!r} cannot be joined to {url}: {error}",
                ) from None
        return Address(
            url,
            destination.ca_certs or found.ca_certs,
            destination.audience or found.audience,
        )

    def forget(self, key: Key) -> None:
        """A source refers to nothing now."""
        for use in self._uses.pop(key, ()):
            users = self._users[use]
            users.discard(key)
            if not users:
                del self._users[use]

    def end_unused(self) -> None:
        """End the watches of what no source refers to any more."""
        scopes = {
            (where, namespace if self._namespaces else "") for where, (namespace, _) in self._users
        }
        for unused in self._watches.keys() - scopes:
            self._watches.pop(unused)[1].cancel()

    async def run(self) -> None:
        """Keep what is watched going until cancelled; must be under way before `resolve`."""
        async with self._group:
            await asyncio.get_running_loop().create_future()

    async def _find(self, key: Key, ref: ObjectReference, namespace: str, what: str) -> Found:
        where = (ref.api_version, ref.kind)
        use = (where, (namespace, ref.name))
        self._users.setdefault(use, set()).add(key)
        self._uses.setdefault(key, set()).add(use)
        watch = self._watch(where, await self._plural(where, what), namespace)
        # From when it was first asked for, or each of many sources would hold a worker for so long.
        async with asyncio.timeout(max(0.0, watch.began + _PATIENCE - time.monotonic())):
            await watch.listed()
        if isinstance(watch.problem, ForbiddenError):
            raise _unresolved(reasons.SINK_NOT_READABLE, f"{what} must not be read by the operator")
        if watch.problem is not None:
            raise _unresolved(reasons.SINK_KIND_UNKNOWN, f"{what}: {watch.problem}")
        found = watch.items.get((namespace, ref.name))
        if found is None:
            raise _unresolved(reasons.SINK_NOT_FOUND, f"{what} does not exist")
        if found.url is None and where != ("v1", "Service"):
            raise _unresolved(
                reasons.SINK_NOT_ADDRESSABLE, f"{what} has no address in status.address.url"
            )
        return found

    async def _plural(self, where: Where, what: str) -> str:
        if where in self._plurals:
            return self._plurals[where]
        unknown = f"{what}: the cluster has no kind {where[1]} in {where[0]}"
        if time.monotonic() < self._missing.get(where, 0.0):
            raise _unresolved(reasons.SINK_KIND_UNKNOWN, unknown)
        try:
            listed = await self._kube.get(_base(where[0]))
        except NotFoundError:
            listed = {"resources": []}
        for resource in listed.get("resources") or ():
            if resource["kind"] == where[1] and "/" not in resource["name"]:
                self._plurals[where] = resource["name"]
                return str(resource["name"])
        self._missing[where] = time.monotonic() + _MISSED
        raise _unresolved(reasons.SINK_KIND_UNKNOWN, unknown)

    def _watch(self, where: Where, plural: str, namespace: str) -> Watch[Found]:
        scope = namespace if self._namespaces else ""
        known = self._watches.get((where, scope))
        if known is not None:
            return known[0]
        inside = f"/namespaces/{scope}" if scope else ""
        watch = Watch(
            self._kube,
            f"{_base(where[0])}{inside}/{plural}",
            project=_service if where == ("v1", "Service") else _addressable,
            changed=lambda ref: self._changed(where, ref),
        )
        self._watches[where, scope] = watch, self._group.create_task(watch.run())
        return watch

    def _changed(self, where: Where, ref: Ref) -> None:
        for key in tuple(self._users.get((where, ref), ())):
            self._wake(key)

    def _service(self, ref: ObjectReference, namespace: str, found: Found, what: str) -> str:
        host = f"{ref.name}.{namespace}.svc.{self._domain}"
        if 80 in found.ports or not found.ports:
            return f"http://{host}/"
        if len(found.ports) == 1:
            return f"http://{host}:{found.ports[0]}/"
        listed = ", ".join(map(str, found.ports))
        raise _unresolved(
            reasons.SINK_NOT_ADDRESSABLE,
            f"{what} has the ports {listed}, and none of them is 80; give the one that is meant by"
            f" `uri: http://{host}:PORT/` without `ref`",
        )


def _unresolved(reason: reasons.Reason, fact: str) -> UnresolvedError:
    return UnresolvedError(Verdict.of(reason, fact))


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _service(found: Object) -> Found:
    ports = found.get("spec", {}).get("ports") or ()
    tcp = [port["port"] for port in ports if port.get("protocol", "TCP") == "TCP"]
    return Found(None, ports=tuple(tcp))


def _addressable(found: Object) -> Found:
    """Read the address of any kind of object, believing nothing of its form."""
    told = found.get("status")
    address: Any = told.get("address") if isinstance(told, dict) else None
    if not isinstance(address, dict):
        return Found(None)
    url, authority, audience = (
        value if isinstance(value, str) and value else None
        for value in map(address.get, ("url", "CACerts", "audience"))
    )
    return Found(url, authority, audience)
