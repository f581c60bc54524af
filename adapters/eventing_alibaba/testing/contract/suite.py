"""All subjects in one class."""

from __future__ import annotations

import pytest

from eventing_alibaba.testing.contract.cancelling import Cancelling
from eventing_alibaba.testing.contract.crashing import Crashing
from eventing_alibaba.testing.contract.delivering import Delivering
from eventing_alibaba.testing.contract.ending import Ending
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.leasing import Leasing
from eventing_alibaba.testing.contract.pressing import Pressing
from eventing_alibaba.testing.contract.receiving import Receiving
from eventing_alibaba.testing.contract.sharing import Sharing
from eventing_alibaba.testing.contract.troubling import Troubling


@pytest.mark.asyncio
class SourceContract(
    Delivering,
    Pressing,
    Receiving,
    Cancelling,
    Ending,
    Troubling,
    Sharing,
    Leasing,
    Crashing,
):
    """Derive from it, give a fixture `harness`, and pytest runs the contract on your source.

    Needs pytest-asyncio, in any mode. The fixture is asked for in each test and must return a
    harness with a queue of its own.
    """

    @pytest.fixture
    def harness(self) -> Harness:
        """Return what is known about the source under test."""
        msg = f"{type(self).__name__} needs a fixture `harness` that returns a Harness"
        raise NotImplementedError(msg)
