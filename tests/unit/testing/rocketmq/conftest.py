"""An emulator on the test's own loop, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unit.testing.rocketmq.speaking import Speaker

from eventing_alibaba.testing.emulators.rocketmq import RocketmqEmulator


@pytest_asyncio.fixture
async def rocketmq() -> AsyncIterator[RocketmqEmulator]:
    """An emulator with the topics "t", "fifo" (one queue) and "delay", and the FIFO group "f"."""
    async with RocketmqEmulator() as emulator:
        emulator.create_topic("t")
        emulator.create_topic("fifo", kind="FIFO", queues=1)
        emulator.create_topic("delay", kind="DELAY")
        emulator.create_group("f", fifo=True, max_retries=2)
        yield emulator


@pytest_asyncio.fixture
async def speaker(rocketmq: RocketmqEmulator) -> AsyncIterator[Speaker]:
    """A client of the group "g" that has said so."""
    async with Speaker(rocketmq.endpoints) as client:
        await client.introduce("t")
        yield client


@pytest_asyncio.fixture
async def ordered(rocketmq: RocketmqEmulator) -> AsyncIterator[Speaker]:
    """A client of the FIFO group "f" that has said so."""
    async with Speaker(rocketmq.endpoints, "f") as client:
        await client.introduce("fifo")
        yield client
