"""The RocketMQ source keeps the contract on a real cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.real.rocketmq.harness import OrderedHarness, RocketHarness
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.started import started

from eventing_alibaba.testing.contract import SourceContract


@pytest.fixture(scope="module")
def server() -> Iterator[RocketServer]:
    """A cluster of its own, because its proxy is taken away."""
    with started(RocketServer()) as server:
        yield server


class TestRocketMQOnRealBroker(SourceContract):
    """Leases, attempts and restarts as they are."""

    @pytest.fixture
    def harness(self, server: RocketServer) -> RocketHarness:
        return RocketHarness(server)


@pytest.mark.soak
@pytest.mark.skipif(not os.environ.get("SOAK"), reason="takes four minutes; SOAK=1 runs it")
class TestFifoOnRealBroker(SourceContract):
    """Queues that are locked as a whole, and acknowledged as a prefix."""

    @pytest.fixture
    def harness(self, server: RocketServer) -> OrderedHarness:
        return OrderedHarness(server)
