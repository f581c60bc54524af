"""The demo as people start it: what it counts, what it exits with, and what it leaves behind."""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from eventing_alibaba.cli.demo import arguments, execute
from eventing_alibaba.cli.demo.command import play
from eventing_alibaba.cli.demo.kafka import KafkaScenario
from eventing_alibaba.cli.demo.orders import Order

pytest.importorskip("confluent_kafka")

_MARK: Final = "EVENTING_ALIBABA_DEMO_TEST"
_SECONDS: Final = 30


class _Started:
    """A demo in a process of its own; its environment marks whatever it starts."""

    def __init__(self, *flags: str) -> None:
        self._mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eventing_alibaba", "demo", *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, _MARK: self._mark},
            start_new_session=True,
            text=True,
        )

    def others(self) -> list[int]:
        """Processes it has started, or left behind."""
        wanted = f"{_MARK}={self._mark}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*/environ"):
            try:
                marked = wanted in place.read_bytes()
            except OSError:  # it has ended, or is not ours
                continue
            if marked and int(place.parent.name) != self.process.pid:
                found.append(int(place.parent.name))
        return found

    def read_until(self, words: str) -> str:
        """Read its output up to and with a line that has `words`."""
        assert self.process.stdout is not None
        read = ""
        for line in self.process.stdout:
            read += line
            if words in line:
                return read
        raise AssertionError(f"it never said {words!r}: {read}{self.process.communicate()}")

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, output and complaints."""
        out, err = self.process.communicate(timeout=_SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def demo() -> Iterator[Callable[..., _Started]]:
    """A function that starts a demo; whatever it left behind is killed after the test."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are found through /proc")
    started: list[_Started] = []

    def start(*flags: str) -> _Started:
        started.append(_Started(*flags))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()
        for pid in one.others():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("source", ["kafka", "mns"])
def test_once_loses_nothing_and_leaves_no_process(
    demo: Callable[..., _Started], source: str
) -> None:
    """`--once` counts 50 messages, delivers all, exits with 0, leaves no process."""
    one = demo(source, "--once", "--count", "50", "--json")
    code, out, err = one.end()
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told.pop("seconds") > 0
    assert told == {"sent": 50, "delivered": 50, "duplicated": 0, "lost": 0}
    assert one.others() == []


@pytest.mark.parametrize(("source", "processes"), [("kafka", 1), ("mns", 2)])
def test_ctrl_c_ends_everything(demo: Callable[..., _Started], source: str, processes: int) -> None:
    """Ctrl-C, which signals all of a group, ends all in order, with the counts, as no failure."""
    one = demo(source, "--rate", "100", "--port", "0")
    assert "http://127.0.0.1:" in one.read_until("the adapter tells how it is at")
    one.read_until('"order":')
    assert len(one.others()) == processes
    os.killpg(one.process.pid, signal.SIGINT)
    code, out, err = one.end()
    assert (code, err) == (0, "")
    assert "nothing was lost" in out
    assert one.others() == []


def test_sigterm_ends_everything(demo: Callable[..., _Started]) -> None:
    """SIGTERM, which a supervisor sends to the demo alone, ends all in order too."""
    one = demo("--rate", "100", "--port", "0")
    one.read_until("partition:")
    one.process.terminate()
    code, out, err = one.end()
    assert (code, err) == (0, "")
    assert "nothing was lost" in out
    assert one.others() == []


def test_a_port_in_use_is_another_port(demo: Callable[..., _Started]) -> None:
    """The page takes a free port when its own is taken, says so, and is there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = demo("--port", str(port))
        assert f"Port {port} is taken" in one.read_until("is taken")
        line = one.read_until("http://127.0.0.1:").split()[-1]
    with urllib.request.urlopen(line, timeout=_SECONDS) as page:
        assert b"control room" in page.read()
    one.process.terminate()
    assert one.end()[0] == 0


def test_a_killed_adapter_comes_back_and_nothing_is_lost(demo: Callable[..., _Started]) -> None:
    """Kill -9 from the page: another process delivers the rest, and the demo ends well."""
    one = demo("--rate", "50", "--port", "0")
    url = one.read_until("Watch it").split()[-1]
    one.read_until("partition:")
    (before,) = one.others()
    body = json.dumps({"fault": "adapter-kill"}).encode()
    headers = {"Content-Type": "application/json", "Origin": url.rstrip("/")}
    asked = urllib.request.Request(f"{url}break", body, headers)
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
        assert json.load(answer) == {"done": True}
    with urllib.request.urlopen(f"{url}stream", timeout=_SECONDS) as stream:
        for line in stream:
            if b'"starts":2' in line:
                break
    (after,) = one.others()
    assert after != before
    one.process.terminate()
    code, out, err = one.end()
    assert (code, err) == (0, "")
    assert "nothing was lost" in out
    assert one.others() == []


@pytest.mark.parametrize(("source", "processes"), [("kafka", 1), ("mns", 2)])
def test_no_process_survives_a_demo_that_is_killed(
    demo: Callable[..., _Started], source: str, processes: int
) -> None:
    """Adapter and broker end by themselves when the demo is killed, which cannot tell them to."""
    one = demo(source, "--rate", "100", "--port", "0")
    one.read_until('"order":')
    others = [os.pidfd_open(pid) for pid in one.others()]
    assert len(others) == processes
    one.process.kill()
    for ended in others:
        try:
            assert select.select([ended], [], [], _SECONDS)[0], "one of them goes on"
        finally:
            os.close(ended)


def test_a_port_in_use_is_a_sentence(demo: Callable[..., _Started]) -> None:
    """A service port that is taken ends the demo with 1 and one line that names port and flag."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = demo("--once", "--service-port", str(port))
        code, out, err = one.end()
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert f"port {port}" in err
    assert "--service-port" in err
    assert one.others() == []


def test_it_needs_confluent_kafka_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the client the demo ends with 1 and says what to install."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "confluent_kafka"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert execute(_flags("--once")) == 1
    assert "pip install 'eventing-alibaba[kafka]'" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--port", "1"], ["--open"]])
def test_what_belongs_to_the_page_is_not_for_once(
    flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--once` has no page, so flags of it are refused with 2."""
    assert execute(_flags("--once", *flag)) == 2
    assert flag[0] in capsys.readouterr().err


def test_a_source_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown source is wrong usage, and the sentence has those that there are."""
    assert execute(_flags("pigeon", "--once")) == 2
    assert "kafka, mns" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--json"], ["--count", "5"], ["--timeout", "1"]])
def test_what_belongs_to_once_needs_it(flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that would have no effect is refused with 2."""
    assert execute(_flags(*flag)) == 2
    assert f"{flag[0]} needs --once" in capsys.readouterr().err


class _Careless(KafkaScenario):
    """Loses one message and sends another one twice, as a broken adapter might."""

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        for _ in range({7: 0, 9: 2}.get(order.number, 1)):
            super().send(order, refused)


def test_a_lost_message_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """A message that never arrives makes `--once` exit with 1; one that comes twice is counted."""
    flags = _flags("--once", "--count", "60", "--json")
    assert play(flags, _Careless()) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["sent"], told["delivered"], told["duplicated"], told["lost"]) == (60, 59, 1, 1)


class _Misconfigured(KafkaScenario):
    """Gives the adapter a manifest that it cannot run."""

    def manifest(self, sink: str) -> dict[str, Any]:
        source = super().manifest(sink)
        source["spec"]["ordering"] = "sorted"
        return source


def test_an_adapter_that_ends_is_a_failure_with_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The demo does not wait for an adapter that has given up, and passes on why."""
    assert play(_flags("--once", "--count", "5"), _Misconfigured()) == 1
    assert "spec.ordering" in capsys.readouterr().err


def _flags(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    arguments(parser)
    return parser.parse_args(given)
