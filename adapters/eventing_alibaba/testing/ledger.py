"""Compares what was sent with what a sink received: lost, duplicated, reordered.

A test tells the ledger every event it sends, and every delivery the sink has seen, in order of
arrival. A delivery *counts* when the sink answered it with a whole 2xx, because only that lets the
sender acknowledge. Then, precisely:

- **lost**: sent, and no delivery of it counts. **unknown**: it counts, and was never sent.
- **duplicate**: every delivery that counts after the first that did, of the same event.
- **reordered**: each *line* of events has an order. An event is reordered when its first delivery
  that counts arrived after that of an event behind it in its line. (So a redelivery of old events,
  which every at-least-once sender makes, changes no order; delivering 5 before 4 has ever succeeded
  does.)
- **overlap**: a delivery arrived while another event of the same line was still being answered,
  whatever the answers were. A sender that promises one at a time must have none.

What a line is, is the promise under test: `ordered`, the series of an id ("partition:3/offset:" of
"partition:3/offset:17"), in the order of its number; `keyed`, the lane named when the event was
sent, within its series; `unordered`, there is none. Ids without a number are in the order of
sending.

The ledger also takes a time line of what was done to the sender, kills and revokes, and gives each
duplicate and each overlap the last of them that lies between the two deliveries, or that still
lasted at the first of them: a broker that was killed gives out twice, as it comes back, what it had
in hand. One without a cause is *unexplained*.

A million Kafka events cost it about 30 MB, because it keeps numbers only: see `identity.py`.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from eventing_alibaba.testing.identity import EventIds
from eventing_alibaba.testing.report import Cause, Duplicate, Findings, Overlap, Reordered, Report

Ordering: TypeAlias = Literal["ordered", "keyed", "unordered"]

_NEVER: Final = 0xFFFFFFFF
_NO_LINE: Final = 0


class Delivery(Protocol):
    """What the ledger reads of a sink's record (`sink.Record` is one)."""

    @property
    def id(self) -> str: ...  # noqa: D102 - as in Record
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> int: ...  # noqa: D102
    @property
    def arrived(self) -> float: ...  # noqa: D102
    @property
    def answered(self) -> float | None: ...  # noqa: D102


class Ledger:
    """Sent and received, and `report()` on the difference.

    Args:
        ordering: the promise under test, see above.
        by_source: the source is part of an event's identity; else the id alone is.
        slack: seconds by which a cause may lie before the first of two deliveries and still
            explain the second: a kill is noted before the sink's clock has read the request.
        examples: how many findings of each kind a report shows; all are counted.
    """

    def __init__(
        self,
        ordering: Ordering = "ordered",
        *,
        by_source: bool = False,
        slack: float = 0.0,
        examples: int = 20,
    ) -> None:
        self._ordering = ordering
        self._by_source = by_source
        self._slack = slack
        self._examples = examples
        self._ids = EventIds()
        # Per event.
        self._sent = bytearray()
        self._line = array("I")
        self._first = array("I")  # in the sequence of deliveries that count
        self._last_at = array("d")
        self._lines: dict[tuple[int, str], int] = {}
        # Per line: the latest end of an answer so far, of which event, when that one arrived.
        self._busy_until = array("d", [0.0])
        self._busy_with = array("I", [_NEVER])
        self._busy_since = array("d", [0.0])
        # Per finding.
        self._again = _Pairs()
        self._overlaps = _Pairs()
        self._counting = 0
        self._causes: list[Cause] = []

    def sent(self, event_id: str, *, source: str = "", lane: str | None = None) -> None:
        """Note an event that the system under test must deliver.

        `lane` matters for `keyed` only; events without one share a lane. Noting one twice changes
        nothing.
        """
        event = self._add(event_id, source)
        if self._sent[event]:
            return
        self._sent[event] = 1
        if self._ordering != "unordered":
            name = (lane or "") if self._ordering == "keyed" else ""
            self._line[event] = self._lines.setdefault(
                (self._ids.series(event), name), len(self._lines) + 1
            )
            if self._line[event] == len(self._busy_until):
                self._busy_until.append(0.0)
                self._busy_with.append(_NEVER)
                self._busy_since.append(0.0)

    def sent_range(self, series: str, start: int, stop: int, *, source: str = "") -> None:
        """Note the events `series` + start ... `series` + (stop - 1), in one lane."""
        for number in range(start, stop):
            self.sent(f"{series}{number}", source=source)

    def received(
        self,
        event_id: str,
        *,
        status: int,
        arrived: float,
        answered: float | None = None,
        source: str = "",
    ) -> None:
        """Note a delivery, in order of arrival, after what was sent.

        `status` is what was answered, 0 = nothing; times are in seconds of one clock.
        """
        event = self._add(event_id, source)
        line = self._line[event]
        if line != _NO_LINE:
            # Equal times of arrival are events of one batch.
            busy = self._busy_since[line] < arrived < self._busy_until[line]
            if busy and self._busy_with[line] != event:
                self._overlaps.add(event, self._busy_with[line], self._busy_since[line], arrived)
            if answered is not None and answered > self._busy_until[line]:
                self._busy_until[line] = answered
                self._busy_with[line] = event
                self._busy_since[line] = arrived
        if not 200 <= status < 300:
            return
        if self._first[event] == _NEVER:
            self._first[event] = self._counting
        else:
            self._again.add(event, event, self._last_at[event], arrived)
        self._last_at[event] = arrived
        self._counting += 1

    def read(self, *sinks: Iterable[Delivery]) -> None:
        """Note all deliveries of one or several sinks' records, merged by time of arrival."""
        records = (
            iter(sinks[0]) if len(sinks) == 1 else heapq.merge(*sinks, key=lambda r: r.arrived)
        )
        for record in records:
            self.received(
                record.id,
                source=record.source,
                status=record.status,
                arrived=record.arrived,
                answered=record.answered,
            )

    def cause(self, kind: str, at: float, detail: str = "", *, lasting: float = 0.0) -> None:
        """Note what was done to the sender at a time: ("kill", now()), ("revoke", ...).

        `lasting`: seconds after it in which even two deliveries that both follow it are its doing.
        """
        self._causes.append(Cause(kind, at, detail, lasting))

    def report(self) -> Report:
        """Return the findings so far; may be asked for again after more deliveries."""
        causes = sorted(self._causes, key=lambda cause: cause.at)
        lost = Findings[str](self._examples)
        unknown = Findings[str](self._examples)
        delivered = 0
        for event, sent in enumerate(self._sent):
            counts = self._first[event] != _NEVER
            delivered += counts and sent
            if sent and not counts:
                lost.add(self._ids.id(event))
            elif counts and not sent:
                unknown.add(self._ids.id(event))
        duplicates = Findings[Duplicate](self._examples)
        for event, _, before, at in self._again:
            why = self._explain(causes, before, at)
            duplicates.add(lambda: Duplicate(self._ids.id(event), before, at, why), why)  # noqa: B023
        overlaps = Findings[Overlap](self._examples)
        for event, other, since, at in self._overlaps:
            why = self._explain(causes, since, at)
            overlaps.add(
                lambda: Overlap(self._ids.id(event), self._ids.id(other), since, at, why),  # noqa: B023
                why,
            )
        return Report(
            sent=sum(self._sent),
            delivered=delivered,
            lost=lost,
            unknown=unknown,
            duplicates=duplicates,
            reordered=self._reordered(),
            overlaps=overlaps,
        )

    def _add(self, event_id: str, source: str) -> int:
        event = self._ids.add(source if self._by_source else "", event_id)
        if event == len(self._sent):
            self._sent.append(0)
            self._line.append(_NO_LINE)
            self._first.append(_NEVER)
            self._last_at.append(0.0)
        return event

    def _reordered(self) -> Findings[Reordered]:
        found = Findings[Reordered](self._examples)
        members: dict[int, array[int]] = {}
        for event, line in enumerate(self._line):
            if line != _NO_LINE and self._first[event] != _NEVER:
                members.setdefault(line, array("I")).append(event)
        for events in members.values():
            # From the line's end: the earliest arrival among the events behind each one.
            earliest, earliest_event = _NEVER, -1
            late = array("I")
            for event in sorted(events, key=self._ids.position, reverse=True):
                if self._first[event] < earliest:
                    earliest, earliest_event = self._first[event], event
                else:
                    late.extend((earliest_event, event))
            while late:
                event, overtaker = late.pop(), late.pop()
                found.add(lambda: Reordered(self._ids.id(event), self._ids.id(overtaker)))  # noqa: B023
        return found

    def _explain(self, causes: Sequence[Cause], before: float, at: float) -> Cause | None:
        since = before - self._slack
        known = causes[: bisect_right(causes, at, key=lambda cause: cause.at)]
        return next((c for c in reversed(known) if c.at + c.lasting >= since), None)

    def __repr__(self) -> str:
        return f"<Ledger {self._ordering} {sum(self._sent)} sent, {self._counting} deliveries>"


class _Pairs:
    """Findings of two events and two times, 24 bytes each."""

    def __init__(self) -> None:
        self._first, self._second = array("I"), array("I")
        self._from, self._to = array("d"), array("d")

    def add(self, first: int, second: int, start: float, stop: float) -> None:
        self._first.append(first)
        self._second.append(second)
        self._from.append(start)
        self._to.append(stop)

    def __iter__(self) -> Iterator[tuple[int, int, float, float]]:
        return iter(zip(self._first, self._second, self._from, self._to, strict=True))
