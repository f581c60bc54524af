"""The official clients for Python, Node and Java, unchanged, against the emulator.

Each is a program of its own that makes every call once and prints what it saw; what it should have
seen stands here, and is the same for all. They share no code with the emulator, nor with each
other: three languages, three makers of protobuf messages.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.real.mns_clients.packages import UnresolvedPackagesError, installed
from tests.real.rocketmq_clients.environment import UnresolvedRequirementsError, python_with
from tests.real.servers.jars import CACHE, UnresolvedJarsError, class_path
from tests.real.servers.tools import MissingToolError, program

from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

HERE: Final = Path(__file__).parent
KEPT: Final = CACHE / "rocketmq_clients"

_ABSENT: Final = (
    MissingToolError,
    UnresolvedPackagesError,
    UnresolvedRequirementsError,
    UnresolvedJarsError,
)


@pytest.fixture(scope="module")
def rocketmq() -> Iterator[EmulatorProcess]:
    """An emulator with two brokers."""
    with EmulatorProcess(brokers=2) as emulator:
        yield emulator


@pytest.fixture
def word(rocketmq: EmulatorProcess, request: pytest.FixtureRequest) -> str:
    """What the test's topics and groups begin with."""
    word = request.node.name.removeprefix("test_")
    for kind in ("NORMAL", "FIFO", "DELAY"):
        rocketmq.create_topic(f"{word}-{kind.lower()}", kind=kind, queues=1)
    for group in ("fifo", "push-fifo"):
        rocketmq.create_group(f"{word}-{group}", fifo=True, backoff=[1])
    rocketmq.create_group(f"{word}-push", backoff=[1])
    return str(word)


def said(*command: str | os.PathLike[str], home: Path) -> dict[str, Any]:
    """Run a client; return the JSON that it prints."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def absent(error: Exception) -> None:
    """Skip the test where a tool or an index is missing, but fail it where CI is true."""
    if os.environ.get("CI") == "true":
        raise error
    pytest.skip(str(error))


def check(
    rocketmq: EmulatorProcess, word: str, seen: dict[str, Any], *, retries_fifo: bool = True
) -> None:
    """Compare what a client saw with what it should have seen, and what it left behind."""
    assert seen["tag"] == [
        {"body": n, "tag": "a", "keys": [f"k{n}"], "properties": {"n": n}, "attempt": 1}
        for n in ("1", "3")
    ]
    assert seen["sql"] == ["2", "3"]
    assert seen["again"] == [True, 2]
    assert seen["fifo"] == ["0", "1", "2", "3", "4"]
    assert seen["delay"] == ["late", True]
    assert seen["push"] == [["1", 1], ["2", 1], ["2", 2], ["3", 1]]
    again = ["2"] if retries_fifo else []  # else the client buries it at once
    assert seen["pushFifo"] == ["0", "1", "2", *again, "3", "4"]
    refused = [asked for asked in rocketmq.requests() if asked["code"] == "UNAUTHORIZED"]
    assert word in {asked["topic"].partition("-")[0] for asked in refused}
    topics = {"sql": "normal", "fifo": "fifo", "delay": "delay"}
    topics |= {"push": "normal", "push-fifo": "fifo"}
    for group, topic in topics.items():
        counts = rocketmq.counts(f"{word}-{topic}", f"{word}-{group}")
        assert counts["backlog"] == counts["void"] == 0, group
    gone = [client for client in rocketmq.state()["clients"] if client["group"].startswith(word)]
    assert gone == []


def test_python(rocketmq: EmulatorProcess, word: str, tmp_path: Path) -> None:
    """rocketmq-python-client makes its calls and sees what it should."""
    try:
        python = python_with(HERE / "requirements.txt", into=KEPT)
    except _ABSENT as error:
        absent(error)
    seen = said(python, HERE / "client.py", rocketmq.endpoints, word, home=tmp_path)
    check(rocketmq, word, seen)


def test_node(rocketmq: EmulatorProcess, word: str, tmp_path: Path) -> None:
    """rocketmq-client-nodejs makes its calls and sees what it should."""
    try:
        node = program("node")
        folder = installed(HERE / "package.json", into=KEPT)
    except _ABSENT as error:
        absent(error)
    seen = said(node, HERE / "client.cjs", folder, rocketmq.endpoints, word, home=tmp_path)
    check(rocketmq, word, seen, retries_fifo=False)


def test_java(rocketmq: EmulatorProcess, word: str, tmp_path: Path) -> None:
    """rocketmq-client-java makes its calls and sees what it should."""
    try:
        java = program("java")
        jars = class_path(HERE / "pom.xml", into=KEPT)
    except _ABSENT as error:
        absent(error)
    options = (f"-Duser.home={tmp_path}", "-cp", jars)
    seen = said(java, *options, HERE / "Client.java", rocketmq.endpoints, word, home=tmp_path)
    check(rocketmq, word, seen)
