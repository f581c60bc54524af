"""`eventing-alibaba redrive`, as people call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eventing_alibaba.cli.main import main
from eventing_alibaba.testing.adapter import manifest
from eventing_alibaba.testing.emulators.mns import EmulatorProcess


@pytest.fixture
def queues(mns_queue: Callable[..., str]) -> tuple[str, str]:
    """Names of a queue and of its dead-letter queue."""
    return mns_queue(), mns_queue(visibility_timeout=2)


@pytest.fixture
def file(mns_emulator: EmulatorProcess, queues: tuple[str, str], tmp_path: Path) -> str:
    """A manifest of the queue."""
    key = {"value": "test"}
    auth = {"accessKeyId": key, "accessKeySecret": key}
    spec = {"endpoint": mns_emulator.endpoint, "queue": queues[0], "auth": auth}
    path = tmp_path / "source.json"
    path.write_text(json.dumps(manifest("MnsSource", spec)))
    return str(path)


def test_it_says_what_it_did(
    mns_emulator: EmulatorProcess,
    queues: tuple[str, str],
    file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """How many were moved and what is left, in a dry run and in earnest."""
    mns_emulator.send(queues[1], [f"x{n}" for n in range(30)])
    command = ["redrive", "-f", file, "--from", queues[1]]
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out == (
        f"30 messages would be moved from {queues[1]}\nnothing was moved: this was a dry run\n"
    )
    assert main([*command, "--max", "10"]) == 0
    assert capsys.readouterr().out == f"10 messages moved from {queues[1]}, 20 left there\n"
    assert main(command) == 0
    assert capsys.readouterr().out == f"20 messages moved from {queues[1]}\n"
    assert mns_emulator.counts(queues[0])["active"] == 30


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("nothing", 1, "there is no queue nothing"),
        (None, 2, "is the queue of the source itself"),
    ],
)
def test_wishes_that_cannot_be_fulfilled_are_told(
    queues: tuple[str, str],
    file: str,
    capsys: pytest.CaptureFixture[str],
    source: str | None,
    code: int,
    words: str,
) -> None:
    """A sentence, and the exit code that says whose turn it is."""
    assert main(["redrive", "-f", file, "--from", source or queues[0]]) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "9" * 20])
def test_a_number_is_asked_for(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--max` wants a whole number from 1."""
    with pytest.raises(SystemExit) as ended:
        main(["redrive", "--from", "x", "--max", text])
    assert ended.value.code == 2
    assert "must be a number from 1" in capsys.readouterr().err


def test_a_kind_without_dead_letter_queues_says_so(tmp_path: Path) -> None:
    """Kafka has none that belong to a group."""
    spec = {"bootstrapServers": ["localhost:1"], "topics": ["t"]}
    path = tmp_path / "source.json"
    path.write_text(json.dumps(manifest("AliKafkaSource", spec)))
    assert main(["redrive", "-f", str(path), "--from", "x"]) == 78


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_after_the_step_under_way(
    mns_emulator: EmulatorProcess, queues: tuple[str, str], file: str, number: signal.Signals
) -> None:
    """What was moved is told, nothing is in both queues or in none, and the exit code is 130."""
    bodies = {f"x{n}" for n in range(2_000)}
    mns_emulator.send(queues[1], sorted(bodies))
    mns_emulator.fail("BatchSendMessage", delay=0.05)
    command = [sys.executable, "-m", "eventing_alibaba", "redrive", "-f", file]
    process = subprocess.Popen(
        [*command, "--from", queues[1]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        process.stderr.readline()  # the first line of progress
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    there = [one["body"] for one in mns_emulator.messages(queues[0])]
    left = [one["body"] for one in mns_emulator.messages(queues[1])]
    assert out.startswith(f"{len(there):,} messages moved from")
    assert sorted(there + left) == sorted(bodies)
