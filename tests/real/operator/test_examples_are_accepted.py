"""Every manifest that the repository or a page shows, shown to a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.real.kubelab.client import Manifest, RefusedError
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.places import API_VERSION, EXAMPLES, ROOT
from tests.unit.docs.pages import fences

STANDALONE: Final = {
    "mns.yaml": "spec.auth.accessKeyId",
    "mns-oss.yaml": "spec.auth.accessKeyId",
    "rocketmq.yaml": "spec.auth.username",
}
"""Examples for a laptop, with secrets from the environment or in the clear: the field refused."""

_FILES: Final = sorted(EXAMPLES.glob("**/*.yaml"))


def _sources(text: str) -> list[Manifest]:
    found = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    return [document for document in found if document.get("apiVersion") == API_VERSION]


def _shown() -> list[tuple[str, str]]:
    marker = f"apiVersion: {API_VERSION}"
    return [
        (f"{fence.page}-{number}", fence.text)
        for number, fence in enumerate(fences("yaml"))
        if marker in fence.text
    ]


@pytest.fixture
def place(plane: ControlPlane, namespace: str) -> ControlPlane:
    """The plane, with the namespace in which the examples lie."""
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    plane.admin.apply(shop)
    return plane


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example(place: ControlPlane, path: Path) -> None:
    """It is accepted as it stands; one for a laptop is refused for the way it gives a secret."""
    documents = [found for found in yaml.safe_load_all(path.read_text()) if found]
    field = STANDALONE.get(path.name) if path.parent == EXAMPLES else None
    for document in documents:
        if field is None:
            assert place.admin.create(document, dry_run=True)["kind"] == document["kind"]
        else:
            with pytest.raises(RefusedError, match=field):
                place.admin.create(document, dry_run=True)


@pytest.mark.parametrize("text", [text for _, text in _shown()], ids=[name for name, _ in _shown()])
def test_a_manifest_on_a_page(place: ControlPlane, text: str) -> None:
    """A whole source that a page shows is accepted by the API server."""
    for document in _sources(text):
        place.admin.create(document, dry_run=True)


def test_there_are_some_for_a_cluster() -> None:
    """The tests above have examples to read, and pages that show sources."""
    assert [path for path in _FILES if path.parent.name == "cluster"]
    assert _shown()
    assert ROOT in EXAMPLES.parents
