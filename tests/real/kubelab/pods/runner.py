"""Runs the pods of a namespace as processes of this machine, by what the Pod objects say."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.kubelab.client import Kubernetes, Manifest
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.pods.image import Image
from tests.real.kubelab.pods.run import PodRun


class ProcessRunner:
    """`with ProcessRunner(cluster, kubelet, namespace, images={...}) as runner:`.

    Args:
        images: what runs for each image name; a pod with another image stays pending.
        backoff: seconds before the second restart of a container; doubled each time.
    """

    def __init__(
        self,
        cluster: Kubernetes,
        kubelet: Kubelet,
        namespace: str,
        *,
        images: dict[str, Image],
        backoff: float = 10.0,
    ) -> None:
        self._cluster = cluster
        self._kubelet = kubelet
        self._namespace = namespace
        self._images = images
        self._backoff = backoff
        self._folder = Path(tempfile.mkdtemp(prefix="pods-"))
        self._runs: dict[str, PodRun] = {}

    def __enter__(self) -> Self:
        self._kubelet.give(self._namespace, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kubelet.take_back(self._namespace)
        for run in self._runs.values():
            run.abandon()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<ProcessRunner {self._namespace} {list(self._runs.values())}>"

    def tend(self, pods: list[Manifest]) -> None:
        """Start the new pods and end the deleted ones."""
        seen = set()
        for pod in pods:
            uid = pod["metadata"]["uid"]
            seen.add(uid)
            deleted = "deletionTimestamp" in pod["metadata"]
            known = all(c["image"] in self._images for c in pod["spec"]["containers"])
            if uid not in self._runs and known and not deleted:
                self._runs[uid] = PodRun(
                    self._cluster,
                    pod,
                    images=self._images,
                    folder=self._folder / uid,
                    address=self._kubelet.address(),
                    backoff=self._backoff,
                )
            elif deleted and uid in self._runs:
                self._runs[uid].end()
        for uid, run in self._runs.items():
            if uid not in seen:
                run.end()

    def runs(self, where: Callable[[PodRun], bool] = lambda _: True) -> list[PodRun]:
        """The pods that were ever run, oldest first."""
        return [run for run in self._runs.values() if where(run)]

    def log(self) -> str:
        """What all containers have printed, pod by pod."""
        return "\n".join(
            f"--- {run.pod['metadata']['name']} {container.name}\n"
            f"{container.log.read_text(errors='replace') if container.log.exists() else ''}"
            for run in self._runs.values()
            for container in run.containers
        )
