"""The examples: manifests that run as they are, and a service that takes events."""

from __future__ import annotations

import http.client
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.unit.docs.pages import ROOT, Fence, fences

from eventing_alibaba.runtime import manifest

_EXAMPLES: Final = sorted(ROOT.glob("examples/*.yaml"))


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_a_valid_manifest(path: Path) -> None:
    """Each example is read by what `run -f` reads with, without a complaint or a warning."""
    found = manifest.load(path)
    assert found.warnings == ()
    assert found.spec.sink is not None


def test_there_are_examples() -> None:
    """The test above has something to read."""
    assert len(_EXAMPLES) >= 3


def _sources() -> list[Fence]:
    return [fence for fence in fences("yaml") if "\nkind: AliKafkaSource" in fence.text]


@pytest.mark.parametrize("fence", _sources(), ids=lambda fence: fence.page)
def test_a_manifest_on_a_page_is_valid(fence: Fence, tmp_path: Path) -> None:
    """A whole manifest that a page shows can be run as it stands there."""
    path = tmp_path / "source.yaml"
    path.write_text(fence.text, encoding="utf-8")
    assert manifest.load(path).name == "orders"


def test_the_readme_shows_the_example() -> None:
    """README's manifest says what `examples/kafka.yaml` says."""
    (shown,) = [fence for fence in _sources() if fence.page == "README.md"]
    example = (ROOT / "examples/kafka.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(shown.text) == yaml.safe_load(example)


def test_the_service_takes_an_event_and_prints_it() -> None:
    """`examples/service.py` answers an event with 2xx, keeps the connection, and shows it."""
    service = subprocess.Popen(
        [sys.executable, str(ROOT / "examples/service.py"), "0"], stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    with service, service.stdout as lines:
        try:
            port = int(lines.readline().rstrip("/\n").rpartition(":")[2])
            connection = http.client.HTTPConnection("localhost", port, timeout=10)
            for number in (1, 2):
                headers = {"ce-id": str(number), "ce-type": "t", "ce-source": "s"}
                connection.request("POST", "/", b"data", headers)
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (204, b"")
                assert lines.readline() == f"t {number} data\n"
            connection.close()
        finally:
            service.kill()
