"""Rates and latencies over the last seconds, from counts that only ever grow.

The latest values are looked at ten times a second and asked for twice a second. Of a look's
latencies at most so many are kept, evenly spaced: percentiles of them are as good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SECONDS: Final = 5.0
_RATE_SECONDS: Final = 1.5
_MOST_A_LOOK: Final = 100


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds; None where nothing has arrived lately."""

    p50: float | None
    p99: float | None


class Rate:
    """The growth of a counter, per second."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, at: float, count: int) -> float:
        """Note the counter at a time in seconds; return its rate over the last 1.5 s."""
        looks = self._looks
        looks.append((at, count))
        while len(looks) > 2 and looks[1][0] <= at - _RATE_SECONDS:
            looks.popleft()
        since, before = looks[0]
        return max(0.0, (count - before) / (at - since)) if at > since else 0.0


class Latencies:
    """How long what arrived in the last five seconds took."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Sequence[float]]] = deque()

    def look(self, at: float, seconds: Sequence[float]) -> None:
        """Note what has arrived since the last look, at a time in seconds."""
        if seconds:
            step = -(-len(seconds) // _MOST_A_LOOK)
            self._looks.append((at, seconds[::step]))
        while self._looks and self._looks[0][0] < at - _SECONDS:
            self._looks.popleft()

    def percentiles(self) -> Latency:
        """Return the middle and the slow end."""
        every = sorted(one for _, some in self._looks for one in some)
        if not every:
            return Latency(None, None)
        p50, p99 = (every[min(len(every) - 1, int(len(every) * part))] for part in (0.5, 0.99))
        return Latency(round(p50 * 1000, 1), round(p99 * 1000, 1))
