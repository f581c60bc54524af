"""An emulator on the test's own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventing_alibaba.testing.emulators.mns import MnsEmulator


@pytest.fixture
async def mns() -> AsyncIterator[MnsEmulator]:
    """An emulator with the queue `orders`, whose messages are leased for 6 s."""
    async with MnsEmulator() as emulator:
        emulator.create_queue("orders", visibility_timeout=6)
        yield emulator
