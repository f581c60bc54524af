"""One source, and a thousand (a hundred outside `make soak`), with figures from the audit log.

The bounds are those of the full size; the figures are put into the report of the test run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from tests.real.kubelab.audit import Calls
from tests.real.kubelab.client import Manifest, conditions, eventually
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.places import API_VERSION, USER
from tests.real.operator.process import OperatorProcess
from tests.real.operator.seen import the_deployment
from tests.real.operator.sources import SMALLEST, source

SOAK: Final = os.environ.get("SOAK") == "1"
COUNT: Final = 1000 if SOAK else 100
IDLE: Final = 300.0 if SOAK else 5.0
"""Seconds."""
_GLANCE: Final = 3.0 if SOAK else 0.5
"""Seconds between two looks at all sources, which cost the server more than the operator does."""

pytestmark = [pytest.mark.usefixtures("installed", "kubelet"), pytest.mark.soak]


def test_many_sources(plane: ControlPlane, namespace: str, figures: Callable[[str], None]) -> None:
    """All are reconciled in 60 s, one changed meanwhile in 2 s; a fresh operator needs 15 s.

    At rest there is less than one request a second, and never a refused or a conflicting one; ten
    forced resyncs write nothing, nor does the fresh operator.
    """
    kinds = sorted(SMALLEST)
    wanted = [source(kinds[i % 3], namespace, f"s-{i}") for i in range(COUNT)]
    with OperatorProcess(plane, namespaces=(namespace,)) as operator:
        mark, began = plane.audit.mark(), time.time()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(plane.admin.create, wanted))
        eventually(lambda: _ready(plane, namespace) >= COUNT // 2, seconds=90, every=_GLANCE)
        changed = time.monotonic()
        plane.admin.merge(wanted[0], {"spec": {"consumers": 2}})
        eventually(lambda: _replicas(plane, wanted[0]) == 2, seconds=30)
        answered = time.monotonic() - changed
        eventually(lambda: _ready(plane, namespace) == COUNT, seconds=120, every=_GLANCE)
        busy = plane.audit.calls(mark, user=USER)
        took = _last_status(busy) - began
        lags = _lags(plane, namespace, mark)
        _settle(plane)
        mark = plane.audit.mark()
        time.sleep(IDLE)
        idle = len(plane.audit.calls(mark, user=USER)) / IDLE
        memory = operator.resident() / 2**20
        mark = plane.audit.mark()
        for _ in range(10):
            operator.resync()
            _settle(plane)
        resynced = plane.audit.calls(mark, user=USER)
        operator.stop()
        mark, start = plane.audit.mark(), time.monotonic()
        operator.start()
        ready = time.monotonic() - start
        _settle(plane)
        again = plane.audit.calls(mark, user=USER)
        fresh = max((call.at for call in again), default=0.0) - min(call.at for call in again)
        figures(
            f"{COUNT} sources: reconciled in {took:.1f} s with {len(busy)} requests"
            f" ({len(busy.writes())} writes); source to Deployment p50"
            f" {_middle(lags) * 1000:.0f} ms; a change meanwhile {answered:.2f} s"
        )
        figures(
            f"idle {idle:.2f} requests/s, RSS {memory:.0f} MiB; fresh operator ready in"
            f" {ready:.1f} s, last request after {fresh:.1f} s"
        )
        figures(f"ten resyncs: {len(resynced)} requests, {len(resynced.writes())} writes")
        figures(str(busy))
    assert took < 60
    assert answered < 2
    assert idle < 1
    assert memory < 150
    assert fresh < 15
    assert len(resynced) >= 10 * len(kinds), "it has not looked at everything ten times"
    assert not resynced.writes(), str(resynced)
    assert not again.writes(), str(again)
    assert not Calls([*busy, *again]).refused(403)


def test_a_source_has_its_deployment_at_once(
    plane: ControlPlane, namespace: str, figures: Callable[[str], None]
) -> None:
    """Of sources that are applied one after the other, half have their Deployment in 300 ms."""
    kinds, count = sorted(SMALLEST), 60
    with OperatorProcess(plane, namespaces=(namespace,)):
        mark = plane.audit.mark()
        for i in range(count):
            the_deployment(
                plane.admin, plane.admin.create(source(kinds[i % 3], namespace, f"one-{i}"))
            )
        lags = _lags(plane, namespace, mark)
    figures(f"one by one: p50 {_middle(lags) * 1000:.0f} ms, the longest {max(lags) * 1000:.0f} ms")
    assert len(lags) == count
    assert _middle(lags) < 0.3


def _ready(plane: ControlPlane, namespace: str) -> int:
    found = [s for kind in SMALLEST for s in plane.admin.list(API_VERSION, kind, namespace)]
    return sum(conditions(s).get("Ready", {}).get("status") == "True" for s in found)


def _last_status(calls: Calls) -> float:
    """When the last status was written: the moment from which all were as `_ready` found them."""
    return max(call.at for call in calls if call.part == "status")


def _replicas(plane: ControlPlane, applied: Manifest) -> int:
    about = applied["metadata"]
    name = f"{applied['kind'].lower()}-{about['name']}"
    child = {"metadata": {"name": name, "namespace": about["namespace"]}}
    found = plane.admin.get({"apiVersion": "apps/v1", "kind": "Deployment", **child})
    return int(found["spec"]["replicas"])


def _lags(plane: ControlPlane, namespace: str, mark: int) -> list[float]:
    """Seconds between the request for a source and that for its Deployment, of each source."""
    calls = [call for call in plane.audit.calls(mark) if call.namespace == namespace]
    born = {
        f"{c.resource[:-1]}-{c.name}": c.at
        for c in calls
        if c.resource.endswith("sources") and c.verb == "create"
    }
    return [
        call.at - born[call.name]
        for call in calls
        if call.resource == "deployments" and call.code == 201 and call.name in born
    ]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else float("nan")


def _settle(plane: ControlPlane) -> None:
    mark, since = plane.audit.mark(), time.monotonic()

    def still() -> bool:
        nonlocal mark, since
        if plane.audit.calls(mark, user=USER):
            mark, since = plane.audit.mark(), time.monotonic()
        return time.monotonic() - since > 2.0

    eventually(still, seconds=120, what="at rest")
