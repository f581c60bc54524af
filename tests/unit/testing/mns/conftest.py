"""An emulator on the test's own loop, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unit.testing.mns.speaking import Speaker

from eventing_alibaba.testing.emulators.mns import MnsEmulator


@pytest_asyncio.fixture
async def mns() -> AsyncIterator[MnsEmulator]:
    """An emulator with the queue "q"."""
    async with MnsEmulator() as emulator:
        emulator.create_queue("q")
        yield emulator


@pytest_asyncio.fixture
async def speaker(mns: MnsEmulator) -> AsyncIterator[Speaker]:
    """A client of it."""
    async with Speaker(mns.endpoint) as client:
        yield client
