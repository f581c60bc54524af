"""An API server that has just started: it refuses everybody for a moment, and ends watches at once.

What is known of the cluster must outlive that, or every source would be told as broken and well
again, each time that an API server is replaced.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import watch
from eventing_alibaba_operator.kube import Kube, Object
from eventing_alibaba_operator.login import Cluster as Login
from eventing_alibaba_operator.watch import Watch

NAME = "mnssource-orders"
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": "orders"}
WATCHED = ("/pods", "/deployments", "/serviceaccounts", "/services")


@pytest.fixture
async def ready(running: Running, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A source with a Service as its sink, that is ready; doubts are short."""
    monkeypatch.setattr(watch, "_DOUBTED", (0.01,) * 4)
    cluster.kinds["v1"] = {"services": "Service"}
    about = {"name": "orders", "namespace": "shop"}
    cluster.put("services", {"metadata": about, "spec": {"ports": [{"port": 80}]}})
    cluster.put("mnssources", mns(sink={"ref": SERVICE}))
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    await running.settled()
    return running


async def test_a_refusal_that_passes_is_not_believed(ready: Running, cluster: Cluster) -> None:
    """Two refusals of each watch and list, then answers: nothing is written, nobody is woken."""
    refused: Counter[str] = Counter()

    def refuse(verb: str, path: str) -> int | None:
        if verb == "GET" and path.endswith(WATCHED) and refused[path] < 2:
            refused[path] += 1
            return 403
        return None

    cluster.refuse = refuse
    written, done = len(cluster.writes), ready.operator.queue.done
    cluster.disconnect()
    await ready.until(lambda: len(refused) == len(WATCHED) and set(refused.values()) == {2})
    await ready.settled()
    assert cluster.writes[written:] == []
    assert ready.operator.queue.done == done
    cluster.put("mnssources", mns(sink={"ref": SERVICE}, consumers=2))
    await ready.until(lambda: cluster.find("deployments", "shop", NAME)["spec"]["replicas"] == 2)


async def test_a_refusal_that_lasts_is_believed(ready: Running, cluster: Cluster) -> None:
    """Who took the right to read Services away means it."""
    cluster.refuse = lambda _verb, path: 403 if path.endswith("/services") else None
    cluster.disconnect()
    await ready.until(lambda: ready.condition()["reason"] == "SinkNotReadable")


@pytest.mark.looptime
async def test_a_watch_that_ends_at_once_is_no_loop() -> None:
    """Something between that closes every watch is asked a few times a minute, not without end."""
    begun = 0

    class Closing(Kube):
        async def get(
            self, path: str, params: Mapping[str, str] | None = None, *, metadata: bool = False
        ) -> Object:
            return {"items": [], "metadata": {"resourceVersion": "1"}}

        async def watch(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Object]:
            nonlocal begun
            begun += 1
            await asyncio.sleep(0)
            if begun > 100:
                raise AssertionError("it is asked without end")
            nothing: tuple[Object, ...] = ()
            for event in nothing:
                yield event

    closing: Watch[Object] = Watch(
        Closing(Login("http://nowhere")), "/api/v1/pods", project=dict, changed=lambda _: None
    )
    following = asyncio.create_task(closing.run())
    await asyncio.sleep(120)
    assert not following.done()
    following.cancel()
    assert 8 <= begun <= 30
