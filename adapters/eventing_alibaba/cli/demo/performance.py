"""One run of the demo as people follow it: what is broken, what is counted, what is told.

`look` is called ten times a second. It takes what has arrived, counts it, and makes of all counts
the one state that the page shows and the lines of the terminal too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from eventing_alibaba.cli.demo.faults import (
    ADAPTER_KILL,
    BROKER_DOWN,
    FAULTS,
    SERVICE_DOWN,
    Fault,
    default,
    rules,
)
from eventing_alibaba.cli.demo.gauges import Gauges
from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.meter import Latencies, Latency, Rate
from eventing_alibaba.cli.demo.narrator import Narrator, Sentence
from eventing_alibaba.cli.demo.scenario import Breakable
from eventing_alibaba.cli.demo.sender import Sender
from eventing_alibaba.cli.demo.stage import Arrival, Stage
from eventing_alibaba.contract.clock import now

MOST_RATE: Final = 5_000
_EVENTS_A_LOOK: Final = 3
_EVENTS_KEPT: Final = 500
_PREVIEW: Final = 160
_MOST_DATA: Final = 4_000
_PERCENTILES_EVERY: Final = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found.

    Attributes:
        tally: the ledger.
        arrived: what has arrived since the last look.
        state: all that a page shows, JSON values by name.
        events: some of what has arrived, for a list that people can read.
        log: sentences on what has changed.
    """

    tally: Tally
    arrived: Sequence[Arrival]
    state: dict[str, Any]
    events: Sequence[dict[str, Any]]
    log: Sequence[dict[str, Any]]


class Performance:
    """Plays on `stage`, which is open; `async with` sends and asks meanwhile.

    Attributes:
        faults: what can be broken.
    """

    def __init__(self, stage: Stage, *, rate: float) -> None:
        self.stage = stage
        self.sender = Sender(stage, rate=rate, room=stage.scenario.room)
        self.gauges = Gauges(stage.adapter)
        own = stage.scenario.faults if isinstance(stage.scenario, Breakable) else ()
        self.faults = (*FAULTS, *own)
        self._began = now()
        self._active: set[str] = set()
        self._narrator = Narrator()
        self._said: list[Sentence] = []
        self._in, self._out = Rate(), Rate()
        self._latencies, self._latency = Latencies(), Latency(None, None)
        self._looks = 0
        self._count = 0
        self._kept: OrderedDict[int, Arrival] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self.sender.run(), name="send"),
            asyncio.create_task(self.gauges.run(), name="gauges"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def stop_sending(self) -> None:
        """Send no more."""
        self._tasks[0].cancel()
        await asyncio.wait(self._tasks[:1])

    async def break_(self, name: str) -> None:
        """Break something. Raises LookupError for what cannot be broken."""
        fault = self._fault(name)
        if name in self._active:
            return
        self.say(fault.broken, "bad")
        if fault.momentary:
            if name == ADAPTER_KILL:
                self.stage.adapter.kill()
            return
        self._active.add(name)
        await self._apply(name)

    async def heal(self, name: str | None = None) -> None:
        """Heal one thing, or all. Raises LookupError for what cannot be broken."""
        if name is not None:
            self._fault(name)
        if name is None and len(self._active) > 1:
            self.say("Everything is healed.", "good")
        for one in [each for each in sorted(self._active) if name in (None, each)]:
            self._active.discard(one)
            await self._apply(one)
            if name is not None or not self._active:
                self.say(self._fault(one).healed, "good")

    def load(self, rate: float) -> None:
        """Send so many messages a second. Raises ValueError for what is out of bounds."""
        if not 0 < rate <= MOST_RATE:
            raise ValueError(f"the rate {rate:g} must be above 0, up to {MOST_RATE}")
        self.sender.rate = rate

    def say(self, text: str, tone: Any = "plain") -> None:
        """Put a sentence into the log; `{broker}` is the broker's name."""
        self._said.append(Sentence(text.format(broker=self.stage.scenario.name), tone))

    def look(self) -> Look:
        """Take what has arrived, and tell how everything is."""
        stage, at = self.stage, now()
        stage.scenario.tend()
        arrived = list(stage.arrivals())
        tally, reading = stage.ledger.tally(), self.gauges.reading
        self._latencies.look(at, [one.seconds for one in arrived if one.seconds is not None])
        if self._looks % _PERCENTILES_EVERY == 0:
            self._latency = self._latencies.percentiles()
        self._looks += 1
        rate = self.sender.rate or 0.0
        told = self._narrator.look(tally, reading, rate=rate, held=self.sender.held)
        said, self._said = [*self._said, *told], []
        seconds = at - self._began
        state = {
            "seconds": int(seconds),
            "sent": tally.sent,
            "delivered": tally.delivered,
            "duplicated": tally.duplicated,
            "setAside": tally.set_aside,
            "lost": tally.lost,
            "waiting": tally.waiting,
            "rateIn": round(self._in.look(at, tally.sent), 1),
            "rateOut": round(self._out.look(at, tally.delivered + tally.duplicated), 1),
            "p50": self._latency.p50,
            "p99": self._latency.p99,
            "inFlight": reading.in_flight,
            "held": reading.held,
            "retries": reading.failed,
            "breaker": reading.breaker,
            "adapter": "ready" if reading.ready else "running" if reading.running else "gone",
            "message": reading.message,
            "starts": stage.adapter.starts,
            "load": rate,
            "heldBack": self.sender.held,
            "active": sorted(self._active),
        }
        log = [{"at": round(seconds, 1), "text": one.text, "tone": one.tone} for one in said]
        return Look(tally, arrived, state, self._sample(arrived), log)

    def event(self, number: int) -> dict[str, Any]:
        """Return all about one of the events that were in a look. Raises LookupError."""
        if number not in self._kept:
            raise LookupError("this event is no longer kept: choose a later one")
        arrival = self._kept[number]
        data = arrival.event.data or b""
        return {
            **_summary(number, arrival),
            "attributes": arrival.event.attributes,
            "data": data[:_MOST_DATA].decode(errors="replace"),
            "bytes": len(data),
            "cut": len(data) > _MOST_DATA,
            "mode": arrival.event.mode,
        }

    def _sample(self, arrived: Sequence[Arrival]) -> list[dict[str, Any]]:
        """Choose a few, evenly, those out of the ordinary first."""
        strange = [one for one in arrived if one.aside or one.seconds is None][:1]
        step = max(1, len(arrived) // _EVENTS_A_LOOK)
        chosen = strange + [one for one in arrived[::step] if one not in strange]
        told = []
        for arrival in chosen[:_EVENTS_A_LOOK]:
            self._count += 1
            self._kept[self._count] = arrival
            told.append(_summary(self._count, arrival))
        while len(self._kept) > _EVENTS_KEPT:
            self._kept.popitem(last=False)
        return told

    def _fault(self, name: str) -> Fault:
        for fault in self.faults:
            if fault.name == name:
                return fault
        names = ", ".join(fault.name for fault in self.faults)
        raise LookupError(f"there is no fault {name!r}; there are {names}")

    async def _apply(self, name: str) -> None:
        """Have the world agree with what is active, as far as `name` is concerned."""
        stage, active = self.stage, self._active
        if name == BROKER_DOWN:
            if name in active:
                stage.scenario.stop_broker()
            else:
                stage.scenario.start_broker()
        elif name == SERVICE_DOWN:
            await (stage.service.refuse() if name in active else stage.service.accept())
        elif isinstance(stage.scenario, Breakable) and self._fault(name).place == "broker":
            await stage.scenario.suffer(frozenset(active))
        else:
            stage.service.set_rules(*rules(active, stage.scenario.number_of))
            stage.service.set_default(default(active))


def _summary(number: int, arrival: Arrival) -> dict[str, Any]:
    event, seconds = arrival.event, arrival.seconds
    kind = "aside" if arrival.aside else "again" if seconds is None else "new"
    return {
        "key": number,
        "message": arrival.number,
        "type": event.type,
        "subject": str(event.attributes.get("subject", "")),
        "who": str(event.attributes.get("partitionkey") or event.attributes.get("key") or ""),
        "preview": (event.data or b"")[:_PREVIEW].decode(errors="replace"),
        "kind": kind,
        "ms": None if seconds is None else round(seconds * 1000, 1),
    }
