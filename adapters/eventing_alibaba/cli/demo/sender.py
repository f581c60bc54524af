"""Sends the messages: so many a second, or as fast as may be.

It never has more on the way than the broker has room for. Where that holds it back, it owes nothing
afterwards: a shop whose order form was closed for a minute does not get a minute's orders at once.
"""

from __future__ import annotations

import asyncio
from typing import Final

from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.contract.clock import now

_EVERY: Final = 0.02
_BURST: Final = 5_000


class Sender:
    """Sends through `stage`.

    Attributes:
        rate: messages a second, may be changed at any time; None = as fast as may be.
        held: the broker had no room at the last look.
    """

    def __init__(self, stage: Stage, *, rate: float | None, room: int = _BURST) -> None:
        self._stage = stage
        self._room = room
        self._number = 0
        self.rate = rate
        self.held = False

    async def run(self, count: int | None = None) -> None:
        """Send `count` messages; None = until cancelled."""
        owed, before = 1.0, now()
        while count is None or self._number < count:
            room = max(0, self._room - self._stage.ledger.tally().waiting)
            left = room if count is None else count - self._number
            if self.rate is None:
                # In bursts: the emulator hands out one batch of a partition at a time, so a
                # trickle of small ones would be slow.
                due = room if room >= self._room // 2 else 0
            else:
                at = now()
                owed += (at - before) * self.rate
                before, due = at, int(owed)
                owed -= due
            self.held = due > room
            for _ in range(min(due, room, left)):
                self._number += 1
                self._stage.send(self._number)
            self._stage.scenario.tend()
            await asyncio.sleep(_EVERY)
