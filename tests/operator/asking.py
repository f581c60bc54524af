"""Adapters that say what a test wants, and rounds that ask them on a clock of the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from eventing_alibaba_operator import reasons, rounds
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.rounds import Known, Rounds
from eventing_alibaba_operator.status import Verdict
from eventing_alibaba_operator.words import Listener, Pod, Told

NAME = "mnssource-orders"
KEY = Key("MnsSource", "shop", "orders")
READY = Told(Verdict.of(reasons.CONSUMING))
AWAY = {"reachable": False, "reason": "connection refused", "since": 1.0}

Said = dict[str, Any]


def pod(name: str, *, started: int = 0, address: str = "127.0.0.1") -> Pod:
    stamp = f"2026-01-01T00:00:{started:02}Z"
    return Pod(name, NAME, ready=True, address=address, running=True, started=stamp)


@asynccontextmanager
async def adapter(port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[tuple[int, Said]]:
    """An adapter, and what it says; `asked` counts."""
    said: Said = {"ready": True, "state": "running", "adapterVersion": "1.2.3", "asked": 0}

    async def status(_: web.Request) -> web.Response:
        said["asked"] += 1
        return web.json_response(said)

    app = web.Application()
    app.router.add_get("/status", status)
    async with TestServer(app, host=host, port=port) as server:
        assert server.port is not None
        yield server.port, said


class Going:
    """Rounds that are under way on a clock of the test's."""

    def __init__(self, port: int) -> None:
        self.now = 1000.0
        self.woken: list[Key] = []
        self.listener = Listener(port=port)
        self.rounds = Rounds(self.listener, self.woken.append, clock=lambda: self.now)

    def of(self, *pods: Pod) -> Known:
        return self.rounds.of(KEY, pods, READY)

    async def after(self, seconds: float, said: Said) -> None:
        """Let time pass and one more round be asked, and answered."""
        before = said["asked"]
        self.now += seconds
        await until(lambda: said["asked"] > before and not self.rounds._asking)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.002)


@asynccontextmanager
async def under_way(port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Going]:
    monkeypatch.setattr(rounds, "_TICK", 0.005)
    going = Going(port)
    task = asyncio.create_task(going.rounds.run())
    yield going
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await going.listener.close()
