"""kubectl as a user has it, of the plane's own version: it is one more part of the same program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.real.kubelab.build import kubelab
from tests.real.kubelab.client import Manifest


class KubectlError(RuntimeError):
    """kubectl ended with something else than 0; what it said is the text."""


class Kubectl:
    """Runs kubectl with a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._program = str(kubelab())

    def __repr__(self) -> str:
        return f"<Kubectl {self.kubeconfig}>"

    def __call__(self, *arguments: str, stdin: str = "", timeout: float = 60.0) -> str:
        """Run it; return its standard output.

        Raises:
            KubectlError: it failed.
        """
        done = subprocess.run(
            [self._program, "kubectl", *arguments],
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            msg = f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
            raise KubectlError(msg)
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Variables that let it find the cluster, and nothing of the user's own."""
        cache = self.kubeconfig.parent / "kubectl-cache"
        return {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(cache),
            "KUBERC": "off",
            "HOME": str(self.kubeconfig.parent),
        }

    def kustomize(self, folder: Path) -> list[Manifest]:
        """The objects that a kustomization makes."""
        import yaml

        return [found for found in yaml.safe_load_all(self("kustomize", str(folder))) if found]

    def on_path(self, folder: Path) -> Path:
        """Write a `kubectl` into `folder`, for shells that look there; return the folder."""
        command = folder / "kubectl"
        command.write_text(f'#!/bin/sh\nexec "{self._program}" kubectl "$@"\n')
        command.chmod(0o755)
        return folder
