"""What deploy/ ships, applied as the installation page says, on a real API server."""

from __future__ import annotations

import pytest
from tests.real.kubelab.client import Manifest, conditions, eventually
from tests.real.kubelab.kubectl import Kubectl, KubectlError
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.places import ACCOUNT, DEPLOY, HOME, USER


@pytest.fixture
def base(plane: ControlPlane, kubelet: Kubelet, kubectl: Kubectl) -> list[Manifest]:
    """deploy/base, applied by `kubectl apply -k`; the Deployment goes away again after the test."""
    kubectl("apply", "-k", str(DEPLOY / "base"))
    return kubectl.kustomize(DEPLOY / "base")


def _one(found: list[Manifest], kind: str) -> Manifest:
    (one,) = [manifest for manifest in found if manifest["kind"] == kind]
    return one


def test_the_operator_comes_up(plane: ControlPlane, kubelet: Kubelet, base: list[Manifest]) -> None:
    """Applied at once to an empty cluster; its pod passes the restricted profile it enforces."""
    deployment = _one(base, "Deployment")
    try:
        seen = eventually(
            lambda: conditions(plane.admin.get(deployment)).get("Available", {}), what="a status"
        )
        assert eventually(
            lambda: conditions(plane.admin.get(deployment))["Available"]["status"] == "True",
            what=f"available, but {seen}",
        )
        (pod,) = plane.admin.list("v1", "Pod", HOME)
        assert pod["spec"]["serviceAccountName"] == ACCOUNT
    finally:
        plane.admin.delete(deployment)


def test_the_operator_gives_no_more_than_it_has(base: list[Manifest]) -> None:
    """No rule has a wildcard, deletes, or may read Secrets beyond `get`."""
    for manifest in base:
        for rule in manifest.get("rules") or []:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"delete", "deletecollection", "escalate", "bind"} & set(rule["verbs"])
            if "secrets" in rule["resources"]:
                assert rule["verbs"] == ["get"]


def test_it_can_be_applied_twice(kubectl: Kubectl, base: list[Manifest]) -> None:
    """The second `kubectl apply -k` changes nothing."""
    again = kubectl("apply", "-k", str(DEPLOY / "base"))
    assert [line for line in again.splitlines() if not line.endswith("unchanged")] == []


@pytest.mark.parametrize(
    ("verb", "what", "allowed"),
    [
        ("get", "secrets", "yes"),
        ("list", "secrets", "no"),
        ("delete", "deployments.apps", "no"),
        ("update", "mnssources.sources.eventing-alibaba.dev/finalizers", "yes"),
        ("patch", "mnssources.sources.eventing-alibaba.dev", "no"),
        ("list", "brokers.eventing.knative.dev", "yes"),
        ("create", "clusterroles.rbac.authorization.k8s.io", "no"),
    ],
)
def test_what_the_operator_may(
    base: list[Manifest], kubectl: Kubectl, verb: str, what: str, allowed: str
) -> None:
    """`kubectl auth can-i` agrees; Brokers come by Knative's own role that gathers."""
    try:
        thing, _, part = what.partition("/")
        flags = [f"--as={USER}", "--all-namespaces", *([f"--subresource={part}"] if part else [])]
        said = kubectl("auth", "can-i", verb, thing, *flags)
    except KubectlError:  # it ends with 1 for a no
        said = "no"
    assert said.split()[0] == allowed


def test_sources_can_be_observed(plane: ControlPlane, base: list[Manifest]) -> None:
    """A ClusterRole with Knative's label lets get, list and watch every kind there is."""
    (observer,) = plane.admin.list(
        "rbac.authorization.k8s.io/v1", "ClusterRole", labelSelector="duck.knative.dev/source=true"
    )
    (rule,) = observer["rules"]
    assert set(rule["verbs"]) == {"get", "list", "watch"}
    definitions = plane.admin.list(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        labelSelector="duck.knative.dev/source=true",
    )
    assert {found["spec"]["names"]["plural"] for found in definitions} <= set(rule["resources"])


def test_policies_for_a_namespace_with_sources(
    plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """deploy/namespace is applied into the namespace that is named on the command line."""
    kubectl("apply", "-n", namespace, "-k", str(DEPLOY / "namespace"))
    (policy,) = plane.admin.list("networking.k8s.io/v1", "NetworkPolicy", namespace)
    assert policy["metadata"]["name"] == "eventing-alibaba-adapters"
