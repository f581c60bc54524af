"""Answers that lie for a moment, come late, or blame the server: nothing stays wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

NAME = "mnssource-orders"
THERE = ("deployments", "shop", NAME)
SERVICE = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "svc"}}


@pytest.mark.parametrize("code", [404, 409])
async def test_a_status_that_is_refused_once_costs_no_source(
    cluster: Cluster, running: Running, code: int
) -> None:
    """It is asked whether the source is gone; it is not, so its Deployment is kept, too."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    await running.until(lambda: running.condition()["status"])
    refused: list[str] = []

    def refuse(verb: str, path: str) -> int | None:
        if verb == "PATCH" and path.endswith("/status") and not refused:
            refused.append(path)
            return code
        return None

    cluster.refuse = refuse
    cluster.run_pods("shop", NAME)
    await running.until(lambda: refused)
    await running.until(lambda: running.condition()["status"] == "True")
    cluster.delete("deployments", "shop", NAME)
    await running.until(lambda: THERE in cluster.objects)


async def test_a_source_that_was_missed_is_found_by_the_next_round(
    cluster: Cluster, running: Running
) -> None:
    """However it got lost, its Deployment is there again after all sources were listed."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    (key,) = running.operator.inventory
    running.operator.inventory.drop(key)
    cluster.delete("deployments", "shop", NAME)
    running.operator.resync()
    await running.until(lambda: THERE in cluster.objects)


async def test_a_field_that_kubernetes_does_not_know_is_told(
    cluster: Cluster, running: Running
) -> None:
    """A real API server says 500 to that; it is a user's mistake, and heals with the manifest."""
    words = "failed to create typed patch object (shop/x; apps/v1, Kind=Deployment): field unknown"
    cluster.words[500] = words
    cluster.refuse = lambda verb, path: 500 if verb == "PATCH" and "/deployments/" in path else None
    cluster.put("mnssources", mns())
    await running.until(lambda: running.condition()["reason"] == "ChildRefused")
    assert "field unknown" in running.condition()["message"]


async def test_an_address_that_cannot_be_joined_is_told(cluster: Cluster, running: Running) -> None:
    """What passes the schema and is no address is a condition with a sentence."""
    cluster.kinds["v1"] = {"services": "Service"}
    about = {"name": "svc", "namespace": "shop"}
    cluster.put("services", {"metadata": about, "spec": {"ports": [{"port": 80}]}})
    cluster.put("mnssources", mns(sink={**SERVICE, "uri": "//[x"}))
    await running.until(lambda: running.condition()["reason"] == "SinkNotAddressable")
    assert "sink.uri" in running.condition()["message"]


def late(running: Running, wanted: str, meanwhile: Callable[[], None]) -> list[str]:
    """Let the first answer to an apply of `wanted` be read after what happens meanwhile.

    Returns a list that has its path when that has happened.
    """
    real = running.kube.apply
    done: list[str] = []

    async def apply(path: str, *args: Any, **options: Any) -> Any:
        found = await real(path, *args, **options)
        if wanted in path and not done:
            meanwhile()
            done.append(path)
            await asyncio.sleep(0.3)
        return found

    running.kube.apply = apply  # type: ignore[method-assign]
    return done


async def test_a_child_that_was_deleted_before_its_answer_came_is_made_again(
    cluster: Cluster, running: Running
) -> None:
    """The watch has told already that it is gone; the late answer does not bring it back."""
    answers = late(
        running, f"/deployments/{NAME}", lambda: cluster.delete("deployments", "shop", NAME)
    )
    cluster.put("mnssources", mns())
    await running.until(lambda: answers)
    await running.until(lambda: THERE in cluster.objects)


async def test_a_source_that_was_made_anew_before_its_answer_came_is_the_new_one(
    cluster: Cluster, running: Running
) -> None:
    """The Deployment is the new one's, whatever the answer for the old one says."""

    def replace() -> None:
        cluster.delete("mnssources", "shop", "orders")
        cluster.put("mnssources", mns(queue="other"))

    answers = late(running, "/status", replace)
    cluster.put("mnssources", mns())
    await running.until(lambda: answers)

    def settled() -> bool:
        if THERE not in cluster.objects:
            return False
        new = cluster.find("mnssources", "shop", "orders")
        (owner,) = cluster.find("deployments", "shop", NAME)["metadata"]["ownerReferences"]
        return bool(owner["uid"] == new["metadata"]["uid"] and new.get("status"))

    await running.until(settled)
    (key,) = running.operator.inventory
    known = running.operator.inventory.get(key)
    assert known is not None
    assert known.spec is not None
    assert known.body["spec"]["queue"] == "other"


async def test_a_source_is_paused_and_changed_while_its_sink_is_gone(
    cluster: Cluster, running: Running
) -> None:
    """Its adapters go on sending to where they did until then, and the status says what is so."""
    cluster.kinds["v1"] = {"services": "Service"}
    about = {"name": "svc", "namespace": "shop"}
    cluster.put("services", {"metadata": about, "spec": {"ports": [{"port": 80}]}})
    cluster.put("mnssources", mns(sink=SERVICE))
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    cluster.delete("services", "shop", "svc")
    await running.until(lambda: running.condition()["reason"] == "SinkNotFound")
    cluster.put("mnssources", mns(sink=SERVICE, consumers=3))
    await running.until(lambda: cluster.find(*THERE)["spec"]["replicas"] == 3)
    assert "http://svc.shop.svc" in str(cluster.find(*THERE)["spec"])
    cluster.put("mnssources", mns(sink=SERVICE, paused=True))
    await running.until(lambda: cluster.find(*THERE)["spec"]["replicas"] == 0)
    await running.until(lambda: running.condition("Consuming")["reason"] == "NotConsuming")
    assert running.condition()["reason"] == "SinkNotFound"
    cluster.delete("deployments", "shop", NAME)
    await running.until(lambda: THERE in cluster.objects)


async def test_a_new_source_whose_sink_is_not_there_gets_no_adapter(
    cluster: Cluster, running: Running
) -> None:
    """No address was ever known."""
    cluster.kinds["v1"] = {"services": "Service"}
    cluster.put("mnssources", mns(sink=SERVICE))
    await running.until(lambda: running.condition()["reason"] == "SinkNotFound")
    assert THERE not in cluster.objects
