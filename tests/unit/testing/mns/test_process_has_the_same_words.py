"""The emulator as a process: the same methods, a remote control, a command."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import pytest
from tests.unit.testing.mns.speaking import Speaker, message

from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators import Emulator
from eventing_alibaba.testing.emulators.mns import EMULATOR, EmulatorProcess, MnsEmulator
from eventing_alibaba.testing.emulators.mns.__main__ import parser

PACKAGE = MnsEmulator.__module__.rpartition(".")[0]
HERE_ONLY = {"start", "close", "endpoint", "settings"}


@pytest.fixture(scope="module")
def process() -> Iterator[EmulatorProcess]:
    """A process with settings that are not the default ones."""
    with EmulatorProcess(
        queues=["made", "ordered:fifo"],
        account="42",
        region="cn-beijing",
        access_key_id="me",
        access_key_secret="mine",
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
    here, there = public(MnsEmulator), public(EmulatorProcess)
    assert {n: s for n, s in here.items() if n not in HERE_ONLY} == there


def test_the_entry_point_names_it() -> None:
    """`emulate` finds it, and it is what `emulate` expects."""
    (entry,) = entry_points(group="eventing_alibaba.emulators", name="mns")
    emulator: Emulator = entry.load()
    assert emulator is EMULATOR
    assert parser().parse_args(["--port", "0"]).port == 0


def test_its_first_line_says_what_a_manifest_needs(process: EmulatorProcess) -> None:
    """Endpoint, key, region and account are there, and the remote control."""
    assert process.settings == {
        "endpoint": process.endpoint,
        "accessKeyId": "me",
        "accessKeySecret": "mine",
        "region": "cn-beijing",
        "account": "42",
    }
    state = process.state()
    assert sorted(state["queues"]) == ["made", "ordered"]
    assert state["queues"]["ordered"]["fifo"] is True
    assert "mine" not in json.dumps(state)


async def test_all_of_it_works_from_outside(process: EmulatorProcess) -> None:
    """Each method does on the process what it says."""
    process.create_queue("dead")
    process.create_queue("work", dead_letter="dead", max_receive_count=1, delay_seconds=0)
    process.create_topic("t")
    process.subscribe("t", "s", "work", form="SIMPLIFIED", filter_tag="red")
    ids = [*process.send("work", ["a", "b"], group="g"), process.publish("t", "c", tag="red")]
    kept = process.messages("work")
    assert [m["body"] for m in kept] == ["a", "b", "c"]
    assert [m["id"] for m in kept][:2] == ids[:2]
    async with Speaker(process.endpoint, "me", "mine") as speaker:
        target = "/queues/work/messages?numOfMessages=2"
        assert len((await speaker.ask("GET", target)).all("Message")) == 2
        assert process.counts("work") == {"active": 1, "inactive": 2, "delayed": 0, "waiting": 0}
        process.age(30, "work")
        assert process.counts("dead")["active"] == 2
        process.recreate_queue("work")
        process.fail("ReceiveMessage", "InternalError", times=1)
        process.limit_polls(0)
        for status in (500, 404):
            reply = await speaker.ask("GET", "/queues/work/messages?waitseconds=30")
            assert reply.status == status
        process.skew(5000)
        assert (await speaker.ask("GET", "/queues/work")).code == "TimeExpired"
        process.fail("*", "InternalError")
        process.heal()
        process.add_key("STS", "s", token="t", seconds=100)
        process.expire_key("STS")
        process.remove_key("STS")
        assert (await speaker.ask("GET", "/queues/work")).status == 200
    assert process.requests("ReceiveMessage")[0]["code"] == "InternalError"
    assert process.operations()["ReceiveMessage"]["requests"] == 2
    process.refuse()
    with pytest.raises(ConnectionRefusedError):
        await Speaker(process.endpoint).__aenter__()
    process.accept()
    async with Speaker(process.endpoint, "me", "mine") as speaker:
        body = message("x")
        assert (await speaker.ask("POST", "/queues/work/messages", body)).status == 201
        assert process.disconnect(reset=True) == 1
    process.delete_queue("work")
    process.reset()
    assert process.state()["queues"] == {}
    process.create_queue("made")


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda p: p.send("none", ["x"]), "QueueNotExist"),
        (lambda p: p.create_queue("-"), "InvalidQueueName"),
        (lambda p: p.create_queue("x", visibility_timeout=0), "VisibilityTimeout"),
        (lambda p: p.create_queue("x", colour=1), "colour"),
        (lambda p: p.create_queue("x", dead_letter="x"), "own dead-letter"),
        (lambda p: p.fail("Sing", "InternalError"), "Sing"),
        (lambda p: p.fail("*", colour="red"), "colour"),
        (lambda p: p.remove_key("nobody"), "nobody"),
        (lambda p: p.expire_key("me"), "no token"),
        (lambda p: p.subscribe("none", "s", "q"), "TopicNotExist"),
    ],
)
def test_what_is_wrong_is_said(
    process: EmulatorProcess, call: Callable[[EmulatorProcess], None], word: str
) -> None:
    """The remote control answers with a sentence that names it."""
    with pytest.raises(AdminError, match=word):
        call(process)


def test_the_remote_control_is_for_curl_too(process: EmulatorProcess) -> None:
    """Its words are plain JSON over HTTP; what it does not know it says."""
    url = process.admin.url
    body = json.dumps({"operation": "SendMessage", "error": "InternalError"}).encode()
    with urllib.request.urlopen(f"{url}/faults", body, timeout=10) as answer:
        assert json.load(answer) == {}
    with urllib.request.urlopen(f"{url}/state", timeout=10) as answer:
        (fault,) = json.load(answer)["faults"]
    assert fault == {"operation": "SendMessage", "error": "InternalError", "used": 0}
    process.heal()
    with pytest.raises(AdminError, match="wants name"):
        process.admin.call("POST", "/queues", {})


def test_a_wrong_start_is_one_sentence() -> None:
    """A queue of an unknown kind, a port that is taken: a sentence and exit code 1."""
    command = [sys.executable, "-m", "eventing_alibaba.testing.emulators.mns"]
    done = subprocess.run(
        [*command, "--queue", "a:lifo"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "--queue 'a:lifo' must be NAME or NAME:fifo\n"


def test_a_fixture_gives_queues(
    mns_emulator: EmulatorProcess, mns_queue: Callable[..., str]
) -> None:
    """The fixture's queues are new, and take settings."""
    first, second = mns_queue(), mns_queue(visibility_timeout=5, fifo=True)
    queues = mns_emulator.state()["queues"]
    assert first != second
    assert (queues[second]["VisibilityTimeout"], queues[second]["fifo"]) == (5, True)
    mns_emulator.delete_queue(first)
    mns_emulator.refuse()
