"""Whether the sink is well enough to be sent events at all.

Five sick outcomes with no 2xx between them open the breaker. While it is open nothing is received
and nothing is sent, but for one probe at a time, a real event, less than once a second: the message
system is the buffer, so waiting costs nothing, and a service that starts needs no storm of
requests. Any HTTP answer that is not a sick one closes it: somebody is at home.

A state machine without clock and I/O; the deliverer asks how long to wait and sends the probe.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

THRESHOLD: Final = 5
_FIRST: Final = 1.05
_LONGEST: Final = 4.0
_GROWTH: Final = 1.3


class Breaker:
    """Counts sick outcomes.

    Attributes:
        open: events must not be sent, but for probes.
    """

    __slots__ = ("_chance", "_sick", "_wait", "open")

    def __init__(self, *, chance: Callable[[], float] = random.random) -> None:
        self.open = False
        self._sick = 0
        self._wait = _FIRST
        self._chance = chance

    def well(self) -> bool:
        """Note an answer that was not sick; return whether that closed the breaker."""
        was_open = self.open
        self.open = False
        self._sick = 0
        self._wait = _FIRST
        return was_open

    def sick(self) -> bool:
        """Note a sick outcome; return whether it opened the breaker."""
        self._sick += 1
        if self.open or self._sick < THRESHOLD:
            return False
        self.open = True
        return True

    def wait(self) -> float:
        """Return seconds until the next probe: over one, growing to six, and not in step."""
        wait = self._wait * (1 + self._chance() / 2)
        self._wait = min(self._wait * _GROWTH, _LONGEST)
        return wait

    def __repr__(self) -> str:
        return f"<Breaker {'open' if self.open else 'closed'} sick={self._sick}>"
