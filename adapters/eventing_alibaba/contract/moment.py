"""Times as RFC 3339 text, as CloudEvents writes them.

Brokers hand on whatever number a producer stamped on a message, up to the end of 64 bits. What
cannot be written, with its year in four digits, is no time of an event, and the event goes without.
"""

from __future__ import annotations

import time
from typing import Final

_WRITABLE: Final = range(-30_610_224_000, 253_402_300_800)
"""Seconds since the epoch from the year 1000 to the end of 9999."""

_FRACTIONS: Final = [f".{milliseconds:03d}Z" for milliseconds in range(1000)]


class Rfc3339:
    """Writes times to the millisecond; call it with seconds since the epoch.

    Messages that come together were made at almost the same time, so the last time's text is kept,
    and that of its second.
    """

    __slots__ = ("_last", "_moment", "_second", "_text")

    def __init__(self) -> None:
        self._moment = self._second = -1.0
        self._last = self._text = ""

    def __call__(self, moment: float) -> str | None:
        """Return for instance `2026-01-31T23:59:59.000Z`; None where it cannot be written."""
        if moment == self._moment:
            return self._last
        milliseconds = round(moment * 1000)
        second = milliseconds // 1000
        if second != self._second:
            if second not in _WRITABLE:
                return None
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        self._moment = moment
        self._last = last = self._text + _FRACTIONS[milliseconds % 1000]
        return last
