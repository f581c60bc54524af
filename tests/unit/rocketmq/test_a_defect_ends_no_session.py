"""What nobody foresaw costs one request, and not all that would come after it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.errors import Names
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.session import Session
from eventing_alibaba.sources.trouble import Trouble


@pytest.mark.looptime
async def test_the_route_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    """After an answer that broke something here the source says so, and asks again."""
    asked: asyncio.Queue[None] = asyncio.Queue()
    told: asyncio.Queue[str | None] = asyncio.Queue()

    async def route(request: Any) -> pb.QueryRouteResponse:
        asked.put_nowait(None)
        raise RuntimeError("something that nobody foresaw")

    def report(error: SourceError | None) -> None:
        told.put_nowait(None if error is None else error.reason)

    loop = asyncio.get_running_loop()
    settings = pb.Settings()
    settings.subscription.subscriptions.add()
    trouble = Trouble(loop.time)
    trouble.report = report
    way: Any = SimpleNamespace(
        endpoints=Endpoints.parse("localhost:8081"), link=lambda _: SimpleNamespace(route=route)
    )
    session = Session(
        way,
        settings,
        trouble=trouble,
        names=Names("localhost:8081", "orders", "group"),
        now=loop.time,
        moved=lambda: None,
        explain=lambda _: asyncio.sleep(0, SourceError("not asked for")),
    )
    keeping = asyncio.create_task(session._keep_route())
    try:
        session.stale()
        await asked.get()
        assert await told.get() == "Defect"
        await asked.get()
        assert "asking for the route failed in a way it should not" in caplog.text
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
