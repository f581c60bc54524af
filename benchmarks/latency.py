"""How long a record travels when there is little to do: 100 records a second, one at a time.

Each record carries the time at which it was handed to the producer; the sink notes when it has read
the request. Both clocks are the machine's one, so the difference is the way through the producer,
the broker, the forwarder and the network stack; what is not the forwarder's is the same for all.
The first seconds are not counted: a compiler at work would be measured instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.forwarder import Forwarder
from benchmarks.records import Writer
from benchmarks.throughput import RunFailedError

RATE = 100
_WARM_UP = 500
_MEASURED = 1000
_FIRST_WITHIN = 60.0
_AFTERMATH = 1.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Figures of one run."""

    records: int
    """Measured records."""
    p50_ms: float
    p99_ms: float
    peak_rss_mb: float


def pace(forwarder: Forwarder, delivered: Callable[[], int], writer: Writer) -> tuple[int, int]:
    """Write at an even rate, from before the first event until enough have been measured.

    Returns:
        Between which times, in nanoseconds since 1970, the records to be counted were made.

    Raises:
        RunFailedError: the forwarder ended or delivered nothing for a minute.
    """
    clock = time.monotonic()
    left: int | None = None
    since = 0
    while left is None or left > 0:
        if not forwarder.alive:
            raise RunFailedError(f"it has ended; its output closes with:\n{forwarder.tail()}")
        if left is None and delivered() > 0:
            left = _WARM_UP + _MEASURED
        if left is None and time.monotonic() - forwarder.started > _FIRST_WITHIN:
            msg = f"nothing has come for {_FIRST_WITHIN:.0f} s"
            raise RunFailedError(f"{msg}; its output closes with:\n{forwarder.tail()}")
        if left is not None:
            since = since or (time.time_ns() if left <= _MEASURED else 0)
            left -= 1
        writer.write()
        clock += 1 / RATE
        time.sleep(max(0.0, clock - time.monotonic()))
    until = time.time_ns()
    writer.finish()
    time.sleep(_AFTERMATH)
    return since, until


def figures(notes: Sequence[tuple[int, int]], *, since: int, until: int, peak_rss: int) -> Latency:
    """Percentiles of what was made between two times.

    Raises:
        RunFailedError: fewer records came than were made.
    """
    # A record that was delivered twice counts as late as its first delivery.
    first: dict[int, int] = {}
    for made, came in notes:
        if since <= made < until:
            first.setdefault(made, came)
    travelled = sorted(came - made for made, came in first.items())
    if len(travelled) < _MEASURED:
        raise RunFailedError(f"{len(travelled)} of {_MEASURED} records had come in the end")
    return Latency(
        records=len(travelled),
        p50_ms=travelled[len(travelled) // 2] / 1e6,
        p99_ms=travelled[len(travelled) * 99 // 100] / 1e6,
        peak_rss_mb=peak_rss / 1e6,
    )
