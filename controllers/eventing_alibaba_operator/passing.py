"""When a word that will not last is told: not at once, and not for many sources at once.

A source that has just been applied is "starting" for a moment, then "connected, not yet available",
then ready; each of these would be a write, and a thousand sources applied at once would be slower
for it. So such words wait for a second, in which most are overtaken, and of many five are told a
second. What was ready and is no more is told at once, as is whatever is wrong.
"""

from __future__ import annotations

from typing import Final

from eventing_alibaba_operator.kinds import Key

_WAIT: Final = 1.0
_SPACING: Final = 0.2
_LONGEST: Final = 120.0


class Passing:
    """Gives each source with a passing word the time at which it may be told."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._last = 0.0

    def __repr__(self) -> str:
        return f"<Passing {len(self._at)} wait>"

    def told_at(self, key: Key, now: float) -> float:
        """Return when a source may tell, on the clock of `now`; the same until forgotten.

        At most two minutes from now, however many wait.
        """
        known = self._at.get(key)
        if known is None:
            self._last = min(max(now + _WAIT, self._last + _SPACING), now + _LONGEST)
            known = self._at[key] = self._last
        return known

    def forget(self, key: Key) -> None:
        """It has told, or has something else to tell."""
        self._at.pop(key, None)
