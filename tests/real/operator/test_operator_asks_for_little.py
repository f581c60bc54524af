"""What the operator asks of the API server, by the server's audit log.

Each test runs an operator of its own, and has everything that an operator does done once: sinks of
each form, a Secret, an identity, a trust bundle, a change. So what the log lacks is not needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.real.kubelab.client import Manifest, eventually
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator import taken
from tests.real.operator.knative import address, broker
from tests.real.operator.places import HOME, USER
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import the_deployment, wait_condition
from tests.real.operator.sources import SMALLEST, source

from eventing_alibaba_operator.access import RULES, TRUST_RULES

_QUIET = 0.5
"""Seconds without a request after which what was begun is done."""


@pytest.fixture(scope="module")
def place(plane: ControlPlane, kubelet: Kubelet, installed: list[Manifest]) -> Iterator[str]:
    """A namespace for all tests of this file, when those of tests before it are gone.

    Sources in a namespace that is being deleted would be looked at, too, and refused.
    """
    eventually(
        lambda: not [n for n in plane.admin.list("v1", "Namespace") if _of_a_test(n)],
        seconds=180,
        every=0.2,
        what="the namespaces of other tests are gone",
    )
    with plane.namespace() as name:
        yield name


def _of_a_test(namespace: Manifest) -> bool:
    return str(namespace["metadata"]["name"]).startswith("t-")


@pytest.fixture(scope="module")
def settled(plane: ControlPlane, place: str) -> Iterator[OperatorProcess]:
    """An operator that has done all it can do, and has nothing more to do."""
    admin = plane.admin
    bundle: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "authority",
            "namespace": HOME,
            "labels": {"networking.knative.dev/trust-bundle": "true"},
        },
        "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
    }
    admin.apply(bundle)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": place},
        "spec": {"ports": [{"port": 80}]},
    }
    admin.apply(service)
    admin.apply(broker(place, "default"))
    admin.merge(broker(place, "default"), address("http://broker.example.com"), part="status")
    secret = {"metadata": {"name": "login", "namespace": place}, "stringData": {"user": "u"}}
    admin.apply({"apiVersion": "v1", "kind": "Secret", **secret})
    with OperatorProcess(plane) as operator:
        operator.began = plane.audit.mark()
        for applied in _sources(place):
            admin.apply(applied)
        for applied in _sources(place):
            wait_condition(admin, applied)
        changed = _sources(place)[0]
        admin.merge(changed, {"spec": {"paused": True}})
        wait_condition(admin, changed, reason="Paused")
        admin.merge(bundle, {"data": {"more.crt": bundle["data"]["ca.crt"]}})
        account = next(iter(admin.list("v1", "ServiceAccount", place, labelSelector=_OURS)))
        admin.merge(account, {"metadata": {"labels": {"app.kubernetes.io/component": "foreign"}}})
        _provoke_conflicts(plane, place)
        for applied, reason in _wrong(place):
            admin.apply(applied)
            wait_condition(admin, applied, status="False", reason=reason)
        quiet(plane)
        yield operator
    admin.delete(bundle)


_OURS = "app.kubernetes.io/managed-by=eventing-alibaba-operator"


def _provoke_conflicts(plane: ControlPlane, namespace: str) -> None:
    """Let names be taken by objects of others, which the operator looks at one by one."""
    for other, applied in zip(taken.others(namespace), taken.sources(namespace), strict=True):
        plane.admin.create(other)
        plane.admin.apply(applied)
        wait_condition(plane.admin, applied, "Deployed", status="False", reason="NameTaken")


def _sources(namespace: str) -> list[Manifest]:
    login = {"secretKeyRef": {"name": "login", "key": "user"}}
    service = {"apiVersion": "v1", "kind": "Service", "name": "shop"}
    some_broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
    sinks = ({"ref": service}, {"ref": some_broker}, {"uri": "http://a.example.com"})
    found = [
        source(kind, namespace, name=kind.lower(), sink=sink)
        for kind, sink in zip(sorted(SMALLEST), sinks, strict=True)
    ]
    auth = {"accessKeyId": login, "accessKeySecret": login}
    audience = {"uri": "http://a.example.com", "audience": "shop"}
    return [*found, source("MnsSource", namespace, name="secret", auth=auth, sink=audience)]


def _wrong(namespace: str) -> list[tuple[Manifest, str]]:
    """Sources that stay as they are, not ready: these are looked at again and again."""
    missing = {"secretKeyRef": {"name": "missing", "key": "user"}}
    auth = {"accessKeyId": missing, "accessKeySecret": missing}
    nobody = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "nobody"}}
    template = {"spec": {"hostNetwork": True}}
    return [
        (source("MnsSource", namespace, name="no-secret", auth=auth), "SecretNotFound"),
        (source("MnsSource", namespace, name="no-sink", sink=nobody), "SinkNotFound"),
        (source("MnsSource", namespace, name="refused", template=template), "TemplateRefused"),
    ]


def quiet(plane: ControlPlane, *, seconds: float = 30.0) -> None:
    """Wait until the operator has written nothing for a while."""
    mark, since = plane.audit.mark(), time.monotonic()

    def still() -> bool:
        nonlocal mark, since
        if plane.audit.calls(mark, user=USER).writes():
            mark, since = plane.audit.mark(), time.monotonic()
        return time.monotonic() - since > _QUIET

    eventually(still, seconds=seconds, what="quiet")


def test_ten_resyncs_write_nothing(plane: ControlPlane, settled: OperatorProcess) -> None:
    """All sources, well or not, are looked at ten times without one mutating request."""
    quiet(plane)
    mark = plane.audit.mark()
    for _ in range(10):
        settled.resync()
        time.sleep(0.3)
    quiet(plane)
    assert not plane.audit.calls(mark, user=USER).writes(), str(plane.audit.calls(mark, user=USER))


def test_a_restart_writes_nothing(plane: ControlPlane, settled: OperatorProcess) -> None:
    """A fresh operator on settled sources, well or not, reads, and makes no mutating request."""
    quiet(plane)
    mark = plane.audit.mark()
    assert settled.stop() == 0
    settled.start()
    quiet(plane)
    calls = plane.audit.calls(mark, user=USER)
    assert calls, "it has read nothing"
    assert not calls.writes(), str(calls)


def test_nothing_is_forbidden(plane: ControlPlane, settled: OperatorProcess) -> None:
    """With the shipped roles alone, no request of this operator was ever answered 403."""
    calls = plane.audit.calls(settled.began, user=USER)
    assert not calls.refused(403), str(calls)


def test_the_roles_are_what_the_operator_says(installed: list[Manifest]) -> None:
    """deploy/base has the rules of `access.RULES` and `access.TRUST_RULES`, no more, no less."""
    for kind, wanted in (("ClusterRole", RULES), ("Role", TRUST_RULES)):
        shipped = next(
            found
            for found in installed
            if found["kind"] == kind and "source-observer" not in found["metadata"]["name"]
        )
        assert _flat(shipped["rules"]) == _flat([rule.manifest() for rule in wanted])


def _flat(rules: list[Manifest]) -> set[tuple[str, str, str, str]]:
    return {
        (group, resource, verb, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def test_a_role_without_finalizers_is_not_enough(plane: ControlPlane, kubelet: Kubelet) -> None:
    """With OwnerReferencesPermissionEnforcement, as on OpenShift, that rule is what lets it work.

    The source says so as `ChildRefused`, and heals when the rule is back.
    """
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "eventing-alibaba-operator"},
    }
    before = plane.admin.get(role)["rules"]
    less = [rule for rule in before if not rule["resources"][0].endswith("/finalizers")]
    with plane.namespace() as namespace, OperatorProcess(plane, namespaces=(namespace,)) as own:
        plane.admin.merge(role, {"rules": less})
        try:
            applied = plane.admin.apply(source("MnsSource", namespace))
            wait_condition(plane.admin, applied, "Deployed", status="False", reason="ChildRefused")
        finally:
            plane.admin.merge(role, {"rules": before})
        own.resync()
        the_deployment(plane.admin, applied)
        wait_condition(plane.admin, applied)
