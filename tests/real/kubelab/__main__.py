"""A control plane to try things on: `python -m tests.real.kubelab [--crds DIR]`.

Starts it, with a kubelet that says of every pod that it runs, prints how to reach it, and stops on
Ctrl-C or SIGTERM. The custom resource definitions in the folder (`crds/` by default) are applied.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.real.kubelab.client import documents
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane


def main() -> int:
    """Run until a signal comes; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.kubelab", description=__doc__)
    parser.add_argument("--crds", type=Path, default=Path("crds"), help="folder of definitions")
    parser.add_argument("--kubeconfig", type=Path, help="where to write it; by default printed")
    arguments = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    definitions = [document for _, document in documents(arguments.crds)]
    with ControlPlane(definitions) as plane, Kubelet(plane.admin):
        path = plane.admin.kubeconfig(arguments.kubeconfig or plane.folder / "kubeconfig")
        sys.stdout.write(
            f"export KUBECONFIG={path}\n# logs and audit.log: {plane.folder}\n# Ctrl-C ends it\n"
        )
        sys.stdout.flush()
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
