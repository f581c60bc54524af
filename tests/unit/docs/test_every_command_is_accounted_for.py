"""Every command that README and the pages show is run by a test, or stands here with the reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.unit.cli.services import service
from tests.unit.docs.pages import PAGES, ROOT
from tests.unit.docs.test_documented_commands import _commands

from eventing_alibaba.cli.main import COMMANDS
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess

_FENCE: Final = re.compile(r"^```(?:console|sh)\n.*?^```", re.MULTILINE | re.DOTALL)

_CLUSTER: Final = "needs a Kubernetes cluster"
_BROKER: Final = "needs the reader's own broker; tests/real and tests/unit/cli run the command"
_ADAPTER: Final = "speaks to an adapter that runs; tests/unit/control run the command"
_SERVES: Final = "serves until it is stopped; another test starts it"
_INSTALLS: Final = "changes the environment; continuous integration does it first of all"
_DEMO: Final = "speaks to a demo that runs; tests/unit/demo ask it the same"
_ITSELF: Final = "is what runs this test, or a longer form of it"

NOT_RUN: Final[Mapping[str, str]] = {
    # Making and installing.
    "make demo": "serves until Ctrl-C; `eventing-alibaba demo --once` is run",
    "make test": _ITSELF,
    "make env": _INSTALLS,
    'make bench ARGS="--records 1000000"': "takes an hour; tests/real/test_benchmark_measures.py",
    "pip install '.[kafka]'": _INSTALLS,
    "python -m venv .venv && . .venv/bin/activate": _INSTALLS,
    # Serving.
    "eventing-alibaba emulate kafka --port 9092 --topic orders:4": _SERVES,
    "eventing-alibaba emulate mns --port 8080 --admin-port 8081 --queue orders": _SERVES,
    "eventing-alibaba emulate rocketmq --port 8080 --admin-port 8081 --topic orders "
    "--topic ledger:fifo": _SERVES,
    "python examples/service.py &": _SERVES,
    "python examples/service.py 3000": _SERVES,
    "eventing-alibaba run -f examples/kafka.yaml": _BROKER,
    "curl http://127.0.0.1:8421/break -H 'Origin: http://127.0.0.1:8421' -H 'Content-Type: "
    'application/json\' -d \'{"fault": "service-down"}\'': _DEMO,
    "curl -N http://127.0.0.1:8421/stream": _DEMO,
    # Asking.
    "curl -s localhost:8080/status": _ADAPTER,
    "eventing-alibaba skip -f source.yaml partition:0/offset:41": _ADAPTER,
    "kubectl exec deploy/orders -- eventing-alibaba skip": _CLUSTER,
}


BESIDE_AN_ADAPTER: Final = (
    "eventing-alibaba check -f source.yaml",
    "eventing-alibaba skip -f source.yaml",
    "eventing-alibaba run -f source.yaml",
)
"""Run below, with an adapter of that manifest."""

WITHOUT_ONE: Final = ("eventing-alibaba seek -f source.yaml --to 2026-01-31T08:00:00Z --dry-run",)


def test_each_is_run_or_has_a_reason() -> None:
    """A new command is marked `<!-- run -->` on its page, or named above; none is forgotten."""
    shown = {command.line for command in _commands() if not command.run}
    assert shown == {*NOT_RUN, *BESIDE_AN_ADAPTER, *WITHOUT_ONE}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a `source.yaml`, whose broker and service are there."""
    directory = tmp_path_factory.mktemp("reader")
    document = yaml.safe_load((ROOT / "examples/kafka.yaml").read_text(encoding="utf-8"))
    with EmulatorProcess(topics={"orders": 2}) as emulator, service() as seen:
        document["spec"] |= {
            "bootstrapServers": [emulator.bootstrap_servers],
            "sink": {"uri": seen.url},
        }
        (directory / "source.yaml").write_text(json.dumps(document))
        yield directory


def _run(line: str, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line,
        shell=True,
        cwd=place,
        env=_environment(place),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment(place: Path) -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    free = {"EVENTING_ALIBABA_PORT": "0", "EVENTING_ALIBABA_METRICS_PORT": "0"}
    return {**os.environ, **free, "PATH": programs, "TMPDIR": str(place)}


@pytest.mark.parametrize("line", WITHOUT_ONE)
def test_a_command_without_an_adapter(line: str, place: Path) -> None:
    """It does what it says on the reader's own topic."""
    done = _run(line, place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing was moved: this was a dry run\n")


def test_commands_beside_an_adapter(place: Path) -> None:
    """`run` gets ready; `check` finds nothing wrong, `skip` nothing blocked; then it is stopped."""
    check, skip, run = BESIDE_AN_ADAPTER
    command = f"exec {run} --log-format json"
    with subprocess.Popen(
        command, shell=True, cwd=place, env=_environment(place), stdout=subprocess.PIPE, text=True
    ) as adapter:
        assert adapter.stdout is not None
        said = next(line for line in adapter.stdout if "ready: messages are received" in line)
        assert json.loads(said)["level"] == "info"
        done = _run(check, place)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (
            0,
            "all is well: run would deliver",
        )
        done = _run(skip, place)
        assert (done.returncode, done.stdout) == (0, "nothing is blocked\n")
        adapter.terminate()
        assert adapter.wait(30) == 0


def test_none_that_is_run_is_excused() -> None:
    """What stands above is really not run; a reason is a sentence."""
    run = {command.line for command in _commands() if command.run}
    run |= {*BESIDE_AN_ADAPTER, *WITHOUT_ONE}
    assert not run & set(NOT_RUN)
    assert all(len(reason.split()) > 2 for reason in NOT_RUN.values())


def test_no_command_hides_in_a_fence_of_another_language() -> None:
    """A line that begins with a prompt stands in a fence that these tests read."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = _FENCE.sub("", text)
        assert not re.search(r"^\s*\$ \w", shown, re.MULTILINE), page.relative_to(ROOT)


def test_every_command_is_on_the_page_of_commands() -> None:
    """In the order of `--help`, each with a section and its own help text."""
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(COMMANDS)
    assert set(re.findall(r"^```\{command\} (\w+)$", text, re.MULTILINE)) == set(COMMANDS)
