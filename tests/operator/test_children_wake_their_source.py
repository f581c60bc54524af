"""Whose source a child is, by its name."""

from __future__ import annotations

from typing import Any

from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

SINK = {"uri": "https://service/", "audience": "a"}


async def test_a_source_may_be_called_like_an_account(running: Running, cluster: Cluster) -> None:
    """`orders-oidc` follows its own Deployment, though the account of `orders` has that name."""
    for name in ("orders", "orders-oidc"):
        await _ready(running, cluster, name)
    await running.settled()
    for key in running.operator.inventory:
        running.operator.queue.forget(key)
    name = "mnssource-orders-oidc"
    changed = dict(cluster.find("deployments", "shop", name))
    cluster.put("deployments", {**changed, "spec": {**changed["spec"], "replicas": 5}})
    await running.until(lambda: cluster.find("deployments", "shop", name)["spec"]["replicas"] == 1)


async def _ready(running: Running, cluster: Cluster, name: str) -> None:
    cluster.put("mnssources", mns(name, sink=SINK))
    child = f"mnssource-{name}"
    await running.until(lambda: cluster.find("deployments", "shop", child))
    cluster.run_pods("shop", child)
    await running.until(lambda: running.condition(name=name)["status"] == "True")


async def test_an_account_that_somebody_changes_is_put_right(
    running: Running, cluster: Cluster
) -> None:
    """A change of the account wakes its source as well."""
    await _ready(running, cluster, "orders")
    await running.settled()
    for key in running.operator.inventory:
        running.operator.queue.forget(key)
    name, label = "mnssource-orders-oidc", "app.kubernetes.io/component"
    found = dict(cluster.find("serviceaccounts", "shop", name))
    labels = {**found["metadata"]["labels"], label: "foreign"}
    cluster.put("serviceaccounts", {**found, "metadata": {**found["metadata"], "labels": labels}})

    def now() -> Any:
        return cluster.find("serviceaccounts", "shop", name)["metadata"]["labels"][label]

    await running.until(lambda: now() == "adapter")
