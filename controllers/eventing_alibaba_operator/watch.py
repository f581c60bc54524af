"""What exists of one kind, by a list and a watch: asked once, and told of every change after that.

Only what a projection makes of an object is kept. When a watch becomes too old, or breaks, what
exists is listed again and compared, so a deletion that nobody told of is found as well. What went
wrong is kept in `problem`, because to some readers it is an answer: a kind that must not be read.
What could be read a moment ago is not believed to be forbidden at once: an API server that has just
started refuses everybody until it has read its own roles.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from eventing_alibaba_operator.kube import (
    ForbiddenError,
    GoneError,
    Kube,
    KubeError,
    NotFoundError,
    Object,
    UnreachableError,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

Ref = tuple[str, str]
"""Namespace and name."""

_CHUNK: Final = "500"
_FIRST: Final = 0.2
_LONGEST: Final = 15.0
_REFUSED: Final = 30.0
_DOUBTED: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses after refusals of what could be read before, until they are believed."""
_AT_ONCE: Final = 1.0
"""Seconds; a watch that ends sooner is not begun again without a pause."""


class Watch(Generic[T]):
    """The objects of one collection, as `project` makes them.

    `changed` is called with the namespace and name of what has come, changed or gone.

    Attributes:
        items: what exists.
        began: when it was made, on the monotonic clock.
        problem: why it cannot be read at the moment; None while it can.
    """

    def __init__(
        self,
        kube: Kube,
        path: str,
        *,
        project: Callable[[Object], T],
        changed: Callable[[Ref], None],
        labels: str | None = None,
    ) -> None:
        self._kube = kube
        self._path = path
        self._project = project
        self._changed = changed
        self._params: Mapping[str, str] = {"labelSelector": labels} if labels else {}
        self._listed = asyncio.Event()
        self.items: dict[Ref, T] = {}
        self._versions: dict[Ref, str] = {}
        self._reached = 0
        self.began = time.monotonic()
        self.problem: KubeError | None = None

    def __repr__(self) -> str:
        return f"<Watch {self._path} items={len(self.items)} problem={self.problem!r}>"

    async def listed(self) -> None:
        """Wait until it has been listed, or is known not to be readable."""
        await self._listed.wait()

    def note(self, found: Object) -> None:
        """Take an object that a request of ours has just returned, unless it is known newer.

        One that is not known though the watch is past its version was deleted meanwhile.
        """
        if _ref(found) in self.items or _number(_version(found)) > self._reached:
            self._put(found)

    async def run(self) -> None:
        """Follow the collection until cancelled."""
        pause, refusals = _FIRST, 0
        version: str | None = None
        while True:
            try:
                if version is None:
                    version = await self._list()
                    pause = _FIRST
                began = time.monotonic()
                async for kind, told, version_now in self._events(version):
                    version = version_now
                    self._reached = _number(version)
                    pause, refusals = _FIRST, 0
                    if kind == "DELETED":
                        self._drop(told)
                    elif kind != "BOOKMARK":
                        self._put(told)
                if time.monotonic() < began + _AT_ONCE:
                    raise UnreachableError(f"the watch of {self._path} ended at once")
            except GoneError:
                version = None
                continue
            except (ForbiddenError, NotFoundError) as error:
                version = None
                if self._readable and refusals < len(_DOUBTED):
                    log.debug("%s", error)
                    await asyncio.sleep(_DOUBTED[refusals])
                    refusals += 1
                    continue
                self._fail(error)
                await asyncio.sleep(random.uniform(0.8, 1) * _REFUSED)  # noqa: S311 - only spreads
            except KubeError as error:
                if not self._readable:
                    version = None
                lasting = pause == _LONGEST
                log.log(logging.WARNING if lasting else logging.DEBUG, "%s", error)
                await asyncio.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - only spreads
                pause = min(pause * 2, _LONGEST)

    @property
    def _readable(self) -> bool:
        return self._listed.is_set() and self.problem is None

    async def _list(self) -> str:
        found: set[Ref] = set()
        params = {**self._params, "limit": _CHUNK}
        while True:
            page = await self._kube.get(self._path, params)
            for item in page["items"]:
                found.add(_ref(item))
                self._put(item)
            more = page["metadata"].get("continue")
            if not more:
                break
            params["continue"] = more
        for ref in self.items.keys() - found:
            self._forget(ref)
        if self.problem is not None:
            self.problem = None
            for ref in self.items:
                self._changed(ref)
        self._listed.set()
        self._reached = _number(_version(page))
        return _version(page)

    async def _events(self, version: str) -> AsyncIterator[tuple[str, Object, str]]:
        params = {
            **self._params,
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(300, 600)),  # noqa: S311 - only spreads
        }
        async for event in self._kube.watch(self._path, params):
            told = event["object"]
            if event["type"] == "ERROR":
                if told.get("code") == 410:
                    raise GoneError(str(told.get("message")), code=410)
                raise UnreachableError(str(told.get("message")), code=int(told.get("code", 500)))
            version = told["metadata"]["resourceVersion"]
            yield event["type"], told, version

    def _put(self, found: Object) -> None:
        ref, version = _ref(found), _version(found)
        known = self._versions.get(ref)
        if known is not None and _number(version) <= _number(known):
            return
        self._versions[ref] = version
        self.items[ref] = self._project(found)
        self._changed(ref)

    def _drop(self, gone: Object) -> None:
        ref = _ref(gone)
        known = self._versions.get(ref)
        if known is not None and _number(_version(gone)) >= _number(known):
            self._forget(ref)

    def _forget(self, ref: Ref) -> None:
        self.items.pop(ref, None)
        self._versions.pop(ref, None)
        self._changed(ref)

    def _fail(self, error: KubeError) -> None:
        known, self.problem = self.problem, error
        gone = list(self.items)
        self.items.clear()
        self._versions.clear()
        self._listed.set()
        if known is None:
            for ref in gone:
                self._changed(ref)


class Watches(Generic[T]):
    """The same collection in all namespaces, or in some: one watch, or one for each of them."""

    def __init__(self, watches: Iterable[Watch[T]]) -> None:
        self._watches = tuple(watches)

    async def run(self) -> None:
        """Follow all of them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())

    async def listed(self) -> None:
        """Wait until all have been listed."""
        for watch in self._watches:
            await watch.listed()

    def get(self, ref: Ref) -> T | None:
        """Return what exists under a namespace and name."""
        return next((w.items[ref] for w in self._watches if ref in w.items), None)

    def note(self, found: Object) -> None:
        """See `Watch.note`."""
        namespace = found["metadata"]["namespace"]
        for watch in self._watches:
            if len(self._watches) == 1 or f"/namespaces/{namespace}/" in watch._path:
                watch.note(found)

    def __iter__(self) -> Iterator[T]:
        for watch in self._watches:
            yield from watch.items.values()


def everywhere(group: str, plural: str, namespaces: Iterable[str]) -> list[str]:
    """Return the paths of a collection: in each of the namespaces, or once in all."""
    base = "/api/v1" if group == "v1" else f"/apis/{group}"
    return [f"{base}/namespaces/{namespace}/{plural}" for namespace in namespaces] or [
        f"{base}/{plural}"
    ]


def _ref(found: Object) -> Ref:
    metadata = found["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _version(found: Object) -> str:
    return str(found["metadata"]["resourceVersion"])


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
