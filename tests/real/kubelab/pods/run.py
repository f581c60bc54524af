"""The life of one pod: volumes, processes, probes, restarts, and an orderly end.

A thread goes through it as a kubelet does: bind the pod, make the volumes, start the containers,
ask the probes, report each change, start again what ended (at once the first time, then after
longer and longer waits), and when the pod is deleted send SIGTERM, wait for the grace period, send
SIGKILL, and let the object go.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from tests.real.kubelab.client import Kubernetes, Manifest, RefusedError
from tests.real.kubelab.kubelet import NODE, now, pod_conditions
from tests.real.kubelab.pods.container import Container
from tests.real.kubelab.pods.image import Image
from tests.real.kubelab.pods.probes import Probe
from tests.real.kubelab.pods.volumes import NotMountableError, Volumes

_STEP: Final = 0.05
_REFRESH: Final = 1.0
_LONGEST: Final = 300.0


class PodRun:
    """One pod's processes.

    Attributes:
        trouble: why it could not be started, as the kubelet would tell in an event.
    """

    def __init__(
        self,
        cluster: Kubernetes,
        pod: Manifest,
        *,
        images: dict[str, Image],
        folder: Path,
        address: str,
        backoff: float,
    ) -> None:
        folder.mkdir(parents=True)
        self.pod = pod
        self.address = address
        self.trouble = ""
        self._cluster = cluster
        self._backoff = backoff
        self._volumes = Volumes(cluster, pod, folder / "volumes", address=address)
        self.containers = [
            Container(
                cluster,
                pod,
                spec,
                image=images[spec["image"]],
                volumes=self._volumes,
                folder=folder,
                address=address,
            )
            for spec in pod["spec"]["containers"]
        ]
        self._probes: dict[str, dict[str, Probe]] = {}
        self._restarts = dict.fromkeys((c.name for c in self.containers), 0)
        self._last: dict[str, dict[str, Any]] = {}
        self._again: dict[str, float] = {}
        self._told: object = None
        self._ending = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"pod-{address}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<PodRun {self.pod['metadata']['name']} {self.containers} {self.trouble}>"

    @property
    def restarts(self) -> int:
        """How often a container was started again."""
        return sum(self._restarts.values())

    def end(self) -> None:
        """The pod is being deleted: end it in order; returns at once."""
        self._ending.set()

    def abandon(self) -> None:
        """Kill the processes and report nothing more."""
        self._abandoned.set()
        self._ending.set()
        self._thread.join(30)

    def _live(self) -> None:
        try:
            self._bind()
            while not self._mounted():
                if self._ending.wait(0.5):
                    break
            else:
                self._work()
        finally:
            self._stop()

    def _bind(self) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": self.pod["metadata"]["name"]},
            "target": target,
        }
        with contextlib.suppress(RefusedError):
            self._cluster.request("POST", self._cluster.of(self.pod, "binding"), binding)

    def _mounted(self) -> bool:
        try:
            self._volumes.refresh()
            for container in self.containers:
                container.environment()
        except (NotMountableError, RefusedError, OSError, HTTPException) as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        return True

    def _work(self) -> None:
        for container in self.containers:
            self._start(container)
        refresh = time.monotonic() + _REFRESH
        while not self._ending.wait(_STEP):
            for container in self.containers:
                self._tend(container)
            if time.monotonic() >= refresh:
                self._mounted()
                refresh = time.monotonic() + _REFRESH
            self._tell()

    def _start(self, container: Container) -> None:
        container.start()
        spec = container.spec
        self._probes[container.name] = {
            name: Probe(spec.get(f"{name}Probe"), spec, self.address, passing=passing)
            for name, passing in (("startup", False), ("readiness", False), ("liveness", True))
        }

    def _tend(self, container: Container) -> None:
        name = container.name
        if container.ended is not None:
            self._revive(container)
            return
        probes = self._probes[name]
        probes["startup"].turn()
        if not probes["startup"].passing:
            return
        probes["readiness"].turn()
        probes["liveness"].turn()
        if not probes["liveness"].passing:
            container.signal(signal.SIGTERM)

    def _revive(self, container: Container) -> None:
        name, count = container.name, self._restarts[container.name]
        if name not in self._again:
            wait = 0.0 if count == 0 else min(_LONGEST, self._backoff * 2 ** (count - 1))
            self._again[name] = time.monotonic() + wait
            self._last[name] = {
                "exitCode": container.ended,
                "reason": "Error" if container.ended else "Completed",
                "message": container.message(),
                "finishedAt": now(),
            }
        elif time.monotonic() >= self._again[name]:
            del self._again[name]
            self._restarts[name] += 1
            self._start(container)

    def _tell(self) -> None:
        statuses = [self._status(container) for container in self.containers]
        ready = all(status["ready"] for status in statuses)
        told = [ready, statuses]
        if told == self._told:
            return
        report = {
            "phase": "Running",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": self.pod["metadata"]["creationTimestamp"],
            "conditions": pod_conditions(ready=ready),
            "containerStatuses": statuses,
        }
        try:
            self._cluster.merge(self.pod, {"status": report}, part="status")
        except (RefusedError, OSError, HTTPException):
            return  # told at the next turn
        self._told = told

    def _status(self, container: Container) -> dict[str, Any]:
        name = container.name
        probes = self._probes[name]
        runs = container.ended is None
        started = runs and probes["startup"].passing
        status: dict[str, Any] = {
            "name": name,
            "image": container.spec["image"],
            "imageID": "",
            "ready": started and probes["readiness"].passing,
            "started": started,
            "restartCount": self._restarts[name],
            "lastState": {"terminated": self._last[name]} if name in self._last else {},
        }
        if runs:
            status["state"] = {"running": {}}
        elif self._restarts[name]:
            status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        else:
            status["state"] = {"terminated": self._last.get(name, {"exitCode": container.ended})}
        return status

    def _stop(self) -> None:
        grace = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        deadline = time.monotonic() + grace
        for container in self.containers:
            container.signal(signal.SIGTERM)
        while not self._abandoned.is_set() and time.monotonic() < deadline:
            if all(c.pid is None or c.ended is not None for c in self.containers):
                break
            time.sleep(_STEP)
        for container in self.containers:
            container.kill()
        if not self._abandoned.is_set():
            with contextlib.suppress(RefusedError, OSError, HTTPException):
                self._cluster.delete(self.pod, gracePeriodSeconds=0)
