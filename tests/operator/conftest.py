"""An operator at work on a double of an API server; a watch stands in for Kopf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.operator.asking import Going, Said, adapter, under_way
from tests.operator.cluster import SOURCES, Cluster, Manifest

from eventing_alibaba_operator.kinds import served
from eventing_alibaba_operator.kube import Kube
from eventing_alibaba_operator.login import Cluster as Login
from eventing_alibaba_operator.running import Operator
from eventing_alibaba_operator.settings import Settings
from eventing_alibaba_operator.watch import Watch

PATIENCE = 10.0


def mns(name: str = "orders", **spec: Any) -> Manifest:
    """Return an MnsSource in the namespace `shop`."""
    return {
        "apiVersion": SOURCES,
        "kind": "MnsSource",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "endpoint": "http://mns:80",
            "queue": "orders",
            "sink": {"uri": "http://service/"},
            **spec,
        },
    }


class Running:
    """One operator process, so to say: `stop` is its SIGKILL."""

    def __init__(self, cluster: Cluster, **told: Any) -> None:
        self.cluster = cluster
        self.settings = Settings(**{"adapter_image": "adapter:1", **told})
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Running:
        """Start, and wait until it works."""
        self.kube = await Kube(Login(self.cluster.url)).__aenter__()
        kinds = [kind for kind in served() if kind.plural in self.cluster.kinds[SOURCES]]
        self.operator = Operator(self.settings, self.kube, kinds)
        self._task = asyncio.create_task(self._work(kinds))
        await asyncio.wait_for(self.operator.ready.wait(), PATIENCE)
        return self

    async def stop(self) -> None:
        """End at once."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.kube.__aexit__(None, None, None)

    async def until(self, what: Callable[[], Any]) -> Any:
        """Wait until `what` returns something true that no KeyError hides; return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                news = self.cluster._news
                try:
                    found = what()
                except (KeyError, IndexError):
                    found = None
                if found:
                    return found
                try:
                    async with asyncio.timeout(0.05):
                        await news.wait()
                except TimeoutError:
                    continue

    async def settled(self) -> None:
        """Wait until nothing is worked on any more."""
        quiet = 0
        while quiet < 3:
            quiet = 0 if len(self.operator.queue) else quiet + 1
            try:
                async with asyncio.timeout(0.05):
                    await self.cluster._news.wait()
                quiet = 0
            except TimeoutError:
                continue

    def condition(self, kind: str = "Ready", name: str = "orders") -> Manifest:
        """Return a condition of an MnsSource; raises KeyError where it has none."""
        listed = self.cluster.find("mnssources", "shop", name)["status"]["conditions"]
        found: Manifest = {one["type"]: one for one in listed}[kind]
        return found

    async def _work(self, kinds: Any) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.operator.run())
            for kind in kinds:
                group.create_task(self._feed(kind))

    async def _feed(self, kind: Any) -> None:
        def changed(ref: tuple[str, str]) -> None:
            body = watch.items.get(ref)
            if body is not None:
                last[ref] = body
                self.operator.seen(kind.name, None, dict(body, metadata=dict(body["metadata"])))
            elif ref in last:
                self.operator.seen(kind.name, "DELETED", last.pop(ref))

        last: dict[tuple[str, str], Manifest] = {}
        watch: Watch[Manifest] = Watch(
            self.kube, kind.path, project=lambda found: found, changed=changed
        )
        await watch.run()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """An empty cluster."""
    async with Cluster() as made:
        yield made


@pytest.fixture
async def running(cluster: Cluster) -> AsyncIterator[Running]:
    """An operator at work in it."""
    made = await Running(cluster).start()
    yield made
    await made.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def said(stack: AsyncExitStack) -> Said:
    port, said = await stack.enter_async_context(adapter())
    said["port"] = port
    return said


@pytest.fixture
async def going(stack: AsyncExitStack, said: Said, monkeypatch: pytest.MonkeyPatch) -> Going:
    return await stack.enter_async_context(under_way(said["port"], monkeypatch))
