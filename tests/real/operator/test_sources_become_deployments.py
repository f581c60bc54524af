"""Apply, change, pause, scale, delete: what follows in the cluster, on a real API server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.real.kubelab.client import Manifest, eventually
from tests.real.kubelab.kubectl import Kubectl
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.process import IMAGE, OperatorProcess
from tests.real.operator.seen import condition, deployments, the_deployment, wait_condition
from tests.real.operator.sources import SMALLEST, source

pytestmark = pytest.mark.usefixtures("operator")


def _container(deployment: Manifest) -> dict[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_an_applied_source_gets_adapters(plane: ControlPlane, namespace: str, kind: str) -> None:
    """One Deployment of the adapter's image, controlled by the source, which becomes ready."""
    applied = plane.admin.apply(source(kind, namespace))
    deployment = the_deployment(plane.admin, applied)
    assert _container(deployment)["image"] == IMAGE
    wait_condition(plane.admin, applied)
    status = plane.admin.get(applied)["status"]
    assert status["sinkUri"] == "http://sink.example.com/events"
    assert status["consumers"] == 1
    assert len(deployments(plane.admin, namespace)) == 1


def test_a_change_reaches_the_deployment(plane: ControlPlane, namespace: str) -> None:
    """A changed spec changes the Deployment in place, and its pods are rolled."""
    applied = plane.admin.apply(source("MnsSource", namespace))
    before = the_deployment(plane.admin, applied)
    plane.admin.merge(applied, {"spec": {"sink": {"uri": "http://other.example.com"}}})
    eventually(lambda: "http://other.example.com" in str(plane.admin.get(before)["spec"]))
    after = plane.admin.get(before)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    wait_condition(plane.admin, applied)
    assert plane.admin.get(applied)["status"]["sinkUri"].startswith("http://other.example.com")


def test_pause_and_go_on(plane: ControlPlane, namespace: str) -> None:
    """`paused` ends all adapters and says so as a state that is as wished; they come back."""
    applied = plane.admin.apply(source("MnsSource", namespace, consumers=2))
    deployment = the_deployment(plane.admin, applied)
    wait_condition(plane.admin, applied)
    plane.admin.merge(applied, {"spec": {"paused": True}})
    wait_condition(plane.admin, applied, reason="Paused")
    assert plane.admin.get(deployment)["spec"]["replicas"] == 0
    plane.admin.merge(applied, {"spec": {"paused": False}})
    wait_condition(plane.admin, applied, reason="Ready")
    assert plane.admin.get(deployment)["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        ({"affinity": {"nodAffinity": {}}}, "nodAffinity"),
        ({"tolerations": [{"key": 5}]}, "tolerations"),
    ],
    ids=["a field", "a type"],
)
def test_a_template_that_kubernetes_does_not_take_is_told(
    plane: ControlPlane, namespace: str, pod: dict[str, Any], word: str
) -> None:
    """The API server answers 500 or 4xx; the source says what is wrong, and heals when mended."""
    applied = plane.admin.apply(source("MnsSource", namespace, template={"spec": pod}))
    wait_condition(plane.admin, applied, "Deployed", status="False", reason="ChildRefused")
    assert word in condition(plane.admin, applied, "Deployed")["message"]
    plane.admin.merge(applied, {"spec": {"template": {"spec": None}}})
    the_deployment(plane.admin, applied)


def test_kubectl_scale(plane: ControlPlane, kubectl: Kubectl, namespace: str) -> None:
    """`kubectl scale` of the source scales the adapters, to zero as well; `/scale` tells how many.

    An autoscaler reads the same numbers and the selector.
    """
    applied = plane.admin.apply(source("MnsSource", namespace))
    deployment = the_deployment(plane.admin, applied)
    kubectl("scale", "mns/orders", "--replicas=3", "-n", namespace)

    def scaled() -> bool:
        scale = plane.admin.request("GET", plane.admin.of(applied, "scale"))
        return bool(scale["status"]["replicas"] == 3)

    eventually(scaled, what="three adapters")
    selector = plane.admin.request("GET", plane.admin.of(applied, "scale"))["status"]["selector"]
    assert len(plane.admin.list("v1", "Pod", namespace, labelSelector=selector)) == 3
    kubectl("scale", "mns/orders", "--replicas=0", "-n", namespace)
    wait_condition(plane.admin, applied, reason="ScaledToZero")
    assert plane.admin.get(deployment)["spec"]["replicas"] == 0


def test_a_deleted_source_leaves_nothing(plane: ControlPlane, namespace: str) -> None:
    """Its Deployment, ReplicaSets and pods are collected."""
    applied = plane.admin.apply(source("MnsSource", namespace))
    wait_condition(plane.admin, applied)
    plane.admin.delete(applied)
    eventually(lambda: plane.admin.find(applied) is None)
    eventually(lambda: not plane.admin.list("v1", "Pod", namespace), what="no pods", seconds=40)
    assert not deployments(plane.admin, namespace)
    assert not plane.admin.list("apps/v1", "ReplicaSet", namespace)


def test_an_object_of_the_same_name_is_not_touched(plane: ControlPlane, namespace: str) -> None:
    """It stays as it is, the source says so, and takes the name when it is free."""
    labels = {"app": "mine"}
    mine: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mnssource-orders", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "mine", "image": "mine"}]},
            },
        },
    }
    before = plane.admin.create(mine)
    applied = plane.admin.apply(source("MnsSource", namespace))
    found = wait_condition(plane.admin, applied, "Deployed", status="False", reason="NameTaken")
    assert "mnssource-orders" in found["message"]
    after = plane.admin.get(mine)
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    assert "ownerReferences" not in after["metadata"]
    plane.admin.delete(mine)
    wait_condition(plane.admin, applied, seconds=30)  # it is looked at again every 5 s


def test_restricted_namespaces_take_the_adapters(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    """Where the restricted profile is enforced, the adapters' pods are admitted."""
    with plane.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}) as namespace:
        audience = {"uri": "http://sink.example.com", "audience": "shop"}
        for kind in SMALLEST:
            applied = plane.admin.apply(source(kind, namespace, name=kind.lower(), sink=audience))
            wait_condition(plane.admin, applied)


def test_a_child_that_somebody_deletes_comes_back(plane: ControlPlane, namespace: str) -> None:
    """A deleted Deployment is made again."""
    applied = plane.admin.apply(source("MnsSource", namespace))
    first = the_deployment(plane.admin, applied)
    wait_condition(plane.admin, applied)
    plane.admin.delete(first)

    def again() -> bool:
        found = deployments(plane.admin, namespace)
        return bool(found and found[0]["metadata"]["uid"] != first["metadata"]["uid"])

    eventually(again, what="another Deployment")
    wait_condition(plane.admin, applied)
    assert condition(plane.admin, applied)["status"] == "True"
