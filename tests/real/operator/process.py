"""The operator as a process with its own service account, as its Deployment would start it.

It gets a bound token of the account that deploy/ makes, and nothing else: what it may do is what
the shipped roles say. Where the API server is, is told by a kubeconfig; the rest by the environment
that deploy/base/deployment.yaml gives it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from tests.real.kubelab.client import Kubernetes
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.places import ACCOUNT, DEPLOY, HOME
from tests.real.servers.process import ServerProcess

IMAGE = "registry.example.com/eventing-alibaba:test"
"""What adapters are told to run."""


class OperatorProcess:
    """`with OperatorProcess(plane) as operator:`; watches all namespaces unless told which."""

    def __init__(
        self,
        plane: ControlPlane,
        *flags: str,
        namespaces: tuple[str, ...] = (),
        server: str | None = None,
        image: str = IMAGE,
        account: tuple[str, str] = (HOME, ACCOUNT),
    ) -> None:
        """Prepare an operator.

        Args:
            plane: the cluster.
            flags: further flags of the command.
            namespaces: what it watches; all if empty.
            server: URL of what stands between it and the API server, if anything does.
            image: what adapters run.
            account: namespace and name of its service account.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="operator-")
        folder = Path(self._folder.name)
        token = plane.admin.account_token(*account)
        client = Kubernetes(server or plane.admin.server, plane.admin.authority, token)
        self._kubeconfig = client.kubeconfig(folder / "kubeconfig")
        self._flags = [*flags, *(f"--namespace={name}" for name in namespaces)]
        self._image = image
        self._log = folder / "log"
        self._process: ServerProcess | None = None
        self.began = 0
        """Where in the audit log it begins, for tests that note it."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._process is not None:
            error.add_note(f"the operator's log closes with:\n{self._process.tail()}")
        self.kill()
        self._folder.cleanup()

    def __repr__(self) -> str:
        return f"<OperatorProcess {self._process!r}>"

    def start(self, *, wait: bool = True) -> Self:
        """Start it; with `wait`, until it says that it is ready."""
        command = [sys.executable, "-m", "eventing_alibaba_operator", *self._flags]
        before = self._log.stat().st_size if self._log.exists() else 0
        self._process = ServerProcess(command, log=self._log, env=self._environment())
        if wait:
            self._process.wait_until(
                lambda: b"operator ready" in self._log.read_bytes()[before:], seconds=60
            )
        return self

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.alive

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        assert self._process is not None
        return self._process.stop(seconds=20)

    def kill(self) -> None:
        """SIGKILL, as a node that dies would."""
        if self._process is not None:
            self._process.kill()

    def resync(self) -> None:
        """Have everything looked at now."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGUSR1)

    def log(self) -> str:
        """All it has said, over all its starts."""
        return self._log.read_text(errors="replace")

    def resident(self) -> int:
        """Memory that it holds now, in bytes."""
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _environment(self) -> dict[str, str]:
        deployment = yaml.safe_load((DEPLOY / "base" / "deployment.yaml").read_text())
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        told = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        return {
            "PATH": os.environ["PATH"],
            **told,
            "ADAPTER_IMAGE": self._image,
            "POD_NAMESPACE": HOME,
            "KUBECONFIG": str(self._kubeconfig),
            "HEALTH_PORT": "0",
            "METRICS_PORT": "0",
            "LOG_FORMAT": "text",
            "LOG_LEVEL": "info",
        }
