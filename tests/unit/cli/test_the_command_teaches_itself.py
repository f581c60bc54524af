"""`--help` shows examples, `--version` the version, and a wrong command what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from eventing_alibaba import __version__
from eventing_alibaba.cli.main import COMMANDS, main


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Return what the command prints before it ends well."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_help_lists_each_command_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """All that can be typed first."""
    text = printed(capsys, "--help")
    for name, purpose in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(purpose[:20])}", text, re.MULTILINE)
        assert f"{purpose}\n" in text
    assert "eventing-alibaba run -f source.yaml" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """People copy examples."""
    text = printed(capsys, name, "--help")
    assert "examples:" in text
    assert f"eventing-alibaba {name}" in text


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("emulate", "kafka")])
def test_help_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The written parts too, which are not wrapped."""
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, printed(capsys, *command, "--help").splitlines())) <= 100


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """With the program's name."""
    assert printed(capsys, "--version") == f"eventing-alibaba {__version__}\n"


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, and as wrong usage."""
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().err


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """With those there are."""
    with pytest.raises(SystemExit) as caught:
        main(["rum"])
    assert caught.value.code == 2
    assert "'run'" in capsys.readouterr().err


def test_a_reader_that_had_enough_is_no_traceback() -> None:
    """`eventing-alibaba --help | head -1` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "eventing_alibaba", "--help"],
        stdout=writing,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
