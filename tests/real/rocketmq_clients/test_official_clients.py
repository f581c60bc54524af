"""The official clients for Python, Node and Java, unchanged, against the emulator.

Each is a program of its own that makes every call once and prints what it saw; what it should have
seen stands here, and is the same for all. They share no code with the emulator, nor with each
other: three languages, three makers of protobuf messages.

They run at the same time: each asks one broker after the other, and waits at the empty one for the
five seconds that are the shortest poll, which makes a minute in all.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


@pytest.fixture(scope="module")
def clients(
    rocketmq: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[dict[str, Any]]]]:
    """What each client says, by its name, which its topics and groups begin with."""
    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        running = {}
        for word in COMMANDS:
            for kind in ("NORMAL", "FIFO", "DELAY"):
                rocketmq.create_topic(f"{word}-{kind.lower()}", kind=kind, queues=1)
            for group in ("fifo", "push-fifo"):
                rocketmq.create_group(f"{word}-{group}", fifo=True, backoff=[1])
            rocketmq.create_group(f"{word}-push", backoff=[1])
            home = tmp_path_factory.mktemp(word)
            running[word] = pool.submit(_said, word, rocketmq.endpoints, home)
        yield running


def _python(_: Path) -> list[str | Path]:
    return [python_with(HERE / "requirements.txt", into=KEPT), HERE / "client.py"]


def _node(_: Path) -> list[str | Path]:
    return [program("node"), HERE / "client.cjs", installed(HERE / "package.json", into=KEPT)]


def _java(home: Path) -> list[str | Path]:
    jars = class_path(HERE / "pom.xml", into=KEPT)
    return [program("java"), f"-Duser.home={home}", "-cp", jars, HERE / "Client.java"]


COMMANDS: Final = {"python": _python, "node": _node, "java": _java}


def _said(word: str, endpoints: str, home: Path) -> dict[str, Any]:
    """Make what a client needs, run it, and return the JSON that it prints."""
    command = [*COMMANDS[word](home), endpoints, word]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("word", COMMANDS)
def test_a_client_sees_what_it_should(
    rocketmq: EmulatorProcess, clients: dict[str, Future[dict[str, Any]]], word: str
) -> None:
    """Every call of rocketmq-python-client, -client-nodejs and -client-java, and nothing is left.

    Skipped where a tool or an index is missing, but not where `CI` is true.
    """
    try:
        seen = clients[word].result()
    except _ABSENT as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    assert seen["tag"] == [
        {"body": n, "tag": "a", "keys": [f"k{n}"], "properties": {"n": n}, "attempt": 1}
        for n in ("1", "3")
    ]
    assert seen["sql"] == ["2", "3"]
    assert seen["again"] == [True, 2]
    assert seen["fifo"] == ["0", "1", "2", "3", "4"]
    assert seen["delay"] == ["late", True]
    assert seen["push"] == [["1", 1], ["2", 1], ["2", 2], ["3", 1]]
    again = [] if word == "node" else ["2"]  # that one buries it at once
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
