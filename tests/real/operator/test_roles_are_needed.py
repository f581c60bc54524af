"""One namespace, with a Role there instead of the ClusterRole; and the same without one rule.

The account is the test's own. It may do in its namespace what `access.RULES` says and nothing
anywhere else. Then each rule is taken away in turn, and a source that needs everything is applied
to a fresh operator: the API server's log has a request that was forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from tests.real.kubelab.client import Manifest, eventually
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import wait_condition
from tests.real.operator.sources import SMALLEST, source

from eventing_alibaba_operator.access import RULES, TRUST_RULES, Rule

_ALL: Final = (*RULES, *TRUST_RULES)
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_NAME: Final = "operator"
_KINDS: Final = sorted(SMALLEST)


@pytest.fixture(scope="module")
def place(plane: ControlPlane, kubelet: Kubelet) -> Iterator[str]:
    """A namespace with an account, a Role of its own, a Service, a Secret and a trust bundle."""
    with plane.namespace() as namespace:
        about = {"name": _NAME, "namespace": namespace}
        admin = plane.admin
        admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about})
        binding: Manifest = {
            "apiVersion": _RBAC,
            "kind": "RoleBinding",
            "metadata": about,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _NAME},
            "subjects": [{"kind": "ServiceAccount", **about}],
        }
        admin.apply(binding)
        shop = {"metadata": {"name": "shop", "namespace": namespace}}
        spec = {"ports": [{"port": 80}]}
        admin.apply({"apiVersion": "v1", "kind": "Service", **shop, "spec": spec})
        admin.apply({"apiVersion": "v1", "kind": "Secret", **shop, "stringData": {"user": "u"}})
        bundle = {"name": "authority", "namespace": namespace, "labels": {_TRUST: "true"}}
        data = {"ca.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}
        admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": bundle, "data": data})
        yield namespace


_TRUST: Final = "networking.knative.dev/trust-bundle"


def _allow(plane: ControlPlane, namespace: str, rules: Sequence[Rule]) -> None:
    role = {"apiVersion": _RBAC, "kind": "Role", "metadata": {"name": _NAME}}
    role["metadata"] = {"name": _NAME, "namespace": namespace}
    plane.admin.apply({**role, "rules": [rule.manifest() for rule in rules]})


def _operator(plane: ControlPlane, namespace: str) -> OperatorProcess:
    flag = f"--trust-bundle-namespace={namespace}"
    return OperatorProcess(plane, flag, namespaces=(namespace,), account=(namespace, _NAME))


def _sources(namespace: str, name: str) -> list[Manifest]:
    """One of each kind; the first needs an account, a Secret and a Service besides."""
    login = {"secretKeyRef": {"name": "shop", "key": "user"}}
    ref = {"apiVersion": "v1", "kind": "Service", "name": "shop"}
    fields = {
        "sink": {"ref": ref, "audience": "shop"},
        "auth": {"accessKeyId": login, "accessKeySecret": login},
    }
    return [
        source(kind, namespace, name, **(fields if kind == "MnsSource" else {})) for kind in _KINDS
    ]


def test_a_role_in_one_namespace_is_enough(plane: ControlPlane, place: str) -> None:
    """With `--namespace` and the same rules in a Role, all kinds become ready without a 403.

    What is elsewhere is not looked at, and the bundle is copied to where the adapters are.
    """
    _allow(plane, place, _ALL)
    mark = plane.audit.mark()
    with plane.namespace() as elsewhere, _operator(plane, place):
        foreign = plane.admin.apply(source("MnsSource", elsewhere))
        for applied in _sources(place, "all"):
            plane.admin.apply(applied)
        for applied in _sources(place, "all"):
            wait_condition(plane.admin, applied, seconds=40)
        calls = plane.audit.calls(mark, user=f"system:serviceaccount:{place}:{_NAME}")
        assert calls.writes()
        assert not calls.refused(403), str(calls)
        assert {call.namespace for call in calls if call.resource} == {place}
        assert "status" not in plane.admin.get(foreign)
    copy = {"name": "eventing-alibaba-trust-bundle", "namespace": place}
    copied = plane.admin.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy})
    assert list(copied["data"]) == ["authority-ca.crt.pem"]


@pytest.mark.parametrize(
    "rule", _ALL, ids=lambda rule: f"{rule.resources[0]}-{'-'.join(rule.verbs)}".replace("/", "-")
)
def test_no_rule_can_be_left_out(plane: ControlPlane, place: str, rule: Rule) -> None:
    """Without any one of the rules, something that the operator does is forbidden."""
    _allow(plane, place, [other for other in _ALL if other is not rule])
    if rule.names:  # the copy is there already; without it, it would have to be made
        copy = {"name": rule.names[0], "namespace": place}
        plane.admin.delete({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy})
    mark = plane.audit.mark()
    user = f"system:serviceaccount:{place}:{_NAME}"
    own = [source for source in _sources(place, "one") if source["kind"] == "MnsSource"]
    with _operator(plane, place):
        for applied in own:
            plane.admin.apply(applied)
        try:
            refused = eventually(
                lambda: plane.audit.calls(mark, user=user).refused(403), seconds=30, what="a 403"
            )
        finally:
            for applied in own:
                plane.admin.delete(applied)
    plurals = {call.resource for call in refused}
    wanted = {resource.partition("/")[0] for resource in rule.resources}
    if "/finalizers" in rule.resources[0]:  # what is refused is a child that names its owner
        wanted = {"deployments", "serviceaccounts"}
    assert plurals & wanted, str(refused)
