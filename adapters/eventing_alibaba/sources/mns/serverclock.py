"""What time it is at the service, learned from the `Date` of its answers.

Two things hang on it. A request is refused when its `Date` is more than 15 minutes off, so the
service's own time is signed and a machine whose clock is wrong still gets in. And a lease ends at a
time that the service names (`NextVisibleTime`), on its clock.

`Date` has whole seconds and was written at some time between request and answer. So each answer
says only in which interval the difference of the clocks lies; what all answers have in common is
known to some milliseconds after a few requests. Leases are counted with the end of the interval
that makes them shorter. The interval grows with time, because clocks drift, and an answer that
contradicts it begins it anew, because clocks are also set.

The clock on this side is that of leases, which never jumps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from eventing_alibaba.contract.clock import now as lease_now

_DRIFT: Final = 1e-4
"""Seconds a second by which two clocks may part; a machine's is better by far."""


class ServerClock:
    """The service's clock as seen from here; `now` is the clock of leases."""

    def __init__(
        self, *, now: Callable[[], float] = lease_now, wall: Callable[[], float] = time.time
    ) -> None:
        self.now = now
        self._wall = wall
        # Between these the service's time minus `now()` lies.
        self._low = -math.inf
        self._high = math.inf
        self._since = 0.0
        self._text: bytes | None = None
        self._date = 0.0
        self._second = -1
        self._second_text = ""

    @property
    def known(self) -> bool:
        """Whether any answer told the time."""
        return self._high < math.inf

    @property
    def skew(self) -> float:
        """Seconds by which the service is ahead of this machine's wall clock; 0 while unknown."""
        return self.time() - self._wall()

    def learn(self, date: bytes | None, *, sent: float, received: float) -> None:
        """Take the `Date` of an answer to a request of `sent`; one that cannot be read is none."""
        if date is None:
            return
        if date != self._text:
            try:
                self._date = parsedate_to_datetime(date.decode("ascii")).timestamp()
            except ValueError:
                return
            self._text = date
        drift = max(0.0, received - self._since) * _DRIFT
        self._since = received
        low, high = self._date - received, self._date + 1.0 - sent
        joint_low = max(low, self._low - drift)
        joint_high = min(high, self._high + drift)
        if joint_low <= joint_high:
            low, high = joint_low, joint_high
        self._low, self._high = low, high

    def time(self) -> float:
        """Return the service's time in seconds since the epoch; this machine's while unknown."""
        if not self.known:
            return self._wall()
        return self.now() + (self._low + self._high) / 2

    def here(self, moment: float) -> float | None:
        """Return when, at the earliest, the service reaches `moment`, on the clock of leases."""
        return moment - self._high if self.known else None

    def date(self, moment: float) -> str:
        """Return a time as the text of a `Date` header."""
        second = int(moment)
        if second != self._second:
            self._second = second
            self._second_text = formatdate(second, usegmt=True)
        return self._second_text

    def __repr__(self) -> str:
        return f"<ServerClock skew={self.skew:.3f} known={self.known}>"
