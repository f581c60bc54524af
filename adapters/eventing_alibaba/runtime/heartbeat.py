"""Whether the event loop still turns.

The loop notes the time every second; the health server's thread asks how long ago that was.
Measured with the monotonic clock and not with `contract.clock`: that one goes on while a laptop or
VM sleeps, and on waking the process would look hung for an instant, long enough for a probe to kill
it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

EVERY: Final = 1.0
HUNG_AFTER: Final = 10.0


class Heartbeat:
    """The last sign of life of an event loop; it counts as alive until the first is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._handle: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Heartbeat {self.age():.1f} s ago>"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat in `loop` until `stop`; to be called in the loop's thread."""
        self._last = self._clock()
        self._handle = loop.call_later(EVERY, self.start, loop)

    def stop(self) -> None:
        """Beat no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def age(self) -> float:
        """Return the seconds since the last beat."""
        return self._clock() - self._last

    @property
    def alive(self) -> bool:
        """Whether the loop has turned within the last `HUNG_AFTER` seconds."""
        return self.age() < HUNG_AFTER
