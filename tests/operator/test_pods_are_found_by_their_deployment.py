"""Pods as they come, change and go."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.operator.cluster import Cluster, pod
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.names import LABEL_INSTANCE

NAME = "mnssource-orders"


async def test_a_pod_that_gets_another_label_is_its_deployments_no_more(
    running: Running, cluster: Cluster
) -> None:
    """Somebody takes a pod out to look at it in peace: its readiness is nobody's."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition("Consuming")["status"] == "True")
    taken: Any = cluster.find("pods", "shop", f"{NAME}-pod-1")
    labels = {**taken["metadata"]["labels"], LABEL_INSTANCE: "looked-at"}
    cluster.put("pods", pod("shop", labels) | {"metadata": {**taken["metadata"], "labels": labels}})
    await running.until(lambda: running.condition("Consuming")["status"] == "Unknown")
    cluster.delete("pods", "shop", f"{NAME}-pod-1")
    pods = running.operator._reconciler.pods
    await running.until(lambda: len(pods) == 0)
    assert pods.of("shop", NAME) == []


async def test_a_source_without_pods_is_not_looked_at_all_the_time(
    running: Running, cluster: Cluster
) -> None:
    """Where a quota lets no pod through there is none to ask, and a pod that comes is told of."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    await running.until(running.condition)
    await running.settled()
    queue = running.operator.queue
    due = queue._later[Key("MnsSource", "shop", "orders")].when()
    assert due - asyncio.get_running_loop().time() > 25
