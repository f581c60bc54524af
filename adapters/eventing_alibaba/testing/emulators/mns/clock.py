"""The service's two times: the one that messages live by, and the one that its clock shows.

They differ by `skew`, which is for tests of clients whose machine's clock is wrong: every time that
the service shows or compares with a client's is moved, and no message lives longer or shorter for
it. Both follow the event loop's clock, so an emulator on a loop with virtual time lives in virtual
time.
"""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Times of one emulator, on the running loop.

    Attributes:
        skew: seconds that the shown time is ahead.
    """

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew
        self._loop = asyncio.get_running_loop()
        self._base = time.time() - self._loop.time()

    def now(self) -> int:
        """Return the time that messages live by, in ms since the epoch."""
        return int((self._base + self._loop.time()) * 1000)

    @property
    def shift(self) -> int:
        """What the shown time is ahead, in ms."""
        return round(self.skew * 1000)

    def shown(self) -> int:
        """Return the time that the service's clock shows, in ms since the epoch."""
        return self.now() + self.shift
