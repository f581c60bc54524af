"""What the demos of emulators in a process of their own share: the process, and who sends orders.

In a process of its own, because it is Python: in the demo's it would share a processor with the
service and the page. It ends with the demo however that ends, being tied to it by its standard
input; Ctrl-C does not reach it, or it would be gone before the adapter has acknowledged the last.

Orders go into the broker by the emulator's remote control, several at a time, in a thread. So the
faults of the broker are the adapter's trouble alone, and a message that the broker has twice would
be nobody's fault but the demo's.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from eventing_alibaba.cli.demo.orders import Order, number_of, order
from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators import EmulatorUnavailableError

Sent: TypeAlias = tuple[Order, Callable[[int], None]]
"""An order, and who is told its number if sending failed."""


class Remote(Protocol):
    """What is asked of an emulator's process here."""

    def start(self) -> object: ...  # noqa: D102 - as in EmulatorProcess
    def stop(self) -> object: ...  # noqa: D102
    def refuse(self) -> None: ...  # noqa: D102
    def accept(self) -> None: ...  # noqa: D102


_Emulator = TypeVar("_Emulator", bound=Remote)


class EmulatedScenario(ABC, Generic[_Emulator]):
    """The part of `Scenario` that is the same for emulators in a process of their own.

    Args:
        emulator: not yet started.

    Attributes:
        at_once: orders that are sent by one call of the remote control.
    """

    at_once = 500
    room = 100_000
    page: Path | None = None

    def __init__(self, emulator: _Emulator) -> None:
        self._emulator = emulator
        self._orders: list[Sent] = []
        self._sending: asyncio.Task[None] | None = None
        self._down = False

    async def open(self) -> None:
        """Start the emulator and create what orders go into."""
        await asyncio.to_thread(self._emulator.start)
        self.furnish()

    @abstractmethod
    def furnish(self) -> None:
        """Create what orders go into."""

    @abstractmethod
    def parcels(
        self, some: Sequence[Sent]
    ) -> Iterable[tuple[Sequence[Sent], Callable[[], object]]]:
        """Return orders in the portions that are sent at a time, each with what sends it."""

    def source(self, kind: str, spec: dict[str, Any], sink: str) -> dict[str, Any]:
        """Return a source object that delivers to the URL `sink`."""
        return {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": "demo"},
            "spec": {**spec, "sink": {"uri": sink}},
        }

    def message(self, number: int) -> Order:
        """Return an order of the shop."""
        return order(number)

    def number_of(self, data: bytes | None) -> int | None:
        """Return the number of the order."""
        return number_of(data)

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        """Keep an order for the next time that some are sent."""
        self._orders.append((order, refused))

    def tend(self) -> None:
        """Send what has come together, unless the broker is down or some are being sent."""
        if self._sending is not None and self._sending.done():
            sending, self._sending = self._sending, None
            sending.result()
        if self._orders and self._sending is None and not self._down:
            some, self._orders = self._orders[: self.at_once], self._orders[self.at_once :]
            self._sending = asyncio.create_task(self._send(some), name="orders")

    def stop_broker(self) -> None:
        """Cut all connections and take no new ones."""
        self._down = True
        self._emulator.refuse()

    def start_broker(self) -> None:
        """Take connections again, on the same port."""
        self._emulator.accept()
        self._down = False

    async def close(self) -> None:
        """End the emulator."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await asyncio.to_thread(self._emulator.stop)

    async def _send(self, some: Sequence[Sent]) -> None:
        for portion, send in self.parcels(some):
            try:
                await asyncio.to_thread(send)
            except (AdminError, OSError):
                for order, refused in portion:
                    refused(order.number)


def needs(module: str, name: str) -> None:
    """Raise EmulatorUnavailableError where a module that the adapter for `name` needs is absent."""
    if find_spec(module) is None:
        extra = name.lower()
        msg = (
            f"the adapter for {name} needs {module}, which is not installed; run: pip install"
            f" 'eventing-alibaba[{extra}]'"
        )
        raise EmulatorUnavailableError(msg)
