"""The RocketMQ source keeps the contract on the emulator that users get."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.contract.rocketmq import QUEUES, FifoHarness, RocketmqHarness

from eventing_alibaba.testing.contract import SourceContract
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess


class TestRocketmqOnEmulator(SourceContract):
    """A topic of normal messages."""

    @pytest.fixture
    def harness(
        self, rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
    ) -> RocketmqHarness:
        return RocketmqHarness(rocketmq_emulator, rocketmq_topic())


class TestFifoGroupOnEmulator(SourceContract):
    """A topic of ordered messages, read by a group that keeps their order."""

    @pytest.fixture
    def harness(
        self, rocketmq_emulator: EmulatorProcess, rocketmq_topic: Callable[..., str]
    ) -> FifoHarness:
        return FifoHarness(rocketmq_emulator, rocketmq_topic(kind="FIFO", queues=QUEUES))
