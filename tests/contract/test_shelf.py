"""A source that is not ours keeps the contract: one with leases, and without order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.shelved import ShelfHarness

from eventing_alibaba.testing.contract import SourceContract


class TestShelf(SourceContract):
    """All there is to write for the tests of a source."""

    @pytest.fixture
    def harness(self) -> Iterator[ShelfHarness]:
        harness = ShelfHarness()
        yield harness
        harness.close()
