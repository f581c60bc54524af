"""Crashes, an API server that goes away, an operator that is not there, and a hostile client."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
from tests.real.kubelab.client import Manifest, RefusedError, eventually
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.gate import Gate
from tests.real.operator.places import USER
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import deployments, the_deployment, wait_condition
from tests.real.operator.sources import source

pytestmark = pytest.mark.usefixtures("installed", "kubelet")

_AUDIENCE = {"uri": "http://sink.example.com", "audience": "shop"}
_MOST_WRITES = 12


def test_the_api_server_restarts(plane: ControlPlane, namespace: str) -> None:
    """A change that is made right after the API server came back reaches the Deployment."""
    with OperatorProcess(plane, namespaces=(namespace,)) as operator:
        applied = plane.admin.apply(source("MnsSource", namespace))
        deployment = the_deployment(plane.admin, applied)
        wait_condition(plane.admin, applied)
        plane.restart_api_server(away=1.0)
        eventually(lambda: plane.admin.merge(applied, {"spec": {"consumers": 2}}), seconds=30)
        eventually(lambda: plane.admin.get(deployment)["spec"]["replicas"] == 2, seconds=30)
        assert operator.alive


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


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_every_write(plane: ControlPlane, kubelet: Kubelet, when: str) -> None:
    """SIGKILL before or after the n-th write, for each n there is: it converges to one Deployment.

    A gate between operator and API server kills it, either instead of passing the write on or
    instead of passing the answer back.
    """
    for number in range(1, _MOST_WRITES):
        with (
            plane.namespace() as namespace,
            Gate(plane.admin) as gate,
            OperatorProcess(plane, namespaces=(namespace,), server=gate.url) as operator,
        ):
            killed = gate.at_write(number, when, operator.kill)
            applied = plane.admin.apply(source("MnsSource", namespace, sink=_AUDIENCE))
            done = threading.Event()

            def look(applied: Manifest = applied) -> bool:
                ready = plane.admin.get(applied).get("status", {}).get("conditions", [])
                return any(c["type"] == "Ready" and c["status"] == "True" for c in ready)

            eventually(
                lambda: killed.is_set() or (look() and gate.idle(0.7)),  # noqa: B023
                what=f"write {number} or an end",
            )
            if not killed.is_set():
                assert number > 3, "fewer writes than children and status need"
                done.set()
            else:
                operator.start()
            the_deployment(plane.admin, applied)
            wait_condition(plane.admin, applied)
            assert len(deployments(plane.admin, namespace)) == 1
            if done.is_set():
                return
    pytest.fail(f"the operator writes more than {_MOST_WRITES} times for one source")


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
            time.sleep(0.1)
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
