"""The socket of a running adapter: what it answers, and what may stand in its way."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.runtime.control import ControlSocket, answer, ask, socket_path


class Blocking:
    """What is controlled: some blocked messages.

    Attributes:
        busy: these ids have a request under way, so a skip does not settle them yet.
    """

    def __init__(self, *blocked: tuple[str, str]) -> None:
        self.messages = [
            {"origin": o, "id": i, "reason": "it answered 400", "status": 400, "since": 1.5}
            for o, i in blocked
        ]
        self.busy: set[str] = set()

    def blocked(self) -> list[dict[str, object]]:
        return [dict(one) for one in self.messages]

    def skip(self, identity: str, origin: str | None = None) -> bool:
        for one in self.messages:
            if one["id"] == identity and origin in {None, one["origin"]}:
                if identity not in self.busy:
                    self.messages.remove(one)
                return True
        return False


async def asked(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    return await asyncio.to_thread(ask, path, request)


async def test_what_is_blocked_is_listed_and_one_is_skipped(tmp_path: Path) -> None:
    """Over the socket, and the others stay."""
    controlled = Blocking(("orders", "1"), ("orders", "2"))
    path = tmp_path / "control.sock"
    async with ControlSocket(path, controlled):
        listed = await asked(path, {"do": "list"})
        assert listed == {"blocked": controlled.messages}
        told = await asked(path, {"do": "skip", "id": "1"})
        assert told == {"skipped": listed["blocked"][0], "settled": True}
        assert [one["id"] for one in controlled.messages] == ["2"]
    assert not path.exists()


async def test_only_its_owner_may_open_it(tmp_path: Path) -> None:
    """Whoever may write to it may drop messages."""
    async with ControlSocket(tmp_path / "s", Blocking()):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_message_under_way_is_not_said_to_be_settled() -> None:
    """Its request may still succeed."""
    controlled = Blocking(("orders", "1"))
    controlled.busy = {"1"}
    told = answer(controlled, b'{"do": "skip", "id": "1"}')
    assert told["settled"] is False


def test_an_id_that_two_origins_have_needs_its_origin() -> None:
    """Nothing is skipped by guess."""
    controlled = Blocking(("a", "1"), ("b", "1"))
    told = answer(controlled, b'{"do": "skip", "id": "1"}')
    assert told["error"] == "1 is blocked in a and b: say which with --origin"
    assert len(controlled.messages) == 2
    assert answer(controlled, b'{"do": "skip", "id": "1", "origin": "b"}')["settled"] is True
    assert [one["origin"] for one in controlled.messages] == ["a"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"hello", "a request must be one line with a JSON object"),
        (b"\xff\xfe", "a request must be one line with a JSON object"),
        (b"[]", "a request must be one line with a JSON object"),
        (b"[" * 60_000, "a request must be one line with a JSON object"),
        (b"{}", "`do` must be list or skip; got null"),
        (b'{"do": "stop"}', '`do` must be list or skip; got "stop"'),
        (b'{"do": "skip"}', "`skip` needs an `id`, and may have an `origin`, both text"),
        (b'{"do": "skip", "id": 1}', "`skip` needs an `id`, and may have an `origin`, both text"),
        (b'{"do": "skip", "id": "9"}', "9 is not blocked"),
        (b'{"do": "skip", "id": "1", "origin": "x"}', "1 is not blocked in x"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_wrong_request_is_answered_by_a_sentence(line: bytes, sentence: str) -> None:
    """And skips nothing."""
    controlled = Blocking(("orders", "1"))
    assert answer(controlled, line)["error"] == sentence
    assert len(controlled.messages) == 1


async def test_a_request_without_end_is_refused(tmp_path: Path) -> None:
    """It takes no memory of an adapter."""
    async with ControlSocket(tmp_path / "s", Blocking()):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"x" * 65_537)
        async with asyncio.timeout(10):
            told = json.loads(await reader.readline())
        assert told == {"error": "a request has at most 65536 bytes"}
        writer.close()


async def test_a_socket_that_a_killed_process_left_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with ControlSocket(path, Blocking(("orders", "1"))):
        assert len((await asked(path, {"do": "list"}))["blocked"]) == 1
    assert caplog.records == []


async def test_the_socket_of_another_adapter_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second one says so once, works without, and takes nothing away when it ends."""
    path = tmp_path / "s"
    async with ControlSocket(path, Blocking(("first", "1"))):
        async with ControlSocket(path, Blocking(("second", "1"))):
            pass
        assert (await asked(path, {"do": "list"}))["blocked"][0]["origin"] == "first"
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"another process of this source listens at {path}" in record.getMessage()
    assert "EVENTING_ALIBABA_CONTROL" in record.getMessage()


async def test_a_file_is_never_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is, it is somebody's."""
    path = tmp_path / "notes"
    path.write_text("mine")
    async with ControlSocket(path, Blocking()):
        assert path.read_text() == "mine"
    assert path.read_text() == "mine"
    assert f"{path} is there and no socket" in caplog.text


@pytest.mark.parametrize("name", ["missing/s", "x" * 300, "nul\0"], ids=["folder", "long", "nul"])
async def test_a_place_that_cannot_be_had_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """An adapter delivers without it as well."""
    async with ControlSocket(tmp_path / name, Blocking()):
        pass
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_the_place_is_made_of_namespace_and_name() -> None:
    """Or is the variable's; too long a name is shortened, and still the object's own."""
    at = socket_path({}, namespace="shop", name="orders")
    assert at == Path("/tmp/eventing-alibaba.shop.orders.sock")
    assert socket_path({"TMPDIR": "/run/x"}, namespace="a", name="b").parent == Path("/run/x")
    told = {"EVENTING_ALIBABA_CONTROL": "/run/c", "TMPDIR": "/run/x"}
    assert socket_path(told, namespace="a", name="b") == Path("/run/c")
    long, longer = (socket_path({}, namespace="a", name="b" * n) for n in (250, 251))
    assert len(str(long)) < 100
    assert long != longer


def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    """A missing socket and one that a killed process left are the same to who asks."""
    left = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(left))
    for path in (tmp_path / "missing", left):
        with pytest.raises(Unavailable, match=f"no adapter of this source runs here.*{path}"):
            ask(path, {"do": "list"})


@pytest.mark.parametrize("reply", [b"", b"hello\n", b"[]\n"], ids=["nothing", "words", "list"])
async def test_an_answer_of_something_else_is_a_sentence(tmp_path: Path, reply: bytes) -> None:
    """A socket may be anybody's."""

    async def strange(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reader.readline()
        writer.write(reply)
        writer.close()

    path = tmp_path / "s"
    server = await asyncio.start_unix_server(strange, str(path))
    with pytest.raises(Unavailable, match=str(path)):
        await asked(path, {"do": "list"})
    server.close()
    await server.wait_closed()
