"""Real servers for the tests below this folder, each started once a session.

`make test` never comes here: the `testpaths` of pyproject.toml leave this folder out, so these
tests run only when it is named (`pytest tests/real`, which is `make test-real`). A machine that
lacks a server's programs skips its tests and says what is missing; continuous integration
(`CI=true`) fails instead. Tests of one session share the servers: each makes topics and groups of
its own, and a test that stops a broker starts one for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.nginx import NginxSink
from tests.real.servers.started import started

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies below this folder as `real`."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A running Kafka broker, shared by the session."""
    with started(KafkaServer()) as server:
        yield server


@pytest.fixture(scope="session")
def nginx_sink() -> Iterator[NginxSink]:
    """A running nginx that answers 204, shared by the session."""
    with started(NginxSink()) as server:
        yield server
