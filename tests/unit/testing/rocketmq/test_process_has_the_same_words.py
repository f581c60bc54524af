"""The emulator as a process: the same methods, a remote control, a command."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import pytest
from tests.unit.testing.rocketmq.speaking import Speaker

from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators import Emulator
from eventing_alibaba.testing.emulators.rocketmq import (
    EMULATOR,
    EmulatorProcess,
    RocketmqEmulator,
)
from eventing_alibaba.testing.emulators.rocketmq.__main__ import parser

PACKAGE = RocketmqEmulator.__module__.rpartition(".")[0]
HERE_ONLY = {"start", "close"}


@pytest.fixture(scope="module")
def process() -> Iterator[EmulatorProcess]:
    """A process with settings that are not the default ones."""
    with EmulatorProcess(
        topics=["made", "ordered:fifo"],
        groups=["g", "strict:fifo"],
        brokers=2,
        username="me",
        password="mine",
        make_groups=False,
    ) as running:
        yield running


def public(cls: type) -> dict[str, str]:
    """Return the parameters of the public methods of a class, by name."""
    return {
        name: str(inspect.signature(method).replace(return_annotation=inspect.Signature.empty))
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_") and method.__module__.startswith(PACKAGE)
    }


def test_process_and_object_have_the_same_methods() -> None:
    """What a test says to the one it can say to the other."""
    here, there = public(RocketmqEmulator), public(EmulatorProcess)
    assert {n: s for n, s in here.items() if n not in HERE_ONLY} == there


def test_the_entry_point_names_it() -> None:
    """`emulate` finds it, and it is what `emulate` expects."""
    (entry,) = entry_points(group="eventing_alibaba.emulators", name="rocketmq")
    emulator: Emulator = entry.load()
    assert emulator is EMULATOR
    assert parser().parse_args(["--port", "0"]).port == 0


def test_listing_it_imports_no_grpc() -> None:
    """Who only asks what emulators there are does not wait for it, nor needs it."""
    code = "import sys, eventing_alibaba.testing.emulators.rocketmq; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_its_first_line_says_what_a_manifest_needs(process: EmulatorProcess) -> None:
    """Endpoints, instance and key are there, and the remote control."""
    settings = process.settings
    brokers = settings.pop("brokers")
    assert list(brokers) == ["broker-a", "broker-b"]
    assert settings == {
        "endpoints": f"127.0.0.1:{brokers['broker-a']}",
        "instance": "",
        "username": "me",
        "password": "mine",
    }
    state = process.state()
    assert sorted(state["topics"]) == ["made", "ordered"]
    assert state["topics"]["ordered"]["kind"] == "FIFO"
    assert state["groups"]["strict"]["fifo"] is True
    assert "mine" not in json.dumps(state)


async def test_all_of_it_works_from_outside(process: EmulatorProcess) -> None:
    """Each method does on the process what it says."""
    process.create_topic("work", queues=1)
    process.create_group("w", max_retries=1, backoff=[2.5])
    ids = process.send("work", ["a", "b"], tag="x", keys=["k"], properties={"p": "q"})
    assert [message["id"] for message in process.messages("work")] == ids
    process.create_topic("later", kind="DELAY")
    process.send("later", ["c"], delay=3600)
    assert process.state()["topics"]["later"]["delayed"] == 1
    async with Speaker(process.endpoints, "w", key="me", secret="mine") as speaker:
        settings = (await speaker.introduce("work")).settings
        assert settings.backoff_policy.customized_backoff.next[0].nanos == 500_000_000
        process.fail("ReceiveMessage", "INTERNAL_SERVER_ERROR", times=1)
        (answer,) = await speaker.ask_for(speaker.wish("work"))
        assert answer.status.code == 50001
        process.heal()
        got = await speaker.receive("work") or await speaker.receive("work", broker="broker-b")
        await speaker.ack("work", got[:1])
        counts = process.counts("work", "w")
        assert (counts["received"], counts["acked"]) == (len(got), 1)
        process.age(3600)
        assert process.counts("later", "w")["fresh"] == 1
        assert process.state()["topics"]["later"]["delayed"] == 0
        assert process.reconnect() == 1
        assert process.cut_telemetry("broker-a") == 1
        process.forget_clients()
        assert process.state()["clients"] == []
        process.limit_polls(3)
        assert process.state()["mostPolls"] == 3
        process.add_key("STS", "s", token="t", seconds=100)
        process.expire_key("STS")
        process.remove_key("STS")
    process.refuse("broker-b")
    assert process.state()["down"] == ["broker-b"]
    process.accept()
    process.restart()
    async with Speaker(process.endpoints, "w", key="me", secret="mine") as speaker:
        assert (await speaker.route("work")).status.code == 20000
    assert process.requests("ReceiveMessage")[0]["code"] == "INTERNAL_SERVER_ERROR"
    assert process.operations()["ReceiveMessage"]["codes"]["INTERNAL_SERVER_ERROR"] == 1
    process.delete_group("w")
    process.delete_topic("work")
    process.reset()
    assert process.state()["topics"] == {}


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda p: p.send("none", ["x"]), "TOPIC_NOT_FOUND"),
        (lambda p: p.counts("none", "g"), "TOPIC_NOT_FOUND"),
        (lambda p: p.create_topic("a b"), "ILLEGAL_TOPIC"),
        (lambda p: p.create_topic("x", kind="ODD"), "kind"),
        (lambda p: p.create_topic("x", queues=0), "queues"),
        (lambda p: p.create_group("a b"), "ILLEGAL_CONSUMER_GROUP"),
        (lambda p: p.delete_group("nobody"), "CONSUMER_GROUP_NOT_FOUND"),
        (lambda p: p.fail("Sing", "FORBIDDEN"), "Sing"),
        (lambda p: p.fail("*", colour="red"), "colour"),
        (lambda p: p.remove_key("nobody"), "nobody"),
        (lambda p: p.expire_key("me"), "no token"),
        (lambda p: p.refuse("broker-x"), "broker-x"),
        (lambda p: p.admin.call("POST", "/topics", {}), "wants name"),
    ],
)
def test_what_is_wrong_is_said(
    process: EmulatorProcess, call: Callable[[EmulatorProcess], None], word: str
) -> None:
    """The remote control answers with a sentence that names it."""
    with pytest.raises(AdminError, match=word):
        call(process)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--topic", "a:odd"], "kind"),
        (["--group", "a:odd"], "NAME:fifo"),
        (["--brokers", "0"], "--brokers"),
        (["--tls-cert", "/no"], "belong together"),
        (["--tls-cert", "/no", "--tls-key", "/no"], "/no"),
    ],
)
def test_a_wrong_start_is_one_sentence(options: list[str], word: str) -> None:
    """On standard error, with exit code 1."""
    command = [sys.executable, "-m", "eventing_alibaba.testing.emulators.rocketmq", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_one_sentence(process: EmulatorProcess) -> None:
    """It names the address."""
    port = process.endpoints.rpartition(":")[2]
    command = [sys.executable, "-m", "eventing_alibaba.testing.emulators.rocketmq", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


async def test_a_fixture_gives_topics(
    rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
) -> None:
    """The fixture's topics are new, and take settings."""
    first, second = rocketmq_topic(), rocketmq_topic(kind="FIFO", queues=1)
    topics = rocketmq_emulator.state()["topics"]
    assert first != second
    assert (topics[second]["kind"], topics[second]["queues"]) == ("FIFO", 1)
    rocketmq_emulator.delete_topic(first)
    rocketmq_emulator.refuse()
