"""One clock for leases, deadlines and backoffs.

Leases are counted by the broker in real time, also while this machine sleeps. `CLOCK_MONOTONIC`
stands still in a suspended laptop or a paused VM, so a lease would look alive that the broker gave
to somebody else. `CLOCK_BOOTTIME` goes on; where a platform lacks it, the monotonic clock is the
next best. Neither jumps when the wall clock is set.
"""

from __future__ import annotations

import time

if hasattr(time, "CLOCK_BOOTTIME"):

    def now() -> float:
        """Return seconds on a clock that never jumps and goes on while the machine sleeps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:  # pragma: no cover - Linux has it

    def now() -> float:
        """Return seconds on a clock that never jumps."""
        return time.monotonic()
