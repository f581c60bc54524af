"""One timer for all deadlines of a pool.

A timer for each request would cost as much as writing it. Deadlines are therefore looked at
together when the nearest one is due; setting a later one costs a comparison and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

NEVER: Final = float("inf")

_SHORTEST: Final = 0.01  # seconds; nearer deadlines are looked at together


class Alarm:
    """Calls `ring` once, at the earliest of the times that were set.

    Attributes:
        at: when it will ring, by the owner's clock.
    """

    __slots__ = ("_handle", "_ring", "at")

    def __init__(self, ring: Callable[[], None]) -> None:
        self.at = NEVER
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float, now: float) -> None:
        """Ring at `at`, unless it will ring before anyway."""
        if at >= self.at:
            return
        if self._handle is not None:
            self._handle.cancel()
        self.at = at
        delay = max(at - now, _SHORTEST)
        self._handle = asyncio.get_running_loop().call_later(delay, self._due)

    def off(self) -> None:
        """Do not ring."""
        self.at = NEVER
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _due(self) -> None:
        self.at = NEVER
        self._handle = None
        self._ring()
