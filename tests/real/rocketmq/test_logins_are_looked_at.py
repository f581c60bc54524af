"""A cluster that controls access (ACL 2.0): who is let in, and what the others are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.real.mns.adapters import until
from tests.real.rocketmq.place import Place
from tests.real.rocketmq.test_commands import command
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.rocketmq.settings import Login
from tests.real.servers.started import started

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import SinkProcess

ALICE: Final = Login("alice", "alice-password")
BOB: Final = Login("bob", "bob-password")


@pytest.fixture(scope="module")
def server() -> Iterator[RocketServer]:
    """A cluster where Alice may do everything, and Bob nothing."""
    with started(RocketServer(login=ALICE)) as server:
        server.admin.create_user(BOB)
        yield server


def _auth(user: str, password: str) -> dict[str, Any]:
    return {"username": {"value": user}, "password": {"value": password}}


@pytest.mark.parametrize(
    ("auth", "reason", "told"),
    [
        (_auth(ALICE.username, "not-hers"), "Unauthorized", "check spec.auth.username"),
        (_auth("mallory", "not-hers"), "Unauthorized", "check spec.auth.username"),
        ({}, "Unauthorized", "check spec.auth.username"),
        (_auth(BOB.username, BOB.password), "Forbidden", "knows the login, but it may not use"),
    ],
    ids=["password", "user", "nobody", "right"],
)
def test_check_says_who_is_not_let_in(
    server: RocketServer, tmp_path: Path, auth: dict[str, Any], reason: str, told: str
) -> None:
    """A wrong password, an unknown user, none at all, and one who lacks the right."""
    place = Place(server, "closed")
    with SinkProcess() as sink:
        code, said = command(tmp_path, "check", place.source(sink.url, auth=auth))
    assert code == 1, said
    assert f": {reason}" in said
    assert told in said
    assert "Traceback" not in said
    assert "not-hers" not in said
    assert BOB.password not in said


def test_who_is_let_in_sends_and_receives(server: RocketServer, tmp_path: Path) -> None:
    """All steps of `check` are content, and what is sent is delivered and acknowledged."""
    place = Place(server, "open")
    with SinkProcess() as sink:
        source = place.source(sink.url, auth=_auth(ALICE.username, ALICE.password))
        code, said = command(tmp_path, "check", source)
        assert code == 0, said
        code, said = command(tmp_path, "send", source, "x", "--count", "5")
        assert code == 0, said
        with AdapterProcess(source) as adapter:
            sink.wait_delivered(5, timeout=30.0)
            until(lambda: place.backlog() == 0, 10.0, "all acknowledged")
            assert adapter.stop() == 0


def test_a_password_that_is_mended_is_taken_up(server: RocketServer, tmp_path: Path) -> None:
    """Told in `/status` while it is wrong, and then read anew, by the same process."""
    place = Place(server, "mended")
    password = tmp_path / "password"
    password.write_text("not-hers")
    auth = {"username": {"value": ALICE.username}, "password": {"file": str(password)}}
    with (
        SinkProcess() as sink,
        AdapterProcess(place.source(sink.url, auth=auth)) as adapter,
    ):
        told = adapter.wait_status(lambda status: status["reason"] == "Unauthorized")
        assert not told["ready"]
        assert "refuses the login" in told["message"]
        assert "not-hers" not in str(told)
        process = adapter.pid
        password.write_text(ALICE.password)
        adapter.wait_ready(30.0)
        place.send(4)
        sink.wait_delivered(4, timeout=30.0)
        assert adapter.pid == process
        assert adapter.stop() == 0
