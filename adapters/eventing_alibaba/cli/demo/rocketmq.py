"""RocketMQ for the demo: a FIFO topic of an emulator in a process of its own (`emulated.py`).

The topic is one of FIFO messages, since that is what RocketMQ has and MNS's ordinary queues have
not: the orders of a customer are a message group, which is in one queue, and a queue is delivered
in its order. So an order that is tried again holds up those behind it in its queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import groupby
from typing import Any, Final

from eventing_alibaba.cli.demo.emulated import EmulatedScenario, Sent, needs
from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

TOPIC: Final = "orders"
GROUP: Final = "orders-service"
QUEUES: Final = 16
INVISIBLE: Final = 10
"""Seconds; what a killed adapter had is handed out again after these. RocketMQ takes no fewer."""

THROTTLED: Final = "rocketmq-throttled"
STREAMS: Final = "rocketmq-telemetry"
TOPIC_GONE: Final = "rocketmq-topic"

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


class RocketMQScenario(EmulatedScenario[_Emulator]):
    """Implements `Scenario` and `Breakable`; see there."""

    name = "RocketMQ"
    note = "This RocketMQ is an emulator, with one broker; a real one spreads queues over several."
    ordered = True
    faults = FAULTS

    def __init__(self) -> None:
        needs("grpc", self.name)
        super().__init__(_Emulator())

    def furnish(self) -> None:
        """Create topic and group."""
        self._emulator.create_topic(TOPIC, kind="FIFO", queues=QUEUES)
        self._emulator.create_group(GROUP, fifo=True)

    def place(self) -> str:
        """Return where the topic is."""
        return f"{self._emulator.endpoints}, FIFO topic {TOPIC} with {QUEUES} queues"

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return a RocketMQSource of the topic."""
        settings = self._emulator.settings
        spec = {
            "endpoints": self._emulator.endpoints,
            "topic": TOPIC,
            "consumerGroup": GROUP,
            "invisibleDuration": f"PT{INVISIBLE}S",
            "auth": {name: {"value": settings[name]} for name in ("username", "password")},
        }
        return self.source("RocketMQSource", spec, sink)

    def parcels(
        self, some: Sequence[Sent]
    ) -> Iterable[tuple[Sequence[Sent], Callable[[], object]]]:
        """Return those of each customer, in their order: the customer is the message group."""
        by_customer = sorted(some, key=_customer)  # keeps the order of equals
        for customer, theirs in groupby(by_customer, key=_customer):
            portion = list(theirs)
            bodies = [order.body.decode() for order, _ in portion]
            yield (
                portion,
                partial(self._emulator.send, TOPIC, bodies, group=customer, tag="order"),
            )

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


def _customer(sent: Sent) -> str:
    return sent[0].customer
