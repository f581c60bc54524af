"""A real cluster shared by the tests that break nothing; a test that does starts one for itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.started import started


@pytest.fixture(scope="session")
def rocketmq_server() -> Iterator[RocketServer]:
    """A running cluster, shared by the session."""
    with started(RocketServer()) as server:
        yield server
