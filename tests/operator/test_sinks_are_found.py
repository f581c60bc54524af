"""Destinations by reference, and what is said where there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import sinks

BROKER = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": "orders"}


def knows(cluster: Cluster) -> None:
    cluster.kinds["eventing.knative.dev/v1"] = {"brokers": "Broker"}
    cluster.kinds["v1"] = {"services": "Service"}


def with_a_broker(cluster: Cluster) -> None:
    knows(cluster)
    cluster.put("brokers", broker(None))


def service(*ports: int) -> Any:
    about = {"name": "orders", "namespace": "shop"}
    return {"metadata": about, "spec": {"ports": [{"port": port} for port in ports]}}


def broker(url: str | None, **more: str) -> Any:
    status = {"address": {"url": url, **more}} if url else {}
    return {"metadata": {"name": "default", "namespace": "shop"}, "status": status}


def sink_uri(cluster: Cluster) -> Any:
    return cluster.find("mnssources", "shop", "orders")["status"]["sinkUri"]


@pytest.mark.parametrize(
    ("ports", "uri", "expected"),
    [
        ((80, 443), None, "http://orders.shop.svc.cluster.local/"),
        ((8080,), "/events", "http://orders.shop.svc.cluster.local:8080/events"),
    ],
)
async def test_a_service_has_a_name(
    running: Running, cluster: Cluster, ports: Any, uri: str | None, expected: str
) -> None:
    """Port 80, or the only one; a relative `uri` is joined."""
    knows(cluster)
    cluster.put("services", service(*ports))
    cluster.put("mnssources", mns(sink={"ref": SERVICE, **({"uri": uri} if uri else {})}))
    await running.until(lambda: sink_uri(cluster) == expected)


async def test_an_addressable_tells_its_address_and_a_change(
    running: Running, cluster: Cluster
) -> None:
    """URL, certificates and audience come from the object; a new URL reaches the Deployment."""
    knows(cluster)
    cluster.put("brokers", broker("http://one/a/b", CACerts="PEM", audience="b"))
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: sink_uri(cluster) == "http://one/a/b")
    status = cluster.find("mnssources", "shop", "orders")["status"]
    assert (status["sinkCACerts"], status["sinkAudience"]) == ("PEM", "b")
    assert status["auth"] == {"serviceAccountName": "mnssource-orders-oidc"}
    assert cluster.find("serviceaccounts", "shop", "mnssource-orders-oidc")
    cluster.put("brokers", broker("http://two/"))
    await running.until(
        lambda: "http://two/" in str(cluster.find("deployments", "shop", "mnssource-orders"))
    )


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        (lambda _c: None, "SinkKindUnknown"),
        (knows, "SinkNotFound"),
        (with_a_broker, "SinkNotAddressable"),
    ],
)
async def test_a_sink_that_is_not_there_is_told(
    running: Running, cluster: Cluster, setup: Any, reason: str
) -> None:
    """Each way of not having an address has a reason, and no Deployment is made."""
    setup(cluster)
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: running.condition()["reason"] == reason)
    assert "Broker shop/default" in running.condition()["message"]
    assert not [what for what in cluster.writes if "deployments" in what]


@pytest.mark.parametrize(
    "status", [None, "up", [], {"address": "http://a/"}, {"address": {"url": 5}}, {"address": []}]
)
async def test_an_address_of_another_form_is_none(
    running: Running, cluster: Cluster, status: Any
) -> None:
    """Objects of any kind may be referred to, so nothing is expected of what they look like."""
    knows(cluster)
    cluster.put("brokers", {**broker(None), "status": status})
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: running.condition()["reason"] == "SinkNotAddressable")


async def test_what_nobody_refers_to_is_not_watched_any_more(
    running: Running, cluster: Cluster
) -> None:
    """The watch of a kind ends with the next resync after its last source, and begins anew."""
    with_a_broker(cluster)
    cluster.put("services", service(80))
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    cluster.put("mnssources", mns("other", sink={"ref": SERVICE}))
    watched = running.operator._sinks._watches
    await running.until(lambda: len(watched) == 2)
    cluster.put("mnssources", mns())
    await running.until(lambda: sink_uri(cluster) == "http://service/")
    running.operator.resync()
    await running.until(lambda: [where for where, _ in watched] == [("v1", "Service")])
    cluster.put("brokers", broker("http://here/"))
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: sink_uri(cluster) == "http://here/")


async def test_a_watch_that_ends_by_a_defect_ends_the_operator(
    running: Running, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not go on with what it has known of sinks: a restart lists them anew."""

    def defect(_found: object) -> None:
        raise KeyError("defect")

    monkeypatch.setattr(sinks, "_addressable", defect)
    with_a_broker(cluster)
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    assert running._task is not None
    await asyncio.wait((running._task,), timeout=10)
    assert running._task.done()
    assert isinstance(running._task.exception(), BaseExceptionGroup)


async def test_a_service_with_many_ports_is_asked_about(running: Running, cluster: Cluster) -> None:
    """Where no port is 80 and there are several, none is guessed."""
    knows(cluster)
    cluster.put("services", service(8080, 9090))
    cluster.put("mnssources", mns(sink={"ref": SERVICE}))
    await running.until(lambda: running.condition()["reason"] == "SinkNotAddressable")
    assert "8080, 9090" in running.condition()["message"]


async def test_an_unreadable_kind_names_the_label(running: Running, cluster: Cluster) -> None:
    """403 becomes SinkNotReadable with the label that would allow it."""
    knows(cluster)
    cluster.refuse = lambda _verb, path: 403 if path.endswith("/brokers") else None
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: running.condition()["reason"] == "SinkNotReadable")
    assert "duck.knative.dev/addressable" in running.condition()["message"]


async def test_a_sink_that_appears_is_taken(running: Running, cluster: Cluster) -> None:
    """The watch wakes the source when its sink is created; nobody waits for a resync."""
    knows(cluster)
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    await running.until(lambda: running.condition()["reason"] == "SinkNotFound")
    cluster.put("brokers", broker("http://here/"))
    await running.until(lambda: sink_uri(cluster) == "http://here/")


async def test_a_sink_that_disappears_leaves_the_adapter_alone(
    running: Running, cluster: Cluster
) -> None:
    """SinkProvided=False is told; the Deployment stays as it was, and so does status.sinkUri."""
    knows(cluster)
    cluster.put("brokers", broker("http://here/"))
    cluster.put("mnssources", mns(sink={"ref": BROKER}))
    before = await running.until(lambda: cluster.find("deployments", "shop", "mnssource-orders"))
    version = before["metadata"]["resourceVersion"]
    await running.until(lambda: sink_uri(cluster))
    cluster.delete("brokers", "shop", "default")
    await running.until(lambda: running.condition("SinkProvided")["status"] == "False")
    now = cluster.find("deployments", "shop", "mnssource-orders")
    assert now["metadata"]["resourceVersion"] == version
    assert sink_uri(cluster) == "http://here/"


async def test_another_namespace_can_be_forbidden(cluster: Cluster) -> None:
    """With deny, a ref into another namespace is refused without looking there."""
    knows(cluster)
    operator = await Running(cluster, cross_namespace_sinks=False).start()
    cluster.put("mnssources", mns(sink={"ref": {**BROKER, "namespace": "other"}}))
    await operator.until(lambda: operator.condition()["reason"] == "CrossNamespaceSinkForbidden")
    assert not [what for what in cluster.reads if "brokers" in what]
    await operator.stop()
