"""MNS for the demo: the emulator in a process of its own, one queue, and who puts orders into it.

In a process of its own, because it is Python: in the demo's it would share a processor with the
service and the page. It ends with the demo however that ends, being tied to it by its standard
input; Ctrl-C does not reach it, or it would be gone before the adapter has acknowledged the last.

Orders go into the queue by the emulator's remote control, several at a time, in a thread. So the
faults of the queue are the adapter's trouble alone, and a message that the queue has twice would be
nobody's fault but the demo's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.cli.demo.orders import Order, number_of, order
from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators import EmulatorUnavailableError
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.emulators.mns.emulator import KEY

QUEUE: Final = "orders"
VISIBILITY: Final = 8
"""Seconds; what a killed adapter had is handed out again after these."""

THROTTLED: Final = "mns-throttled"
KEY_GONE: Final = "mns-key"
CUTS: Final = "mns-cut"

_CUT: Final = 0.2
_AT_ONCE: Final = 2_000

FAULTS: Final = (
    Fault(
        THROTTLED,
        "Throttles",
        "broker",
        "Every request is answered QpsLimitExceeded: the account asks too often. The adapter slows"
        " down and keeps what it has.",
        "{broker} answers QpsLimitExceeded to everything.",
        "{broker} throttles no more.",
    ),
    Fault(
        KEY_GONE,
        "Key removed",
        "broker",
        "The access key is no longer known. The adapter is not ready, says why, and tries again:"
        " it needs no restart when the key is there again.",
        "{broker} does not know the adapter's access key any more.",
        "The access key is good again.",
    ),
    Fault(
        CUTS,
        "Answers cut",
        "broker",
        "One answer in five breaks off in the middle. Messages of a poll that was cut are received"
        f" again when their visibility timeout, {VISIBILITY} s here, is over; a deletion is"
        " repeated.",
        "{broker} does what it is asked for, but one answer in five is cut off.",
        "{broker} finishes its answers again.",
    ),
)


class _Emulator(EmulatorProcess):
    detached = True


class MnsScenario:
    """Implements `Scenario` and `Breakable`; see there."""

    name = "MNS"
    note = "This MNS is an emulator. As in the real one, order is loose in a queue without groups."
    ordered = False
    room = 100_000
    page: Path | None = None
    faults = FAULTS

    def __init__(self) -> None:
        if find_spec("defusedxml") is None:
            raise EmulatorUnavailableError(
                "the adapter for MNS needs defusedxml, which is not installed; run: pip install"
                " 'eventing-alibaba[mns]'"
            )
        self._emulator = _Emulator()
        self._orders: list[tuple[Order, Callable[[int], None]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._down = False

    async def open(self) -> None:
        """Start the emulator and create the queue."""
        await asyncio.to_thread(self._emulator.start)
        self._emulator.create_queue(QUEUE, visibility_timeout=VISIBILITY)

    def place(self) -> str:
        """Return where the queue is."""
        return f"{self._emulator.endpoint}, queue {QUEUE}"

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return an MnsSource of the queue."""
        settings = self._emulator.settings
        return {
            "apiVersion": API_VERSION,
            "kind": "MnsSource",
            "metadata": {"name": "demo"},
            "spec": {
                "endpoint": self._emulator.endpoint,
                "queue": QUEUE,
                "auth": {
                    "accessKeyId": {"value": settings["accessKeyId"]},
                    "accessKeySecret": {"value": settings["accessKeySecret"]},
                },
                "sink": {"uri": sink},
            },
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
        """Send what has come together, unless the queue is down or some are being sent."""
        if self._sending is not None and self._sending.done():
            sending, self._sending = self._sending, None
            sending.result()
        if self._orders and self._sending is None and not self._down:
            some, self._orders = self._orders[:_AT_ONCE], self._orders[_AT_ONCE:]
            self._sending = asyncio.create_task(self._send(some), name="orders")

    def stop_broker(self) -> None:
        """Cut all connections and take no new ones."""
        self._down = True
        self._emulator.refuse()

    def start_broker(self) -> None:
        """Take connections again, on the same port."""
        self._emulator.accept()
        self._down = False

    async def suffer(self, active: AbstractSet[str]) -> None:
        """Heal the queue, then have what is active begin."""
        emulator = self._emulator
        emulator.heal()
        if KEY_GONE in active:
            emulator.remove_key(KEY)
        if THROTTLED in active:
            emulator.fail(error="QpsLimitExceeded")
        if CUTS in active:
            emulator.fail(cut="half", probability=_CUT)

    async def close(self) -> None:
        """End the emulator."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await asyncio.to_thread(self._emulator.stop)

    async def _send(self, some: list[tuple[Order, Callable[[int], None]]]) -> None:
        bodies = [order.body.decode() for order, _ in some]
        try:
            await asyncio.to_thread(self._emulator.send, QUEUE, bodies)
        except (AdminError, OSError):
            for order, refused in some:
                refused(order.number)
