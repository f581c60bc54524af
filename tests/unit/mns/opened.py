"""Clients and sources of an emulator, opened and closed by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.unit.mns.polled import context, spec

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.mns.client import MnsClient
from eventing_alibaba.sources.mns.connecting import client_of
from eventing_alibaba.sources.mns.source import MnsSource
from eventing_alibaba.sources.mns.spec import MnsSourceSpec
from eventing_alibaba.testing.contract.solo import QuietFlow
from eventing_alibaba.testing.emulators.mns import MnsEmulator

PATIENCE = 15.0
ROOM = 32 * 1024 * 1024


def manifest(mns: MnsEmulator, **fields: Any) -> MnsSourceSpec:
    """Return a spec of the emulator's queue `orders`."""
    auth = {"accessKeyId": {"value": "test"}, "accessKeySecret": {"value": "test"}}
    return spec(**{"endpoint": mns.endpoint, "auth": auth, "waitSeconds": 1, **fields})


@asynccontextmanager
async def client(
    mns: MnsEmulator, *, environ: Any = None, **fields: Any
) -> AsyncIterator[MnsClient]:
    """A client; `environ` = where `env` references look."""
    made = manifest(mns, **fields)
    of = context(made)
    if environ is not None:
        of.credentials.environ = environ  # type: ignore[attr-defined]
    opened = client_of(made, of)
    try:
        yield opened
    finally:
        await opened.close()


class Listening(QuietFlow):
    """A flow that remembers what the source reports."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self._changed = asyncio.Event()

    def report(self, error: SourceError | None) -> None:
        """Remember the reason; `well` where there is none."""
        self.reports.append("well" if error is None else error.reason)
        self._changed.set()

    async def until(self, reason: str) -> None:
        """Wait for a report."""
        async with asyncio.timeout(PATIENCE):
            while reason not in self.reports:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def source(
    mns: MnsEmulator, flow: Listening | None = None, **fields: Any
) -> AsyncIterator[MnsSource]:
    """An open source."""
    made = manifest(mns, **fields)
    opened = MnsSource(made, context(made))
    try:
        await opened.open(flow or Listening())
        yield opened
    finally:
        await opened.close()


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds that nobody tells."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None
