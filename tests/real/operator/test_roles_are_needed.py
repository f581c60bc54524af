"""One namespace, with a Role there instead of the ClusterRole; and the same without one verb.

The account is the test's own. It may do in its namespace what `access.RULES` says and nothing
anywhere else. Then each verb on each resource is taken away in turn, and sources that need
everything are applied to a fresh operator: the API server's log has a request that needed the verb
and was forbidden. That deploy/ has just these rules is `test_operator_asks_for_little.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest
from tests.real.kubelab.audit import Call
from tests.real.kubelab.client import Manifest, eventually
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator import taken
from tests.real.operator.knative import address, broker
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import wait_condition
from tests.real.operator.sources import SMALLEST, source

from eventing_alibaba_operator.access import RULES, TRUST_RULES, Rule
from eventing_alibaba_operator.names import TRUST_BUNDLE

_ALL: Final = (*RULES, *TRUST_RULES)
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_NAME: Final = "operator"
_KINDS: Final = sorted(SMALLEST)


@pytest.fixture(scope="module")
def place(plane: ControlPlane, kubelet: Kubelet) -> Iterator[str]:
    """A namespace with an account, a Role of its own, and all that a source may refer to.

    Two names in it are taken, which makes the operator get objects one by one.
    """
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
        for other in taken.others(namespace):
            admin.apply(other)
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
    """One of each kind; one of them needs an account, a Secret and a Service besides."""
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
        for applied in taken.sources(place):
            plane.admin.apply(applied)
            wait_condition(plane.admin, applied, "Deployed", status="False", reason="NameTaken")
            plane.admin.delete(applied)
        calls = plane.audit.calls(mark, user=f"system:serviceaccount:{place}:{_NAME}")
        assert calls.writes()
        assert not calls.refused(403), str(calls)
        assert {call.namespace for call in calls if call.resource} == {place}
        assert "status" not in plane.admin.get(foreign)
    copy = {"name": TRUST_BUNDLE, "namespace": place}
    copied = plane.admin.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy})
    assert list(copied["data"]) == ["authority_ca.crt.pem"]


def test_a_kind_that_must_not_be_read(plane: ControlPlane, place: str) -> None:
    """The source says what to label, and goes on by itself when the right is there."""
    plane.admin.apply(broker(place, "default"))
    plane.admin.merge(broker(place, "default"), address("http://broker.example.com"), part="status")
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
    applied = source("MnsSource", place, "unreadable", sink={"ref": ref})
    _allow(plane, place, _ALL)
    with _operator(plane, place):
        plane.admin.apply(applied)
        found = wait_condition(plane.admin, applied, status="False", reason="SinkNotReadable")
        assert 'duck.knative.dev/addressable: "true"' in found["message"]
        brokers = Rule("eventing.knative.dev", ("brokers",), ("list", "watch"))
        _allow(plane, place, [*_ALL, brokers])
        wait_condition(plane.admin, applied, seconds=45)  # it is tried again every 30 s
        plane.admin.delete(applied)


@dataclass(frozen=True, slots=True)
class _Verb:
    """One verb on one resource, as some rule gives it."""

    rule: Rule
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb}-{self.resource}".replace("/", "-")

    def left_out(self) -> list[Rule]:
        """All rules, but without this verb on this resource."""
        rule = self.rule
        others = tuple(each for each in rule.resources if each != self.resource)
        verbs = tuple(each for each in rule.verbs if each != self.verb)
        split = (
            replace(rule, resources=others),
            replace(rule, resources=(self.resource,), verbs=verbs),
        )
        left = [each for each in split if each.resources and each.verbs]
        return [other for other in _ALL if other is not rule] + left

    def stood_for(self, call: Call) -> bool:
        """Whether a request that was forbidden needed this verb.

        A create by server-side apply is logged as a patch. An update of finalizers is asked of the
        authorizer alone, when a child is made that names its owner.
        """
        plural, _, part = self.resource.partition("/")
        if part == "finalizers":
            makes = call.resource in ("deployments", "serviceaccounts") and call.verb == "patch"
            return makes and call.name.startswith(plural.removesuffix("s"))
        asked = ("create", "patch") if self.verb == "create" else (self.verb,)
        return (call.group, call.what) == (self.rule.group, self.resource) and call.verb in asked


_VERBS: Final = [
    _Verb(rule, resource, verb)
    for rule in _ALL
    for resource in rule.resources
    for verb in rule.verbs
]


@pytest.mark.parametrize("verb", _VERBS, ids=str)
def test_no_verb_can_be_left_out(plane: ControlPlane, place: str, verb: _Verb) -> None:
    """Without any one verb on any one resource, a request that needs it is forbidden.

    So no rule can be left out either.
    """
    _allow(plane, place, verb.left_out())
    copy = {"name": TRUST_BUNDLE, "namespace": place}  # of the test before; it is to be made
    plane.admin.delete({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy})
    mark, user = plane.audit.mark(), f"system:serviceaccount:{place}:{_NAME}"
    own = [*_sources(place, f"without-{_VERBS.index(verb)}"), *taken.sources(place)]

    def refused() -> bool:
        return any(map(verb.stood_for, plane.audit.calls(mark, user=user).refused(403)))

    try:
        with _operator(plane, place):
            for applied in own:
                plane.admin.apply(applied)
            eventually(refused, seconds=30, what=f"a request that needs {verb}")
    except TimeoutError as error:
        error.add_note(str(plane.audit.calls(mark, user=user)))
        raise
    finally:
        for applied in own:
            plane.admin.delete(applied)
