"""An emulator for each test: faults and clocks of one are no other's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventing_alibaba.testing.emulators.mns import EmulatorProcess


@pytest.fixture
def mns() -> Iterator[EmulatorProcess]:
    """A running emulator."""
    with EmulatorProcess() as emulator:
        yield emulator
