"""The commands of the pages about the cluster, run in their order on a real API server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.real.kubelab.client import eventually
from tests.real.kubelab.kubectl import Kubectl
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.installation import install
from tests.real.operator.places import HOME, ROOT
from tests.unit.docs.pages import fences

_PAGES: Final = ("docs/install.md", "docs/first-source.md")
_FILES: Final = {
    "docs/install.md": "my-cluster/kustomization.yaml",
    "docs/first-source.md": "source.yaml",
}
"""What a page's manifest is to be written into, as the page says."""

NOT_RUN: Final = {
    "kubectl delete -f crds/": "would take the kinds away from the tests that follow",
}


def _lines(page: str) -> list[str]:
    return [
        line
        for fence in fences("sh")
        if fence.page in (page, Path(page).name)
        for line in fence.text.splitlines()
        if line and line not in NOT_RUN
    ]


def test_the_pages_work(
    plane: ControlPlane, kubelet: Kubelet, kubectl: Kubectl, tmp_path: Path
) -> None:
    """One who has a checkout and types what the pages say sees no error."""
    for folder in ("crds", "deploy"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for page, file in _FILES.items():
        found = [f for f in fences("yaml") if f.page in (page, Path(page).name)]
        assert len(found) == 1
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(found[0].text)
    programs = tmp_path / "bin"
    programs.mkdir()
    kubectl.on_path(programs)
    environment = {**kubectl.environment(), "PATH": f"{programs}:{os.environ['PATH']}"}
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    plane.admin.delete(shop)
    eventually(lambda: plane.admin.find(shop) is None, seconds=60, what="no namespace `shop`")
    lines = [line for page in _PAGES for line in _lines(page)]
    assert len(lines) > 10
    # What takes the operator away comes last; the policy needs the namespace that comes later.
    lines.sort(key=lambda line: ("delete -k" in line, "-k deploy/namespace" in line))
    for line in lines:
        done = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{line}\n{done.stdout}{done.stderr}")
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}
    eventually(lambda: plane.admin.find(home) is None, seconds=60, what="all is taken away")
    install(plane.admin, kubectl)  # for the tests that follow
