"""How many requests may be on the wire: as many as the sink takes, and no more.

A service says that it is full in three ways: it refuses (429, 503), it does not answer in time, or
it answers ever more slowly. So the limit is found as TCP finds its window. It doubles each round
while nothing is known (*slow start*), then grows by one every other round, and is cut by three
tenths when the sink shows that it was too much. A round is as many successes as the limit is wide.

Outcomes of requests that were written before the last cut do not cut again: they tell of the limit
that is already gone. A limit that was not used does not grow: nothing was learned.

Rising latency alone is a weak sign, since a service that scales with its load answers slowly first.
It cuts only when a round was four times slower than the quickest one known and half a second at
that; below, queueing in the service does nobody harm.
"""

from __future__ import annotations

from typing import Final

_START: Final = 8
_CUT: Final = 0.7
_ROUNDS_PER_STEP: Final = 2
_SLOW: Final = 0.5
_TIMES_SLOWER: Final = 4.0
_FORGET: Final = 1.02
"""The quickest round fades by this factor a round, so that a service may become slower for good."""


class Concurrency:
    """The adaptive limit.

    Attributes:
        limit: requests that may be on the wire now, from 1 to `most`.
    """

    __slots__ = (
        "_base",
        "_changed",
        "_count",
        "_rounds",
        "_slow_start",
        "_sum",
        "_threshold",
        "limit",
        "most",
    )

    def __init__(self, most: int, *, start: int = _START) -> None:
        self.most = most
        self.limit = min(start, most)
        self._threshold = most
        self._slow_start = True
        self._count = 0
        self._rounds = 0
        self._sum = 0.0
        self._base = 0.0
        self._changed = 0.0

    def success(self, elapsed: float, now: float, *, busy: bool) -> bool:
        """Note a 2xx after `elapsed` seconds; return whether the limit changed.

        `busy`: the limit was used up when the answer came. `now` is on the clock of `refused`.
        """
        self._count += 1
        self._sum += elapsed
        if self._count < self.limit:
            return False
        mean = self._sum / self._count
        self._count = 0
        self._sum = 0.0
        base = self._base = min(mean, self._base * _FORGET) if self._base else mean
        if mean > _SLOW and mean > base * _TIMES_SLOWER and now - elapsed > self._changed:
            return self._cut(now)
        if not busy or self.limit >= self.most:
            return False
        if self._slow_start:
            self.limit = min(self.limit * 2, self._threshold)
            self._slow_start = self.limit < self._threshold
            return True
        self._rounds += 1
        if self._rounds < _ROUNDS_PER_STEP:
            return False
        self._rounds = 0
        self.limit += 1
        return True

    def refused(self, started: float, now: float) -> bool:
        """Note that the sink refused or timed out a request written at `started`."""
        return started > self._changed and self._cut(now)

    def restart(self, now: float) -> None:
        """Begin again with one request: the sink was away, what was known of it is old."""
        self._threshold = max(1, self.limit, self._threshold if self._slow_start else self.limit)
        self.limit = 1
        self._slow_start = self._threshold > 1
        self._changed = now
        self._base = 0.0
        self._count = self._rounds = 0
        self._sum = 0.0

    def _cut(self, now: float) -> bool:
        old = self.limit
        self.limit = self._threshold = max(1, int(self.limit * _CUT))
        self._slow_start = False
        self._changed = now
        self._count = self._rounds = 0
        self._sum = 0.0
        return self.limit != old

    def __repr__(self) -> str:
        return f"<Concurrency {self.limit} of {self.most}{' slow start' * self._slow_start}>"
