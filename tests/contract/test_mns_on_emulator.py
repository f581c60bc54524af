"""The MNS source keeps the contract on the emulator that users get."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from tests.contract.mns import VISIBILITY, MnsHarness

from eventing_alibaba.testing.contract import SourceContract
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.ledger import Ordering


class TestMnsOnEmulator(SourceContract):
    """A standard queue; what is healed after a test is healed by `mns_queue`."""

    @pytest.fixture
    def harness(self, mns_emulator: EmulatorProcess, mns_queue: Callable[..., str]) -> MnsHarness:
        return MnsHarness(mns_emulator, mns_queue(visibility_timeout=VISIBILITY))


class FifoHarness(MnsHarness):
    """A FIFO queue: the messages of a group come in their order."""

    orderings: Sequence[Ordering] = ("ordered",)


class TestFifoQueueOnEmulator(SourceContract):
    """A FIFO queue of three message groups."""

    @pytest.fixture
    def harness(self, mns_emulator: EmulatorProcess, mns_queue: Callable[..., str]) -> FifoHarness:
        queue = mns_queue(fifo=True, visibility_timeout=VISIBILITY)
        return FifoHarness(mns_emulator, queue, fifo=True)
