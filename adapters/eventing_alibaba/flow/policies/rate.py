"""At most so many events a second: a token bucket.

The bucket holds a tenth of a second's worth, at least one, so that a limit means an even flow and
not a burst each second.
"""

from __future__ import annotations

_BURST = 0.1
_ROUNDING = 1e-9


class Rate:
    """A bucket that fills with `limit` tokens a second, as of `now` (seconds, any clock)."""

    __slots__ = ("_at", "_most", "_per_second", "_tokens")

    def __init__(self, limit: int, now: float) -> None:
        self._per_second = float(limit)
        self._most = max(1.0, limit * _BURST)
        self._tokens = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Take a token and return 0, or return seconds until there is one."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens >= 1.0 - _ROUNDING:
            self._tokens = max(0.0, self._tokens - 1.0)
            return 0.0
        return (1.0 - self._tokens) / self._per_second

    def give(self) -> None:
        """Put back a token that was not used."""
        self._tokens = min(self._most, self._tokens + 1.0)
