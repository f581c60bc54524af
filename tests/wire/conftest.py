"""The client is used on two loops, so each asynchronous test below runs on both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from tests.wire.client import Clock

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.target import Target


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on asyncio's own loop and on uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """Say that there is no loop outside of tests.

    Else the loop of asyncio's policy springs into being when a plugin asks for it in a test that
    needs none, and the warning that nobody closed it fails whatever test runs by then.
    """
    asyncio.set_event_loop(None)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest_asyncio.fixture
async def pools() -> AsyncIterator[Callable[..., Pool]]:
    """Make pools that are closed after the test."""
    made: list[Pool] = []

    def make(target: Target, *, limit: int = 4, **options: Any) -> Pool:
        made.append(Pool(target, limit=limit, **options))
        return made[-1]

    yield make
    for pool in made:
        await pool.close()
