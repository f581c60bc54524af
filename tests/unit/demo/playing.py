"""A scenario without a broker, and a stage set for it on which nothing runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.cli.demo.orders import Order, number_of, order
from eventing_alibaba.cli.demo.replica import Replica
from eventing_alibaba.cli.demo.service import Accepted
from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.sink import ReceivedEvent


class Bottle:
    """Implements `Scenario`: what is sent stays in `messages`, what is done to it in `done`."""

    name = "Bottle"
    note = "It is a bottle."
    ordered = True
    room = 50
    page: Path | None = None

    def __init__(self) -> None:
        self.messages: list[Order] = []
        self.done: list[str] = []

    async def open(self) -> None:
        """There is nothing to open."""

    def place(self) -> str:
        return "the sea"

    def manifest(self, sink: str) -> dict[str, Any]:
        return {"spec": {"sink": {"uri": sink}}}

    def message(self, number: int) -> Order:
        return order(number)

    def number_of(self, data: bytes | None) -> int | None:
        return number_of(data)

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        self.messages.append(order)

    def tend(self) -> None:
        """There is nothing to tend."""

    def stop_broker(self) -> None:
        self.done.append("stopped")

    def start_broker(self) -> None:
        self.done.append("started")

    async def close(self) -> None:
        """There is nothing to close."""


class LeakyBottle(Bottle):
    """Implements `Breakable` as well; what it suffers from is in `done`."""

    faults = (Fault("leak", "Leaks", "broker", "{broker} leaks.", "{broker} leaks.", "Mended."),)

    async def suffer(self, active: AbstractSet[str]) -> None:
        self.done.append(",".join(sorted(active & {"leak"})))


def stage(scenario: Bottle | None = None) -> Stage:
    """Return a stage on which no process runs."""
    made = Stage(scenario or Bottle())
    made._adapter = Replica(Path("nowhere"), restart=True)
    return made


def received(number: int, **attributes: str) -> ReceivedEvent:
    """Return the event of an order."""
    known = {"id": str(number), "source": "s", "type": "t", "subject": f"#{number}", **attributes}
    return ReceivedEvent(known, order(number).body, "binary", ())


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks go on until a condition holds; it fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0)


def accept(made: Stage, *numbers: int, aside: bool = False) -> None:
    """Have the service, or the dead-letter box, accept these orders."""
    sink = made.box if aside else made.service
    sink.accepted.extend(Accepted(received(number), now()) for number in numbers)
