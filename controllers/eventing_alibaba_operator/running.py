"""One operator: its parts, made and joined, and the tasks that keep them going.

    sources (Kopf) → inventory → queue → reconcile → API server
    children, pods, sinks, bundles (watches) → queue
    what adapters say of themselves (rounds) → queue

What exists is listed before anything is worked on, so a start writes nothing that is there already.
A task that ends takes the process with it: a half of an operator must not look alive.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from eventing_alibaba.contract.api import GROUP, VERSION
from eventing_alibaba_operator import names
from eventing_alibaba_operator.apply import Child, Children
from eventing_alibaba_operator.children.naming import beside_account
from eventing_alibaba_operator.credentials import SecretLookup
from eventing_alibaba_operator.events import Events
from eventing_alibaba_operator.inventory import Inventory
from eventing_alibaba_operator.kinds import Key, Kind
from eventing_alibaba_operator.kube import Kube, KubeError, NotFoundError, Object
from eventing_alibaba_operator.pods import Pods
from eventing_alibaba_operator.queue import WorkQueue
from eventing_alibaba_operator.reconcile import Reconciler
from eventing_alibaba_operator.rounds import Rounds
from eventing_alibaba_operator.settings import Settings
from eventing_alibaba_operator.sinks import Sinks
from eventing_alibaba_operator.telling import Telling
from eventing_alibaba_operator.trust import TrustBundles
from eventing_alibaba_operator.watch import Ref, Watch, Watches, everywhere
from eventing_alibaba_operator.words import Listener, Pod

log = logging.getLogger(__name__)

T = TypeVar("T")

_ASK_FOR_KINDS: Final = 5.0
_TOGETHER: Final = 0.2
"""Seconds for which changes of a source's children and pods are collected: they come in swarms."""


class Operator:
    """The parts of one operator.

    Attributes:
        kube, inventory, queue: see there.
        ready: set once what exists was listed and work has begun.
    """

    def __init__(self, settings: Settings, kube: Kube, kinds: Sequence[Kind]) -> None:
        self.kube = kube
        self.inventory = Inventory()
        self.ready = asyncio.Event()
        self._settings = settings
        self._kinds = {kind.name: kind for kind in kinds}
        self._forced = asyncio.Event()
        pods = Pods(self._wake_child)
        self._pods = self._watches("v1", "pods", Pod.of, pods.changed)
        self._children = {
            "Deployment": self._watches(
                "apps/v1", "deployments", Child.of, lambda _, ref: self._wake_child(*ref)
            ),
            "ServiceAccount": self._watches(
                "v1",
                "serviceaccounts",
                Child.of,
                lambda _, ref: self._wake_child(ref[0], beside_account(ref[1])),
            ),
        }
        self._sinks = Sinks(
            kube,
            wake=lambda key: self.queue.add(key),  # noqa: PLW0108 - the queue is made later
            namespaces=settings.namespaces,
            cross_namespace=settings.cross_namespace_sinks,
            domain=settings.cluster_domain,
        )
        self._trust = TrustBundles(kube, settings.trust_bundle_namespace)
        self._listener = Listener()
        # A listener of its own: many silent pods must not hold up the answer of one that is asked.
        self._rounds_listener = Listener()
        self._rounds = Rounds(self._rounds_listener, lambda key: self.queue.add(key))  # noqa: PLW0108
        self._events = Events(kube)
        self._reconciler = Reconciler(
            kinds=self._kinds,
            image=settings.adapter_image,
            inventory=self.inventory,
            sinks=self._sinks,
            secrets=SecretLookup(kube, enabled=settings.read_secrets),
            children=Children(kube, self._children),
            pods=pods,
            listener=self._listener,
            trust=self._trust,
            events=self._events,
            rounds=self._rounds,
            telling=Telling(kube, self._kinds, self.inventory, self._events),
        )
        self.queue: WorkQueue[Key] = WorkQueue(self._reconciler.reconcile, workers=settings.workers)

    def __repr__(self) -> str:
        return f"<Operator {self.inventory!r} {self.queue!r}>"

    def seen(self, kind: str, event: str | None, body: Object) -> None:
        """Take an event of a source: `event` is ADDED, MODIFIED, DELETED or None (listed)."""
        about = body["metadata"]
        key = Key(kind, about["namespace"], about["name"])
        if event == "DELETED":
            self.inventory.drop(key, about["uid"])
            self.queue.add(key)
        elif self.inventory.put(key, body):
            self.queue.add(key, first=True)

    def resync(self) -> None:
        """Look at everything now."""
        self._forced.set()

    async def kinds_are_there(self) -> None:
        """Wait until the cluster knows all our kinds."""
        while True:
            try:
                listed = await self.kube.get(f"/apis/{GROUP}/{VERSION}")
                missing = self._kinds.keys() - {r["kind"] for r in listed["resources"]}
                if not missing:
                    return
            except NotFoundError:
                missing = set(self._kinds)
            except KubeError as error:
                missing = set()
                log.warning("%s", error)
            if missing:
                log.warning(
                    "the cluster does not know %s: apply crds/; asked again in %.0f s",
                    ", ".join(sorted(missing)),
                    _ASK_FOR_KINDS,
                )
            await asyncio.sleep(_ASK_FOR_KINDS)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                watches: list[Watches[Any]] = [self._pods, *self._children.values()]
                for watch in watches:
                    group.create_task(watch.run())
                if self._trust.watch is not None:
                    group.create_task(self._trust.watch.run())
                    await self._trust.watch.listed()
                for watch in watches:
                    await watch.listed()
                group.create_task(self._sinks.run())
                group.create_task(self.queue.run())
                group.create_task(self._events.run())
                group.create_task(self._rounds.run())
                group.create_task(self._keep_trust())
                group.create_task(self._keep_looking())
                self.ready.set()
        finally:
            await self._listener.close()
            await self._rounds_listener.close()

    async def _keep_trust(self) -> None:
        while True:
            await self._trust.changed.wait()
            self._trust.changed.clear()
            for key in self.inventory:
                self.queue.add(key)

    async def _keep_looking(self) -> None:
        """Go over everything from time to time, since a watch may have missed something."""
        while True:
            pause = self._settings.resync * random.uniform(0.9, 1.1)  # noqa: S311 - only spreads
            try:
                async with asyncio.timeout(pause):
                    await self._forced.wait()
                spread = 0.0
            except TimeoutError:
                spread = min(self._settings.resync / 10, 60.0)
            self._forced.clear()
            try:
                await self._prune()
            except KubeError as error:
                log.warning("what exists could not be listed: %s", error)
            self._trust.look_again()
            self._sinks.end_unused()
            self._reconciler.children.forget_old()
            for key in self.inventory:
                self.queue.add_later(key, random.uniform(0, spread))  # noqa: S311 - only spreads

    async def _prune(self) -> None:
        """Forget the sources that are gone, and take those that were missed.

        Kopf does not tell what went while it was not heard.
        """
        known = set(self.inventory)
        there: dict[Key, str] = {}
        for kind in self._kinds.values():
            for path in everywhere(f"{GROUP}/{VERSION}", kind.plural, self._settings.namespaces):
                params = {"limit": "500"}
                while True:
                    page = await self.kube.get(path, params, metadata=True)
                    for item in page["items"] or ():  # an empty list of metadata is null
                        about = item["metadata"]
                        there[Key(kind.name, about["namespace"], about["name"])] = about["uid"]
                    if not page["metadata"].get("continue"):
                        break
                    params["continue"] = page["metadata"]["continue"]
        for key in known - there.keys():
            self.inventory.drop(key)
            self.queue.add(key)
        for key, uid in there.items():
            source = self.inventory.get(key)
            if source is None or source.uid != uid:
                body = await self.kube.find(self._kinds[key.kind].of(key.namespace, key.name))
                if body is not None and self.inventory.put(key, body):
                    self.queue.add(key)

    def _watches(
        self,
        group: str,
        plural: str,
        project: Callable[[Object], T],
        changed: Callable[[Watch[T], Ref], None],
    ) -> Watches[T]:
        return Watches(
            self._watch(path, project, changed)
            for path in everywhere(group, plural, self._settings.namespaces)
        )

    def _watch(
        self, path: str, project: Callable[[Object], T], changed: Callable[[Watch[T], Ref], None]
    ) -> Watch[T]:
        watch: Watch[T]
        watch = Watch(
            self.kube,
            path,
            project=project,
            changed=lambda ref: changed(watch, ref),
            labels=names.OURS,
        )
        return watch

    def _wake_child(self, namespace: str, child: str) -> None:
        key = self.inventory.of_child(namespace, child)
        if key is not None:
            self.queue.add_later(key, _TOGETHER)
