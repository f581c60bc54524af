"""How fast a forwarder empties a topic, and what that costs.

The sink's own count is read twenty times a second, with the forwarder's CPU time beside it. From
these samples come the figures of the whole run and of its second half, where caches are warm, Java
has compiled what it will compile, and a forwarder that slows down with time shows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.forwarder import Forwarder

_PERIOD = 0.05
_PERIOD_BEFORE_FIRST = 0.005
_FIRST_WITHIN = 60.0
_STALLED_AFTER = 20.0
_AFTERMATH = 0.3


class RunFailedError(RuntimeError):
    """A forwarder ended, did not begin or stood still; the message has the tail of its output."""


@dataclass(frozen=True, slots=True)
class Sample:
    """State at one moment."""

    at: float
    """Seconds since the forwarder's start."""
    count: int
    """Requests that the sink has answered."""
    cpu: float
    """CPU seconds that the forwarder has used."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Figures of one run."""

    records: int
    """Delivered when the clock stopped."""
    duplicates: int
    """Requests above the number of records, where the topic was emptied."""
    records_per_second: float
    """From the first event to the last."""
    records_per_second_steady: float
    """The same over the second half of the records."""
    cpu_us_per_record: float
    """All CPU since the start of the process, by all records."""
    cpu_us_per_record_steady: float
    """CPU of the second half, by its records."""
    peak_rss_mb: float
    """Largest memory, in 10^6 bytes."""
    first_event_s: float
    """From the start of the process to the first request at the sink."""


def measure(
    forwarder: Forwarder, delivered: Callable[[], int], *, expected: int, seconds: float
) -> Throughput:
    """Watch a forwarder that was just started until all is delivered or `seconds` have passed.

    Args:
        forwarder: The forwarder.
        delivered: Tells how many requests of this run the sink has answered.
        expected: Records in the topic.
        seconds: Longest time from the first event on.

    Raises:
        RunFailedError: it ended, sent nothing for a minute, or stood still for twenty seconds.
    """

    def sample() -> Sample:
        return Sample(time.monotonic() - forwarder.started, delivered(), forwarder.usage().cpu)

    now = sample()
    while now.count <= 0:
        _check(forwarder, still=now.at, patience=_FIRST_WITHIN)
        time.sleep(_PERIOD_BEFORE_FIRST)
        now = sample()
    samples = [now]
    moved = now
    while now.count < expected and now.at - samples[0].at < seconds:
        _check(forwarder, still=now.at - moved.at, patience=_STALLED_AFTER)
        time.sleep(_PERIOD)
        now = sample()
        samples.append(now)
        if now.count > moved.count:
            moved = now
    peak_rss = forwarder.usage().peak_rss
    time.sleep(_AFTERMATH)
    extra = max(0, delivered() - expected)
    return _figures(samples, expected=expected, extra=extra, peak_rss=peak_rss)


def _check(forwarder: Forwarder, *, still: float, patience: float) -> None:
    if not forwarder.alive:
        raise RunFailedError(f"it has ended; its output closes with:\n{forwarder.tail()}")
    if still > patience:
        msg = f"nothing has come for {patience:.0f} s; its output closes with:\n{forwarder.tail()}"
        raise RunFailedError(msg)


def _figures(samples: list[Sample], *, expected: int, extra: int, peak_rss: int) -> Throughput:
    first, last = samples[0], samples[-1]
    records = min(last.count, expected)
    middle = next((s for s in samples[:-1] if s.count >= records / 2), first)
    return Throughput(
        records=records,
        duplicates=extra,
        records_per_second=_rate(records - first.count, last.at - first.at),
        records_per_second_steady=_rate(records - middle.count, last.at - middle.at),
        cpu_us_per_record=last.cpu / records * 1e6,
        cpu_us_per_record_steady=_rate((last.cpu - middle.cpu) * 1e6, records - middle.count),
        peak_rss_mb=peak_rss / 1e6,
        first_event_s=first.at,
    )


def _rate(amount: float, by: float) -> float:
    return amount / by if by > 0 else 0.0
