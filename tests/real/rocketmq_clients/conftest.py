"""The emulator and a real cluster, each once a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.rocketmq_clients.clusters import Cluster, Emulated, Real
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.started import started

from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess


@pytest.fixture(scope="module", params=["emulator", "broker"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """First the one, then the other; neither looks at signatures."""
    if request.param == "emulator":
        with EmulatorProcess(strict=False, make_groups=False) as emulator:
            yield Emulated(emulator)
    else:
        with started(RocketServer()) as server:
            yield Real(server)
