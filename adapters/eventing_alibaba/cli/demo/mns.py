"""MNS for the demo: one queue of an emulator in a process of its own (`emulated.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final

from eventing_alibaba.cli.demo.emulated import EmulatedScenario, Sent, needs
from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.emulators.mns.emulator import KEY

QUEUE: Final = "orders"
VISIBILITY: Final = 8
"""Seconds; what a killed adapter had is handed out again after these."""

THROTTLED: Final = "mns-throttled"
KEY_GONE: Final = "mns-key"
CUTS: Final = "mns-cut"

_CUT: Final = 0.2

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


class MnsScenario(EmulatedScenario[_Emulator]):
    """Implements `Scenario` and `Breakable`; see there."""

    name = "MNS"
    note = "This MNS is an emulator. As in the real one, order is loose in a queue without groups."
    ordered = False
    at_once = 2_000
    faults = FAULTS

    def __init__(self) -> None:
        needs("defusedxml", self.name)
        super().__init__(_Emulator())

    def furnish(self) -> None:
        """Create the queue."""
        self._emulator.create_queue(QUEUE, visibility_timeout=VISIBILITY)

    def place(self) -> str:
        """Return where the queue is."""
        return f"{self._emulator.endpoint}, queue {QUEUE}"

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return an MnsSource of the queue."""
        settings = self._emulator.settings
        auth = {name: {"value": settings[name]} for name in ("accessKeyId", "accessKeySecret")}
        spec = {"endpoint": self._emulator.endpoint, "queue": QUEUE, "auth": auth}
        return self.source("MnsSource", spec, sink)

    def parcels(
        self, some: Sequence[Sent]
    ) -> Iterable[tuple[Sequence[Sent], Callable[[], object]]]:
        """Return them as one: the queue keeps no order."""
        bodies = [order.body.decode() for order, _ in some]
        yield some, partial(self._emulator.send, QUEUE, bodies)

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
