"""Against real servers the client runs on uvloop, as in production."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on uvloop."""
    return {"uvloop": uvloop.new_event_loop}
