"""What nobody foresaw costs one request, and not all that would come after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.errors import Names, Refused
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.session import Proxy, Session
from eventing_alibaba.sources.trouble import Trouble

_PLACE = Endpoints.parse("localhost:8081")


def _session(link: Any, report: Callable[[SourceError | None], None]) -> Session:
    """Return a session that is not open, with this one way to its proxy."""
    now = asyncio.get_running_loop().time
    settings = pb.Settings()
    settings.subscription.subscriptions.add()
    trouble = Trouble(now)
    trouble.report = report
    way: Any = SimpleNamespace(endpoints=_PLACE, link=lambda _: link)
    return Session(
        way,
        settings,
        trouble=trouble,
        names=Names("localhost:8081", "orders", "group"),
        now=now,
        moved=lambda: None,
        explain=lambda _: asyncio.sleep(0, SourceError("not asked for")),
    )


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

    session = _session(SimpleNamespace(route=route), report)
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


@pytest.mark.looptime
async def test_a_proxy_that_never_knows_us_is_not_told_the_settings_without_end() -> None:
    """It takes them and refuses the heartbeat that follows: every three seconds, no more."""
    told: list[float] = []

    async def heartbeat(_request: Any) -> None:
        raise Refused(pb.UNRECOGNIZED_CLIENT_TYPE, "no settings")

    def renew() -> None:
        told.append(asyncio.get_running_loop().time())
        assert len(told) < 50
        session._greetings.set()  # as it does when the proxy answers

    link: Any = SimpleNamespace(endpoints=_PLACE, heartbeat=heartbeat)
    telemetry: Any = SimpleNamespace(ready=True, renew=renew)
    session = _session(link, lambda _error: None)
    session._proxies[_PLACE] = Proxy(link, telemetry)
    session._greetings.set()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30.0):
            await session._keep_alive()
    assert 5 < len(told) <= 11
    assert all(later - sooner >= 3.0 for sooner, later in pairwise(told))
