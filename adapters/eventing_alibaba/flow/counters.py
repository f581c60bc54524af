"""What the flow counts, as plain integers.

A bound counter of a metrics library costs 0.3 µs a call, and an event passes five of them; an
integer in a slot costs a tenth. So the flow writes here, in the event loop's thread, and the
metrics endpoint reads when it is asked, from a thread of its own. There is no lock: a reader may
see one event counted in one place and not yet in the next, which no counter promises anyway.
Readers copy a dict before they go through it (`dict.copy` is one step to other threads).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

DURATION_BOUNDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0),
)
"""Seconds; from a sidecar's answer to the longest timeout anyone sets."""

LAG_BOUNDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    *(300.0, 900.0, 3600.0, 21600.0, 86400.0),
)
"""Seconds; from "at once" to "a day behind"."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Histogram:
    """How many values fell between the bounds.

    Attributes:
        bounds: upper ends of the buckets, ascending, each inclusive.
        counts: values in each bucket, not cumulative; the last is for what is above all bounds.
        sum: of all values.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {sum(self.counts)} values, sum {self.sum:g}>"

    def observe(self, *values: float) -> None:
        """Count values."""
        bounds, counts = self.bounds, self.counts
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        self.sum += sum(values)


class Counters:
    """All counters of one process.

    Attributes:
        received: messages that the source handed over.
        delivered: events that the sink answered with 2xx.
        attempts: POSTs that were not answered with 2xx, by the outcome's label.
        settled: messages by what became of them (`acked`, `released`, ...).
        errors: by stage (receiving, converting, deadLettering, ...) and type.
        duration: seconds from giving a request to the pool to its 2xx.
        lag: seconds from a message's production to its acknowledgement.
        own: the source's own counters, by name.
    """

    __slots__ = (
        "attempts",
        "delivered",
        "duration",
        "errors",
        "lag",
        "own",
        "received",
        "settled",
    )

    def __init__(self) -> None:
        self.received = 0
        self.delivered = 0
        self.attempts: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        self.errors: dict[tuple[str, str], int] = {}
        self.duration = Histogram(DURATION_BOUNDS)
        self.lag = Histogram(LAG_BOUNDS)
        self.own: dict[str, int] = {}

    def __repr__(self) -> str:
        return (
            f"<Counters received={self.received} delivered={self.delivered} "
            f"attempts={self.attempts} settled={self.settled} errors={self.errors}>"
        )

    def settle(self, result: str, amount: int = 1) -> None:
        """Count messages that were settled."""
        self.settled[result] = self.settled.get(result, 0) + amount

    def error(self, stage: str, kind: str) -> None:
        """Count an error; both words come from a bounded set, never from a message."""
        key = (stage, kind)
        self.errors[key] = self.errors.get(key, 0) + 1

    def count(self, name: str, amount: int) -> None:
        """Raise a counter of the source's own; `Context.count` is this.

        Raises ValueError for a name that cannot be part of a metric's.
        """
        counted = self.own.get(name)
        if counted is None and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} must be lower-case letters, digits and _ to name a counter")
        self.own[name] = (counted or 0) + amount
