"""`eventing-alibaba send`: what is sent, how fast, and what is told of it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.checking import write
from tests.unit.runtime.parcel import install

from eventing_alibaba.cli.main import main
from eventing_alibaba.cli.send import pace
from eventing_alibaba.cli.send.content import Pattern, lines
from eventing_alibaba.cli.send.pace import Arriving, Progress, Ready, Tally
from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.contract.send import Outgoing

SOURCE = """
from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.contract.send import Unsendable
from eventing_alibaba.contract.spec import SourceSpec

sent = []
states = []


class Depot:
    place = "depot north"

    async def open(self):
        states.append("open")

    async def send(self, messages):
        results = []
        for message in messages:
            if message.key == b"none":
                raise Unsendable("a parcel has no key")
            full = message.body == b"refused"
            results.append(Unavailable("the depot is full") if full else None)
            sent.append(message)
        return results

    async def close(self):
        states.append("closed")


class ParcelSpec(SourceSpec):
    def sender(self, context, to):
        if to not in (None, "north"):
            raise Unsendable(f"there is no depot {to}; there is north")
        return Depot()

    def build(self, context):
        raise NotImplementedError
"""


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the kind's package."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture
def depot(site: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The module of the kind: what it was sent."""
    name = install(site, monkeypatch, source=SOURCE)
    __import__(name)
    return sys.modules[name]


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A manifest."""
    return str(write(tmp_path / "source.yaml", {}))


def bodies(depot: types.ModuleType) -> list[bytes]:
    return [message.body for message in depot.sent]


def test_one_message(
    depot: types.ModuleType, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The argument as it is, with key and headers in their order; then all is closed."""
    flags = ["--key", "k", "--header", "a=1", "--header", "b=x=y", "--header", "a=2"]
    assert main(["send", "-f", source, '{"n": {n}}', *flags]) == 0
    headers = [("a", b"1"), ("b", b"x=y"), ("a", b"2")]
    assert depot.sent == [Outgoing(b'{"n": {n}}', b"k", headers)]
    assert depot.states == ["open", "closed"]
    out, err = capsys.readouterr()
    assert out.startswith("sent 1 message to depot north in ")
    assert err == ""


def test_many_are_numbered(depot: types.ModuleType, source: str) -> None:
    """In text, key and headers; braces of JSON stay."""
    flags = ["--count", "2500", "--key", "k-{n}", "--header", "no={n}"]
    assert main(["send", "-f", source, '{"n": {n}}', *flags]) == 0
    assert len(depot.sent) == 2500
    assert depot.sent[-1] == Outgoing(b'{"n": 2500}', b"k-2500", [("no", b"2500")])


def test_each_line_of_a_file(depot: types.ModuleType, source: str, tmp_path: Path) -> None:
    """Without its end; empty lines are none; bytes are not looked at; the last needs no end."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\r\n\ntw\xffo\n\nthree")
    assert main(["send", "-f", source, "--from-file", str(path)]) == 0
    assert bodies(depot) == [b"one", b"tw\xffo", b"three"]


def test_a_whole_file(depot: types.ModuleType, source: str, tmp_path: Path) -> None:
    """As it is."""
    path = tmp_path / "image"
    path.write_bytes(b"a\n\nb\n")
    assert main(["send", "-f", source, "--from-file", str(path), "--whole"]) == 0
    assert bodies(depot) == [b"a\n\nb\n"]


@pytest.mark.usefixtures("depot")
def test_lines_of_standard_input_are_sent_as_they_come(site: Path, source: str) -> None:
    """The first is sent while the second is not there yet; Ctrl-C ends a wait for more."""
    script = (
        "import sys; from eventing_alibaba.cli.main import main\n"
        "from eventing_alibaba.runtime import kinds\n"
        "module = sys.modules[kinds.spec_of('ParcelSource').__module__]\n"
        "send = module.Depot.send\n"
        "async def told(self, messages):\n"
        "    print([m.body for m in messages], flush=True)\n"
        "    return await send(self, messages)\n"
        "module.Depot.send = told\n"
        f"sys.exit(main(['send', '-f', {source!r}]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(site)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdin.write(b"first\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"[b'first']\n"
        process.stdin.write(b"second\nthird\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"[b'second', b'third']\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        told = process.stderr.read().decode()
    assert told == "eventing-alibaba: interrupted; sent before: 3\n"


def test_a_refused_message_ends_it(
    depot: types.ModuleType, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the sentence, the number of those that were taken, and exit code 1."""
    path = tmp_path / "lines"
    path.write_text("good\nrefused\n")
    assert main(["send", "-f", source, "--from-file", str(path)]) == 1
    out, err = capsys.readouterr()
    assert err == "eventing-alibaba: the depot is full\n"
    assert out.startswith("sent 1 message to depot north")
    assert depot.states[-1] == "closed"


@pytest.mark.usefixtures("depot")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["x", "--from-file", "y"], "give the message as TEXT or by --from-file, not both"),
        (["x", "--whole"], "--whole is for --from-file and standard input"),
        (["--count", "2"], "--count repeats TEXT, and none was given"),
        (["--from-file", "/nonexistent"], "--from-file /nonexistent: cannot be read: No such file"),
        (["x", "--to", "south"], "there is no depot south; there is north"),
        (["x", "--key", "none"], "a parcel has no key"),
    ],
)
def test_what_cannot_be_sent_is_2(
    source: str, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence."""
    assert main(["send", "-f", source, *flags]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--header", "x"], "argument --header: 'x' must be NAME=VALUE"),
        (["--header", "=x"], "argument --header: '=x' must be"),
        (["--count", "0"], "argument --count: '0' must be a number from 1"),
        (["--rate", "fast"], "argument --rate: 'fast' must be a number from 0.001"),
        (["--rate", "nan"], "argument --rate: 'nan' must be"),
        (["--rate", "0"], "argument --rate: '0' must be"),
    ],
)
def test_a_wrong_flag_is_2(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    with pytest.raises(SystemExit) as caught:
        main(["send", "-f", "/nonexistent", "x", *flags])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_one_input_for_two_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Manifest and messages cannot both be standard input."""
    assert main(["send", "-f", "-"]) == 2
    assert "standard input cannot be the manifest and the messages" in capsys.readouterr().err


def test_a_kind_that_cannot_send_is_a_sentence_and_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kind says that it can by having the method; this one has not."""
    install(tmp_path, monkeypatch)
    path = write(tmp_path / "source.yaml", {"depot": "north"})
    assert main(["send", "-f", str(path), "x"]) == 78
    assert "sources of kind ParcelSource cannot send" in capsys.readouterr().err


class Clerk:
    """A sender that notes when it was sent what, in the loop's time."""

    place = "here"

    def __init__(self, refuse: int = -1) -> None:
        self.batches: list[tuple[float, int]] = []
        self._refuse = refuse

    async def open(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[SourceError | None]:
        self.batches.append((asyncio.get_running_loop().time(), len(messages)))
        results: list[SourceError | None] = [None] * len(messages)
        if self._refuse >= 0:
            results[self._refuse] = Unavailable("full")
        return results


@pytest.mark.looptime
@pytest.mark.parametrize(("rate", "count", "seconds"), [(10, 50, 4.9), (500, 1000, 2), (0.5, 3, 4)])
async def test_a_rate_is_kept(rate: float, count: int, seconds: float) -> None:
    """The last goes when it is due, and at no time have more gone than are due."""
    clerk, tally = Clerk(), Tally()
    supply = Ready(Outgoing(b"x") for _ in range(count))
    await pace.send(clerk, supply, rate=rate, total=count, tally=tally)
    assert tally.sent == count
    sent = 0
    start = clerk.batches[0][0]
    for at, size in clerk.batches:
        sent += size
        assert sent <= (at - start) * rate + 1.001
    assert clerk.batches[-1][0] - start == pytest.approx(seconds, abs=max(0.15, 1.01 / rate))


async def test_without_a_rate_in_large_batches() -> None:
    """So that a broker's round trip is paid once a thousand."""
    clerk, tally = Clerk(), Tally()
    supply = Ready(Outgoing(b"x") for _ in range(2500))
    await pace.send(clerk, supply, rate=None, total=None, tally=tally)
    assert [size for _, size in clerk.batches] == [1000, 1000, 500]


async def test_it_stops_after_a_failure() -> None:
    """The batch with the failure is counted right, and no further one is sent."""
    clerk, tally = Clerk(refuse=3), Tally()
    supply = Ready(Outgoing(b"x") for _ in range(2500))
    await pace.send(clerk, supply, rate=None, total=None, tally=tally)
    assert (tally.sent, str(tally.failure), len(clerk.batches)) == (999, "full", 1)


async def test_pieces_are_taken_in_order_and_cut_to_size() -> None:
    """Whatever came together and however many are wanted, each message is taken once."""
    pieces = [[Outgoing(b"%d" % n) for n in part] for part in ([1, 2, 3], [], [4], [5, 6])]
    supply = Arriving(iter(pieces))
    taken: list[bytes] = []
    while batch := await supply.take(2):
        assert len(batch) <= 2
        taken += [message.body for message in batch]
    assert taken == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert await supply.take(2) == []


def test_lines_are_found_however_they_are_cut() -> None:
    """A line may come in pieces, and its end in another one."""

    class Drops(io.RawIOBase):
        def __init__(self, pieces: list[bytes]) -> None:
            self._pieces = pieces

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece = self._pieces.pop(0) if self._pieces else b""
            buffer[: len(piece)] = piece
            return len(piece)

    pieces = [b"on", b"e\r", b"\ntwo\nth", b"ree\n", b"\n", b"four"]
    found = [line for part in lines(Drops(pieces)) for line in part]
    assert found == [b"one", b"two", b"three", b"four"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_only() -> None:
    """A few times a second, written over itself and taken away."""
    out, file = Terminal(), io.StringIO()
    for stream in (out, file):
        progress = Progress(stream, 5_000)
        for at in range(1, 11):
            progress.show(at * 100, at * 0.05)
        progress.clear()
    assert file.getvalue() == ""
    shown = out.getvalue()
    assert shown.count("\r\x1b[K") == 3
    assert "sent 400 of 5,000, 2,000 a second" in shown
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown


def test_numbers_only_where_they_are_wanted() -> None:
    """A text with {n} in it can be sent as it is."""
    assert Pattern(None, (), numbered=False).message(1, b"{n}").body == b"{n}"
    (one,) = Pattern("{n}", (), numbered=True).repeated("{n}{n}", 1)
    assert (one.body, one.key) == (b"11", b"1")
