"""Plays the node: says of every pod that it runs, or really runs it.

There is no node here and no scheduler, so without this a pod would be pending for ever. A thread
looks for pending pods ten times a second and reports their containers as running and ready, which
is all that Deployments, ReplicaSets and an operator ever see of a node. Each pod gets a loopback
address of its own, so that whoever wants to talk to it by address and port can.

A namespace can be given to a `Runner` instead, which starts the pods' processes and then reports
for itself. A pod that carries the annotation `HELD` is left pending.

The thread rides out an API server that is away.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from datetime import UTC, datetime
from http.client import HTTPException
from types import TracebackType
from typing import Any, Final, Protocol, Self

from tests.real.kubelab.client import Kubernetes, Manifest, RefusedError

HELD: Final = "kubelab/held"
"""Annotation of a pod that stays pending."""

NODE: Final = "kubelab"

_EVERY: Final = 0.1
_READY_TYPES: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


class Runner(Protocol):
    """Runs the pods of one namespace."""

    def tend(self, pods: list[Manifest]) -> None:
        """Called ten times a second with all pods of the namespace; must not wait for anything."""


class Kubelet:
    """A thread that answers for all pods of a cluster, used as a context manager."""

    def __init__(self, cluster: Kubernetes) -> None:
        self._cluster = cluster
        self._runners: dict[str, Runner] = {}
        self._left: set[str] = set()
        self._addresses = addresses()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="kubelet", daemon=True)
        self.failures: list[str] = []
        """What was unexpected; a test that cares asserts that it is empty."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(30)

    def __repr__(self) -> str:
        return f"<Kubelet {self._cluster!r} runners={list(self._runners)}>"

    def address(self) -> str:
        """A loopback address that no pod has had."""
        return next(self._addresses)

    def give(self, namespace: str, runner: Runner) -> None:
        """Let `runner` run the pods of a namespace from now on."""
        self._runners[namespace] = runner

    def take_back(self, namespace: str) -> None:
        """End what `give` began. Pods that are being deleted are gone at once from now on."""
        self._runners.pop(namespace, None)
        self._left.add(namespace)

    def _work(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self._pretend()
                self._bury()
                for namespace, runner in list(self._runners.items()):
                    runner.tend(self._cluster.list("v1", "Pod", namespace))
            except (OSError, HTTPException):
                continue  # the API server is away
            except RefusedError as error:
                if error.code not in (403, 404, 409, 429, 500, 503):  # it is just coming up
                    self.failures.append(str(error))
            except Exception as error:  # noqa: BLE001 - the node must not die of one pod
                self.failures.append(repr(error))

    def _bury(self) -> None:
        """Take away the pods that wait for their processes to end, where there are none any more.

        Their namespace would wait for ever, as would who waits for that.
        """
        for namespace in list(self._left):
            pods = self._cluster.list("v1", "Pod", namespace)
            if not pods:
                self._left.discard(namespace)
            for pod in pods:
                if "deletionTimestamp" in pod["metadata"]:
                    with contextlib.suppress(RefusedError):  # gone in the meantime
                        self._cluster.delete(pod, gracePeriodSeconds=0)

    def _pretend(self) -> None:
        for pod in self._cluster.list("v1", "Pod", fieldSelector="status.phase=Pending"):
            metadata = pod["metadata"]
            if metadata["namespace"] in self._runners or HELD in metadata.get("annotations", {}):
                continue
            report = running(pod, address=self.address(), ready=True)
            with contextlib.suppress(RefusedError):  # gone in the meantime
                self._cluster.merge(pod, {"status": report}, part="status")


def addresses() -> itertools.chain[str]:
    """Loopback addresses, none twice: 127.64.0.1, 127.64.0.2 and so on, for 4 million pods."""
    numbers = itertools.product(range(64, 128), range(256), range(1, 255))
    return itertools.chain(f"127.{high}.{middle}.{low}" for high, middle, low in numbers)


def running(pod: Manifest, *, address: str, ready: bool, restarts: int = 0) -> Manifest:
    """The status of a pod whose containers all run."""
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": ready,
            "started": True,
            "restartCount": restarts,
            "state": {"running": {"startedAt": now()}},
        }
        for container in pod["spec"]["containers"]
    ]
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now(),
        "conditions": pod_conditions(ready=ready),
        "containerStatuses": containers,
    }


def pod_conditions(*, ready: bool) -> list[dict[str, Any]]:
    """The conditions of a pod that has been scheduled and started."""
    return [
        {
            "type": kind,
            "status": "True" if ready or kind in _READY_TYPES[:2] else "False",
            "lastTransitionTime": now(),
        }
        for kind in _READY_TYPES
    ]


def now() -> str:
    """Kubernetes' way to write this second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
