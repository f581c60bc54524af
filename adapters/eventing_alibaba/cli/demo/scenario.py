"""What a broker must offer so that the demo can show it.

A scenario owns a broker on this machine and the one who sends to it; it knows the manifest that
points an adapter at them. Everything else of the demo is the same for all brokers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from eventing_alibaba.cli.demo.orders import Order


class Scenario(Protocol):
    """A broker, from `open` to `close`.

    Attributes:
        name: of the broker, for people.
        note: one sentence on how the emulated broker differs from a real one; "" = none to make.
        ordered: orders of one customer must arrive as they were sent.
    """

    name: str
    note: str
    ordered: bool

    async def open(self) -> None:
        """Start the broker. Raises EmulatorUnavailableError saying what to install."""

    def place(self) -> str:
        """Return, once open, where the broker is, in a few words."""

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return, once open, the source object for an adapter that delivers to the URL `sink`."""

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        """Send one message without waiting; `refused` is told the number if it failed later on."""

    def tend(self) -> None:
        """Do what sending needs now and then; called about fifty times a second."""

    async def close(self) -> None:
        """End the broker. Idempotent."""
