"""Crashes, an API server that goes away, an operator that is not there, and a hostile client."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from tests.real.kubelab.audit import Calls
from tests.real.kubelab.client import Manifest, RefusedError, conditions, eventually
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.gate import Gate
from tests.real.operator.places import HOME, USER
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import deployments, the_deployment, wait_condition
from tests.real.operator.sources import SMALLEST, source

pytestmark = pytest.mark.usefixtures("installed", "kubelet")

_AUDIENCE = {"uri": "http://sink.example.com", "audience": "shop"}
_MOST_WRITES = 12
_WRITTEN = {"configmaps", "serviceaccounts", "deployments", "status", "events"}


def test_the_api_server_restarts(
    plane: ControlPlane, namespace: str, figures: Callable[[str], None]
) -> None:
    """What is well stays untouched, and a change right after the return reaches the Deployment.

    An API server that has just started may refuse everybody, which is not believed.
    """
    with OperatorProcess(plane, namespaces=(namespace,)) as operator:
        applied = plane.admin.apply(source("MnsSource", namespace))
        deployment = the_deployment(plane.admin, applied)
        wait_condition(plane.admin, applied)
        eventually(lambda: plane.admin.get(applied)["status"].get("consumers") == 1)
        mark = plane.audit.mark()
        plane.restart_api_server(away=1.0)
        eventually(
            lambda: _watched(plane.audit.calls(mark, user=USER)) >= _WATCHED,
            seconds=30,
            what="all watches are back",
        )
        calls = plane.audit.calls(mark, user=USER)
        figures(f"{len(calls.refused(401, 403))} requests were refused after the restart")
        assert not calls.writes(), str(calls)
        eventually(lambda: plane.admin.merge(applied, {"spec": {"consumers": 2}}), seconds=30)
        eventually(lambda: plane.admin.get(deployment)["spec"]["replicas"] == 2, seconds=30)
        assert operator.alive


_WATCHED = {"mnssources", "deployments", "pods", "serviceaccounts"}


def _watched(calls: Calls) -> set[str]:
    return {call.resource for call in calls if call.verb == "watch" and call.code in (0, 200)}


def test_nothing_is_left_on_the_source(plane: ControlPlane, namespace: str) -> None:
    """After create, change, failure and restart: no finalizer, annotation, or `status.kopf`.

    The API server's own record of who wrote what has one manager of ours, for the status alone.
    """
    missing = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "nowhere"}, "uri": None}
    with OperatorProcess(plane, namespaces=(namespace,)) as operator:
        applied = [plane.admin.apply(source(kind, namespace)) for kind in sorted(SMALLEST)]
        for each in applied:
            wait_condition(plane.admin, each)
            _is_bare(plane, each)
            plane.admin.merge(each, {"spec": {"consumers": 2}})
            wait_condition(plane.admin, each)
            _is_bare(plane, each)
            plane.admin.merge(each, {"spec": {"sink": missing}})
            wait_condition(plane.admin, each, status="False", reason="SinkNotFound")
            _is_bare(plane, each)
        operator.kill()
        plane.admin.merge(applied[0], {"spec": {"sink": _AUDIENCE | {"ref": None}}})
        operator.start()
        wait_condition(plane.admin, applied[0])
        assert operator.stop() == 0
        for each in applied:
            _is_bare(plane, each)


def _is_bare(plane: ControlPlane, applied: Manifest) -> None:
    now = plane.admin.get(applied)
    assert "finalizers" not in now["metadata"]
    assert not now["metadata"].get("annotations")
    assert "kopf" not in now["status"]
    ours = [one for one in now["metadata"]["managedFields"] if "eventing" in one["manager"]]
    assert [(one["operation"], list(one["fieldsV1"])) for one in ours] == [("Apply", ["f:status"])]


def test_deletion_while_no_operator_runs(plane: ControlPlane, namespace: str) -> None:
    """A source that is deleted while the operator is down goes, and so does all it had."""
    with OperatorProcess(plane, namespaces=(namespace,)) as operator:
        applied = plane.admin.apply(source("MnsSource", namespace))
        the_deployment(plane.admin, applied)
        wait_condition(plane.admin, applied)
        operator.kill()
        plane.admin.delete(applied)
        eventually(lambda: plane.admin.find(applied) is None, what="the source is gone")
        eventually(lambda: not deployments(plane.admin, namespace), seconds=40)


@pytest.fixture
def bundle(plane: ControlPlane) -> Iterator[None]:
    """Certificates to trust, so that there is a copy of them to write, too."""
    data = {"ca.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}
    labels = {"networking.knative.dev/trust-bundle": "true"}
    about = {"name": "authority", "namespace": HOME, "labels": labels}
    made = plane.admin.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}
    )
    yield
    plane.admin.delete(made)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.usefixtures("bundle")
def test_killed_around_every_write(plane: ControlPlane, when: str) -> None:
    """SIGKILL before or after the n-th write, for each n there is: it converges to one Deployment.

    A gate between operator and API server kills it, either instead of passing the write on or
    instead of passing the answer back. Something of each kind that is written was struck at.
    """
    struck: set[str] = set()
    for number in range(1, _MOST_WRITES):
        with (
            plane.namespace() as namespace,
            Gate(plane.admin) as gate,
            OperatorProcess(plane, namespaces=(namespace,), server=gate.url) as operator,
        ):
            killed = gate.at_write(number, when, operator.kill)
            applied = plane.admin.apply(source("MnsSource", namespace, sink=_AUDIENCE))
            _struck_or_done(plane, gate, killed, applied)
            if killed.is_set():
                operator.start()
            _converges(plane, applied)
            copy = {"name": "eventing-alibaba-trust-bundle", "namespace": namespace}
            plane.admin.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": copy})
            struck |= gate.struck
            if not killed.is_set():
                assert struck == _WRITTEN
                return
    pytest.fail(f"the operator writes more than {_MOST_WRITES} times for one source")


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_every_write_of_a_change(
    plane: ControlPlane, namespace: str, when: str
) -> None:
    """The same for what is written when a running source is changed: the change arrives, once."""
    with (
        Gate(plane.admin) as gate,
        OperatorProcess(plane, namespaces=(namespace,), server=gate.url) as operator,
    ):
        applied = plane.admin.apply(source("MnsSource", namespace, sink=_AUDIENCE))
        first = _converges(plane, applied)
        for number in range(1, _MOST_WRITES):
            eventually(lambda: gate.idle(0.7), what="an end of what was before")
            killed = gate.at_write(number, when, operator.kill)
            plane.admin.merge(applied, {"spec": {"consumers": 2 + number % 2}})
            _struck_or_done(plane, gate, killed, applied)
            if killed.is_set():
                operator.start()
            changed = _converges(plane, applied)
            assert changed["metadata"]["uid"] == first["metadata"]["uid"]
            assert changed["spec"]["replicas"] == 2 + number % 2
            if not killed.is_set():
                assert gate.struck >= {"deployments", "status"}
                return
    pytest.fail(f"the operator writes more than {_MOST_WRITES} times for one change")


def _struck_or_done(
    plane: ControlPlane, gate: Gate, killed: threading.Event, applied: Manifest
) -> None:
    """Wait until the operator was killed, or has nothing more to write for a source."""

    def done() -> bool:
        now = plane.admin.get(applied)
        status = now.get("status", {})
        current = status.get("observedGeneration") == now["metadata"]["generation"]
        return current and conditions(now)["Ready"]["status"] == "True" and gate.idle(0.7)

    eventually(lambda: killed.is_set() or done(), what="a kill or an end")


def _converges(plane: ControlPlane, applied: Manifest) -> Manifest:
    """Wait until a source is ready; return its Deployment, which is the only one there."""
    wait_condition(plane.admin, applied)
    deployment = the_deployment(plane.admin, applied)
    assert len(deployments(plane.admin, applied["metadata"]["namespace"])) == 1
    return deployment


def test_a_hostile_client(
    plane: ControlPlane, namespace: str, figures: Callable[[str], None]
) -> None:
    """Ten times a second somebody changes replicas and image, and adds labels.

    What is ours is back in less than 2 s, what is theirs stays, and the operator writes less than
    five times a second.
    """
    seconds = 30.0 if os.environ.get("SOAK") == "1" else 10.0
    with OperatorProcess(plane, namespaces=(namespace,)):
        applied = plane.admin.apply(source("MnsSource", namespace))
        deployment = the_deployment(plane.admin, applied)
        wait_condition(plane.admin, applied)
        wanted = _ours(plane.admin.get(deployment))
        mark, start, count = plane.audit.mark(), time.monotonic(), 0
        while time.monotonic() - start < seconds:
            count += 1
            change = {
                "metadata": {"labels": {f"theirs-{count % 5}": str(count)}},
                "spec": {
                    "replicas": 3 + count % 2,
                    "template": {
                        "spec": {"containers": [{"name": "adapter", "image": f"other:{count}"}]}
                    },
                },
            }
            _strategic(plane, deployment, change)
            time.sleep(max(0.0, start + count / 10 - time.monotonic()))
        took = time.monotonic() - start
        ended = time.monotonic()
        eventually(lambda: _ours(plane.admin.get(deployment)) == wanted, seconds=10)
        back = time.monotonic() - ended
        writes = plane.audit.calls(mark, user=USER).writes()
    rate = len([call for call in writes if call.namespace == namespace]) / took
    figures(f"{count} attacks in {took:.1f} s: {rate:.1f} writes/s, back after {back:.2f} s")
    assert back < 2
    assert rate < 5, str(writes)
    labels = plane.admin.get(deployment)["metadata"]["labels"]
    assert {f"theirs-{number}" for number in range(5)} <= set(labels)


def _ours(deployment: Manifest) -> tuple[int, str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return deployment["spec"]["replicas"], container["image"]


def _strategic(plane: ControlPlane, deployment: Manifest, change: Manifest) -> None:
    try:
        plane.admin.request(
            "PATCH",
            plane.admin.of(deployment),
            change,
            content="application/strategic-merge-patch+json",
        )
    except RefusedError as error:
        if error.code != 409:
            raise
