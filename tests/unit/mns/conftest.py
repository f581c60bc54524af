"""An emulator on the test's own event loop, and a redrive that sees the end of a queue soon."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventing_alibaba.sources.mns import redrive
from eventing_alibaba.testing.emulators.mns import MnsEmulator


@pytest.fixture
async def mns() -> AsyncIterator[MnsEmulator]:
    """An emulator with the queue `orders`, whose messages are leased for 6 s."""
    async with MnsEmulator() as emulator:
        emulator.create_queue("orders", visibility_timeout=6)
        yield emulator


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redrive ends with a poll that finds nothing; here nobody else fills the queue meanwhile."""
    monkeypatch.setattr(redrive, "_WAIT", 1)
