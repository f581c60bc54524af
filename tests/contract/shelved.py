"""The shelf as the contract suite is told about it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

from tests.contract.shelf import SHELVES, Item, Shelf, ShelfSource, ShelfSpec

from eventing_alibaba.contract.source import Source
from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.testing.contract import Ability, Harness, Produced
from eventing_alibaba.testing.ledger import Ordering

_numbers: Final = itertools.count(1)


class ShelfHarness(Harness):
    """A shelf of its own; `make` builds its sources from its name."""

    kind: ClassVar[str] = "Shelf"
    patience = 10.0
    cannot: Mapping[Ability, str] = {
        "tracks": "a shelf has no order",
        "processes": "a shelf is in the memory of the test",
    }

    def __init__(self, make: Callable[[str], Source] = ShelfSource) -> None:
        self.name = f"shelf-{next(_numbers)}"
        self.shelf = SHELVES[self.name] = Shelf()
        self._make = make
        self._put = 0

    def spec(self, ordering: Ordering) -> dict[str, Any]:
        return {"shelf": self.name}

    def model(self) -> type[SourceSpec]:
        return ShelfSpec

    def source(self, spec: SourceSpec) -> Source:
        return self._make(self.name)

    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        first, self._put = self._put, self._put + count
        produced = [Produced(f"{self.name}/{number}") for number in range(first, self._put)]
        for item in produced:
            self.shelf.put(Item(item.id, b"." * size))
        return produced

    async def backlog(self) -> int:
        return len(self.shelf.items)

    def close(self) -> None:
        """Take the shelf down."""
        del SHELVES[self.name]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.shelf.up = False
        yield
        self.shelf.up = True

    @asynccontextmanager
    async def slow(self, seconds: float) -> AsyncIterator[None]:
        self.shelf.latency = seconds
        yield
        self.shelf.latency = 0.0

    @asynccontextmanager
    async def refusing_acks(self) -> AsyncIterator[None]:
        self.shelf.refusing = True
        yield
        self.shelf.refusing = False
