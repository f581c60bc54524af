"""`eventing-alibaba emulate`: emulators by entry point, ready in one line, ended by a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from tests.unit.cli.services import closed_port

from eventing_alibaba.cli.main import main

COMMAND = (sys.executable, "-m", "eventing_alibaba", "emulate")


@pytest.fixture
def emulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package with an emulator that works, and one that does not."""
    (tmp_path / "parcel_emulators.py").write_text(
        "class Depot:\n"
        "    name = 'depot'\n"
        "    summary = 'A depot on this machine.'\n"
        "    def add_arguments(self, parser):\n"
        "        parser.epilog = 'examples: depot'\n"
        "        parser.add_argument('--port', type=int, default=0)\n"
        "    def run(self, args):\n"
        "        print(args.port)\n"
        "        return 3\n"
        "DEPOT = Depot()\n"
    )
    info = tmp_path / "parcel_emulators-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcel-emulators\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[eventing_alibaba.emulators]\n"
        "depot = parcel_emulators:DEPOT\n"
        "wreck = no_such_module_here:WRECK\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("parcel_emulators", None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal(number: int) -> None:
    """The line has the address, the topics are there, and the end is in order."""
    port = closed_port()
    process = subprocess.Popen(
        [*COMMAND, "kafka", "--port", str(port), "--topic", "orders:3", "--topic", "invoices"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        ready = json.loads(process.stdout.readline())
        assert ready["bootstrapServers"] == f"127.0.0.1:{port}"
        client = AdminClient({"bootstrap.servers": ready["bootstrapServers"]})
        topics = client.list_topics(timeout=10).topics
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {
            "orders": 3,
            "invoices": 1,
        }
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_a_port_that_is_taken_is_a_sentence_and_1() -> None:
    """Nothing is left behind."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "kafka", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["kafka", "mns", "rocketmq"])
@pytest.mark.parametrize("flag", ["--port", "--admin-port"])
@pytest.mark.parametrize("value", ["x", "-1", "65536", "99999"])
def test_a_port_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], name: str, flag: str, value: str
) -> None:
    """It names the flag and what is accepted, instead of serving at another port."""
    with pytest.raises(SystemExit) as caught:
        main(["emulate", name, f"{flag}={value}"])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {flag}: '{value}' is no port: must be a number from 0 to 65535" in said


@pytest.mark.usefixtures("emulators")
def test_others_are_found_by_entry_point(capsys: pytest.CaptureFixture[str]) -> None:
    """Their flags are their own, and so is their exit code."""
    assert main(["emulate", "depot", "--port", "7"]) == 3
    assert capsys.readouterr().out == "7\n"


@pytest.mark.usefixtures("emulators")
def test_one_that_cannot_be_loaded_is_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others work all the same."""
    with pytest.raises(SystemExit):
        main(["emulate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "depot A depot on this machine." in text
    assert "wreck cannot be used: No module named 'no_such_module_here'" in text
    assert main(["emulate", "wreck"]) == 78
    assert "no_such_module_here" in capsys.readouterr().err


def test_help_of_an_emulator_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Examples that can be copied, with flags that are there."""
    with pytest.raises(SystemExit) as caught:
        main(["emulate", "kafka", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "eventing-alibaba emulate kafka --port 9092 --topic orders:4" in text
    assert {"--port", "--topic"} <= set(re.findall(r"--[a-z-]+", text))


def test_no_name_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """With what is missing."""
    with pytest.raises(SystemExit) as caught:
        main(["emulate"])
    assert caught.value.code == 2
    assert "NAME" in capsys.readouterr().err


def test_it_imports_no_broker_client_for_its_help() -> None:
    """Listing is cheap, and works where a client is not installed."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--help"],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=60,
        check=True,
    )
    assert "eventing_alibaba.testing.emulators" in done.stderr
    assert "confluent_kafka" not in done.stderr
