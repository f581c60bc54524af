"""Tells in short sentences what has changed: for the page's log, and for ears.

It is given what there is to see ten times a second and speaks when something turns, not while it
lasts. The faults themselves are told by whoever makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eventing_alibaba.cli.demo.gauges import Reading
from eventing_alibaba.cli.demo.ledger import Tally

_A_QUEUE: Final = 3.0
_NO_QUEUE: Final = 1.0
_SMALL: Final = 10


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and whether it is bad or good news."""

    text: str
    tone: Literal["plain", "bad", "good"] = "plain"


class Narrator:
    """Watches one run. `rate` below is the load in messages a second."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._was_ready = False
        self._queue = False
        self._lost = 0
        self._duplicated = 0
        self._held = False

    def look(self, tally: Tally, reading: Reading, *, rate: float, held: bool) -> list[Sentence]:
        """Return what is new since the last look.

        `held`: the sender waits because the broker is full.
        """
        told = self._adapter(reading)
        if held and not self._held:
            told.append(Sentence("The broker is as full as it may be; the sender waits.", "bad"))
        self._held = held
        if tally.waiting > rate * _A_QUEUE + _SMALL:
            if not self._queue:
                told.append(Sentence("Messages queue up in the broker."))
                self._duplicated = tally.duplicated
            self._queue = True
        elif self._queue and tally.waiting < rate * _NO_QUEUE + _SMALL:
            self._queue = False
            told.append(self._caught_up(tally))
        if tally.lost > self._lost:
            told.append(Sentence(f"{tally.lost} messages are missing.", "bad"))
        elif self._lost and not tally.lost:
            told.append(Sentence("What was missing has come after all.", "good"))
        self._lost = tally.lost
        return told

    def _adapter(self, reading: Reading) -> list[Sentence]:
        told: list[Sentence] = []
        before, self._reading = self._reading, reading
        if before.running and not reading.running:
            told.append(Sentence("There is no adapter process; a new one is on its way.", "bad"))
        elif reading.running and not before.running and self._was_ready:
            told.append(Sentence("A new adapter process has started."))
        if reading.ready and not before.ready:
            told.append(Sentence("The adapter is ready.", "good"))
            self._was_ready = True
        elif before.ready and reading.running and not reading.ready and reading.message:
            told.append(Sentence(f"The adapter is not ready: {reading.message}", "bad"))
        if reading.breaker and not before.breaker:
            told.append(Sentence("The adapter holds back and probes the service.", "bad"))
        elif before.breaker and reading.ready and not reading.breaker:
            told.append(Sentence("The service takes events again; the adapter goes on.", "good"))
        return told

    def _caught_up(self, tally: Tally) -> Sentence:
        again = tally.duplicated - self._duplicated
        if tally.lost:
            return Sentence(f"The queue is gone, but {tally.lost} are missing.", "bad")
        twice = f", {again} came twice" if again > 0 else ""
        return Sentence(f"Caught up: nothing was lost{twice}.", "good")
