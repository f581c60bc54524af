"""RocketMQ for the demo: the emulator in a process of its own, a FIFO topic, and its orders.

In a process of its own, and orders go into it by its remote control, for the reasons that `mns.py`
tells. The topic is one of FIFO messages, since that is what RocketMQ has and MNS's ordinary queues
have not: the orders of a customer are a message group, which is in one queue, and a queue is
delivered in its order. So an order that is tried again holds up those behind it in its queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.cli.demo.orders import Order, number_of, order
from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators import EmulatorUnavailableError
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

TOPIC: Final = "orders"
GROUP: Final = "orders-service"
QUEUES: Final = 16
INVISIBLE: Final = 10
"""Seconds; what a killed adapter had is handed out again after these. RocketMQ takes no fewer."""

THROTTLED: Final = "rocketmq-throttled"
STREAMS: Final = "rocketmq-telemetry"
TOPIC_GONE: Final = "rocketmq-topic"

_AT_ONCE: Final = 500

FAULTS: Final = (
    Fault(
        THROTTLED,
        "Throttles",
        "broker",
        "Every request is answered TOO_MANY_REQUESTS. The adapter slows down and keeps what it"
        " has.",
        "{broker} answers TOO_MANY_REQUESTS to everything.",
        "{broker} throttles no more.",
    ),
    Fault(
        STREAMS,
        "No settings",
        "broker",
        "The streams by which clients tell their settings are cut and refused. The proxy forgets"
        " the adapter, which tells it who it is as soon as it may.",
        "{broker} has forgotten its clients and takes no settings.",
        "{broker} takes settings again.",
    ),
    Fault(
        TOPIC_GONE,
        "Topic unknown",
        "broker",
        "Routes are answered TOPIC_NOT_FOUND and nothing can be received. The adapter is not ready,"
        " says why, and asks again: it needs no restart when the topic is there.",
        "{broker} does not know the topic any more.",
        "{broker} knows the topic again.",
    ),
)


class _Emulator(EmulatorProcess):
    detached = True


class RocketMQScenario:
    """Implements `Scenario` and `Breakable`; see there."""

    name = "RocketMQ"
    note = "This RocketMQ is an emulator, with one broker; a real one spreads queues over several."
    ordered = True
    room = 100_000
    page: Path | None = None
    faults = FAULTS

    def __init__(self) -> None:
        if find_spec("grpc") is None:
            raise EmulatorUnavailableError(
                "RocketMQ needs grpcio, which is not installed; run: pip install"
                " 'eventing-alibaba[rocketmq]'"
            )
        self._emulator = _Emulator()
        self._orders: list[tuple[Order, Callable[[int], None]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._down = False

    async def open(self) -> None:
        """Start the emulator; create topic and group."""
        await asyncio.to_thread(self._emulator.start)
        self._emulator.create_topic(TOPIC, kind="FIFO", queues=QUEUES)
        self._emulator.create_group(GROUP, fifo=True)

    def place(self) -> str:
        """Return where the topic is."""
        return f"{self._emulator.endpoints}, FIFO topic {TOPIC} with {QUEUES} queues"

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return a RocketMQSource of the topic."""
        settings = self._emulator.settings
        return {
            "apiVersion": API_VERSION,
            "kind": "RocketMQSource",
            "metadata": {"name": "demo"},
            "spec": {
                "endpoints": self._emulator.endpoints,
                "topic": TOPIC,
                "consumerGroup": GROUP,
                "invisibleDuration": f"PT{INVISIBLE}S",
                "auth": {
                    "username": {"value": settings["username"]},
                    "password": {"value": settings["password"]},
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
        """Send what has come together, unless the broker is down or some are being sent."""
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
        """Heal the broker, then have what is active begin."""
        emulator = self._emulator
        emulator.heal()
        if TOPIC_GONE in active:
            for operation in ("QueryRoute", "ReceiveMessage"):
                emulator.fail(operation, "TOPIC_NOT_FOUND")
        if THROTTLED in active:
            emulator.fail(error="TOO_MANY_REQUESTS")
        if STREAMS in active:
            emulator.fail("Telemetry", grpc="UNAVAILABLE")
            emulator.cut_telemetry()
            emulator.forget_clients()

    async def close(self) -> None:
        """End the emulator."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await asyncio.to_thread(self._emulator.stop)

    async def _send(self, some: Sequence[tuple[Order, Callable[[int], None]]]) -> None:
        """Send orders, those of a customer in their order."""
        by_customer = sorted(some, key=lambda pair: pair[0].customer)  # keeps the order of equals
        for customer, theirs in groupby(by_customer, key=lambda pair: pair[0].customer):
            pairs = list(theirs)
            bodies = [order.body.decode() for order, _ in pairs]
            try:
                await asyncio.to_thread(
                    self._emulator.send, TOPIC, bodies, group=f"{customer!s}", tag="order"
                )
            except (AdminError, OSError):
                for order, refused in pairs:
                    refused(order.number)
