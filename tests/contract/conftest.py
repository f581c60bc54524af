"""An emulator's groups form as quickly as it can."""

from __future__ import annotations

import pytest

from eventing_alibaba.sources.kafka import settings


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: the emulator's rebalances take a session, its fetches wait to the end."""
    for name, value in {
        "session.timeout.ms": 1_500,
        "heartbeat.interval.ms": 100,
        "fetch.wait.max.ms": 10,
        "reconnect.backoff.max.ms": 250,
    }.items():
        monkeypatch.setitem(settings.FIXED, name, value)
