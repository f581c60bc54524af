"""`eventing-alibaba run` turns flags and a manifest into one run, and mistakes into sentences."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Runs, replace_run

from eventing_alibaba.cli.main import main
from eventing_alibaba.contract.errors import Misconfigured, Unavailable
from eventing_alibaba.runtime.environment import Settings

pytestmark = pytest.mark.usefixtures("parcel")

SOURCE = """\
apiVersion: sources.eventing-alibaba.dev/v1alpha1
kind: ParcelSource
metadata: {name: parcels}
spec:
  depot: north
  sink: {uri: "http://localhost:3000"}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a manifest."""
    path = tmp_path / "source.yaml"
    path.write_text(SOURCE)
    return path


def test_a_file_is_run(source: Path, runs: Runs) -> None:
    """Its settings reach the run, whose exit code is the command's."""
    assert main(["run", "-f", str(source)]) == 0
    [settings] = runs
    assert (settings.kind, settings.name) == ("ParcelSource", "parcels")
    assert (settings.port, settings.metrics_port) == (8080, 9092)


def test_flags_reach_the_run(source: Path, runs: Runs, tmp_path: Path) -> None:
    """Each of them."""
    flags = "--host 127.0.0.1 --port 0 --metrics-port 0 --log-format text --log-level debug"
    assert main(["run", "--file", str(source), "--secrets", str(tmp_path), *flags.split()]) == 0
    [settings] = runs
    assert (settings.host, settings.port, settings.metrics_port) == ("127.0.0.1", 0, 0)
    assert settings.credentials.directory == tmp_path
    assert (settings.log_format, settings.log_level) == ("text", logging.DEBUG)


def test_the_environment_is_run_without_a_file(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a pod."""
    config = {
        "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
        "kind": "ParcelSource",
        "metadata": {"name": "handed-over"},
        "spec": {"depot": "north", "novel": 1},
    }
    monkeypatch.setenv("K_SOURCE_CONFIG", json.dumps(config))
    monkeypatch.setenv("K_SINK", "http://sink/")
    assert main(["run"]) == 0
    assert runs[0].name == "handed-over"


def test_a_mistake_is_a_sentence_on_stderr_and_78(
    source: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each problem; nothing runs."""
    source.write_text(SOURCE.replace("depot: north", "depot: 5\n  flow: {maxByte: 1}"))
    assert main(["run", "-f", str(source)]) == 78
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        (
            f"eventing-alibaba: {source}: spec.flow.maxByte: is no field of spec.flow; "
            "did you mean `maxBytes`?"
        ),
        f"eventing-alibaba: {source}: spec.depot: must be text: put it in quotes; got 5",
    ]
    assert captured.out == ""
    assert runs == []


def test_the_sentence_is_left_as_termination_message(
    source: Path, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator and `kubectl describe` read it there."""
    place = tmp_path / "termination-log"
    place.touch()
    monkeypatch.setenv("EVENTING_ALIBABA_TERMINATION_LOG", str(place))
    source.write_text(SOURCE.replace("depot", "dept"))
    assert main(["run", "-f", str(source)]) == 78
    assert f"{source}: spec.depot: is required" in place.read_text()
    assert runs == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(Misconfigured("spec.x: wrong"), 78), (Unavailable("port 8080 is taken"), 1)],
    ids=["misconfigured", "unavailable"],
)
def test_an_error_of_the_run_is_a_sentence_too(
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: Exception,
    code: int,
) -> None:
    """Also what is found out while it runs; only a misconfiguration is left for Kubernetes."""
    place = tmp_path / "termination-log"
    place.touch()
    monkeypatch.setenv("EVENTING_ALIBABA_TERMINATION_LOG", str(place))
    replace_run(monkeypatch, raising(error))
    assert main(["run", "-f", str(source)]) == code
    assert capsys.readouterr().err == f"eventing-alibaba: {error}\n"
    assert place.read_text() == (str(error) if code == 78 else "")


def raising(error: BaseException) -> Callable[[Settings], int]:
    """Return a run that fails."""

    def run(_settings: Settings) -> int:
        raise error

    return run


def test_a_missing_client_names_the_extra(source: Path, parcel: Path) -> None:
    """It is imported when the source is built: a whole process, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "eventing_alibaba", "run", "-f", str(source), "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(parcel)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr.endswith("pip install 'parcel-source[post]'\n")
    assert "Traceback" not in done.stderr + done.stdout


def test_an_interrupt_is_130_without_a_traceback(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before the run handles it itself."""
    replace_run(monkeypatch, raising(KeyboardInterrupt()))
    assert main(["run", "-f", str(source)]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--port", "x"], "argument --port: 'x' is no port: must be a number from 0 to 65535"),
        (["--port", "65536"], "argument --port: '65536' is no port"),
        (["--metrics-port", "-1"], "argument --metrics-port: "),
        (["--secrets", "/nonexistent"], "argument --secrets: '/nonexistent' is no directory"),
        (["--log-format", "xml"], "argument --log-format: invalid choice: 'xml'"),
        (["--unknown"], "unrecognized arguments: --unknown"),
        (["-f"], "argument -f/--file: expected one argument"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_2_and_says_which(
    flags: list[str], said: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors are no misconfiguration."""
    with pytest.raises(SystemExit) as caught:
        main(["run", *flags])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
    assert runs == []
