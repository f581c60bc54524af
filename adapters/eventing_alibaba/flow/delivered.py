"""Messages that are delivered and could not be acknowledged: they come again.

When a lease is lost, so is the receipt, and the broker delivers the message another time although
the service has it. The id is remembered here, and the redelivery is acknowledged instead of being
posted. Bounded in number and in time: it is memory of this process only, and a queue that is
consumed a second time on purpose must not be taken for a redelivery of today.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MOST: Final = 100_000
"""Ids remembered; some 250 bytes each."""
SECONDS: Final = 4 * 3600.0
"""How long. A lease ends much sooner; the rest is for a redelivery behind a long queue."""


class Delivered:
    """A bounded table of ids. `now` is in seconds on any clock."""

    __slots__ = ("_most", "_seconds", "_until")

    def __init__(self, *, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def add(self, key: Hashable, now: float) -> None:
        """Remember a message, from now on."""
        until = self._until
        until[key] = now + self._seconds
        until.move_to_end(key)
        if len(until) > self._most:
            until.popitem(last=False)
        while until[oldest := next(iter(until))] <= now:
            del until[oldest]

    def has(self, key: Hashable, now: float) -> bool:
        """Return whether a message is known to be delivered."""
        until = self._until.get(key)
        return until is not None and until > now

    def __len__(self) -> int:
        return len(self._until)

    def __repr__(self) -> str:
        return f"<Delivered {len(self._until)} of up to {self._most}>"
