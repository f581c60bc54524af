"""A replica starts adapters anew as a cluster would; the sender keeps within the broker's room."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

import pytest
from tests.unit.demo.playing import Bottle, accept, stage, until

from eventing_alibaba.cli.demo import replica as replica_module
from eventing_alibaba.cli.demo.replica import Replica
from eventing_alibaba.cli.demo.sender import Sender

_SECONDS = 10


class _Process:
    """Stands for an adapter process; `started` has all of them."""

    started: list[_Process]

    def __init__(self, manifest: Path, troubles: deque[str]) -> None:
        self.status_url = "http://status"
        self.metrics_url = "http://metrics"
        self.killed = False
        self.ended: asyncio.Future[int]

    async def start(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.started.append(self)

    async def stop(self) -> int:
        self.ended.set_result(0)
        return 0

    def kill(self) -> None:
        self.killed = True
        if not self.ended.done():
            self.ended.set_result(-9)


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> list[_Process]:
    """Processes that do nothing, started anew without a pause."""
    _Process.started = []
    monkeypatch.setattr(replica_module, "Adapter", _Process)
    monkeypatch.setattr(replica_module, "_PAUSE", 0.0)
    return _Process.started


async def _until_starts(replica: Replica, count: int) -> None:
    await until(lambda: replica.starts >= count)


async def test_a_killed_adapter_is_started_anew(processes: list[_Process]) -> None:
    """Its end is not the end of the run; then it is stopped in order, as the last of them."""
    replica = Replica(Path(), restart=True)
    await replica.start()
    replica.kill()
    assert (replica.running, replica.status_url) == (False, None)
    await _until_starts(replica, 2)
    assert replica.running
    assert [one.killed for one in processes] == [True, False]
    assert not replica.ended.done()
    assert await replica.stop() == 0
    assert replica.ended.result() == 0


async def test_a_misconfigured_adapter_is_not_started_anew(processes: list[_Process]) -> None:
    """Exit code 78 says that only another manifest would help."""
    replica = Replica(Path(), restart=True)
    await replica.start()
    processes[0].ended.set_result(78)
    async with asyncio.timeout(_SECONDS):
        assert await replica.ended == 78
    assert replica.starts == 1


async def test_without_restart_an_end_is_the_end(processes: list[_Process]) -> None:
    """A run of a fixed number of messages does not hide that its adapter ended."""
    replica = Replica(Path(), restart=False)
    await replica.start()
    processes[0].ended.set_result(1)
    async with asyncio.timeout(_SECONDS):
        assert await replica.ended == 1


async def test_stopping_in_a_pause_starts_nothing(
    processes: list[_Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the demo ends while an adapter waits for its start, it never comes."""
    monkeypatch.setattr(replica_module, "_PAUSE", 3600.0)
    replica = Replica(Path(), restart=True)
    await replica.start()
    replica.kill()
    await asyncio.sleep(0)
    assert await replica.stop() == 0
    assert len(processes) == 1


async def test_the_sender_keeps_within_the_room() -> None:
    """It never has more on the way than the broker takes, and says that it waits."""
    bottle = Bottle()
    made = stage(bottle)
    sender = Sender(made, rate=1_000_000, room=bottle.room)
    sending = asyncio.create_task(sender.run(10_000))
    await until(lambda: sender.held and len(bottle.messages) >= bottle.room)
    assert len(bottle.messages) == made.ledger.tally().waiting == bottle.room
    accept(made, *range(1, 11))
    list(made.arrivals())
    await until(lambda: len(bottle.messages) >= bottle.room + 10)
    sending.cancel()
    assert [one.number for one in bottle.messages] == list(range(1, bottle.room + 11))
