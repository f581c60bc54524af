"""Exhausted events to the dead-letter sink.

A cold path: one queue, as many at once as the target takes. What the target does not take is tried
again with backoff, and when those retries are used up too, the event goes the road that loses
nothing: it is blocked, or released to its broker. Never dropped. A target that asks for it by a
`Retry-After` is left alone until then, as the service is.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import DeadLetterTarget, NotTaken
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.timers import Timers

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Dead:
    delivery: Delivery
    event: Event
    failures: int = 0


class Burial:
    """Sends dead events. `buried` is called when one is safe, `failed` when it could not be.

    After a failure `wanted` is asked whether it is to be tried again.

    Attributes:
        in_flight: requests to the dead-letter sink under way.
    """

    def __init__(
        self,
        target: DeadLetterTarget,
        *,
        retry: Retry,
        timers: Timers,
        counters: Counters,
        buried: Callable[[Delivery], None],
        failed: Callable[[Delivery, str], None],
        wanted: Callable[[Delivery], bool],
    ) -> None:
        self.in_flight = 0
        self._target = target
        self._retry = retry
        self._timers = timers
        self._counters = counters
        self._buried = buried
        self._failed = failed
        self._wanted = wanted
        self._queue: deque[_Dead] = deque()
        self._waiting: dict[Delivery, _Dead] = {}  # in the queue, or for its next attempt
        self._gates = 0  # closed ones: each is for as long as one answer has asked for
        self._stopped = False
        self._on_answered: Callable[[], None] = lambda: None

    def bury(self, delivery: Delivery, event: Event) -> None:
        """Send `event`, which stands for `delivery`."""
        self._queue.append(self._wait(_Dead(delivery, event)))
        self._pump()

    def take_back(self, delivery: Delivery) -> bool:
        """Forget a delivery that somebody else settles; False if it is on its way, or not here."""
        return self._waiting.pop(delivery, None) is not None

    def stop(self, answered: Callable[[], None]) -> None:
        """Start no further request; answers still count, and `answered` is called after each."""
        self._on_answered = answered
        self._stopped = True
        self._queue.clear()

    async def close(self) -> None:
        """Close the target."""
        await self._target.close()

    def _pump(self) -> None:
        while self._queue and not (self._stopped or self._gates):
            dead = self._queue[0]
            if not self._waits(dead):
                self._queue.popleft()
                continue
            dead.delivery.wire = True
            try:
                taken = self._target.send(dead.event, self._answered, dead)
            except Exception as error:  # noqa: BLE001 - the event must not be held for ever
                why = str(error)
                if not isinstance(error, ValueError):  # else an event that cannot be encoded
                    kind = type(error).__name__  # its text may quote the event
                    why = f"a defect of the adapter ({kind}) keeps it from being a dead letter"
                self._queue.popleft()
                del self._waiting[dead.delivery]
                dead.delivery.wire = False
                self._failed(dead.delivery, why)
                continue
            if not taken:
                dead.delivery.wire = False
                return
            self._queue.popleft()
            del self._waiting[dead.delivery]
            self.in_flight += 1

    def _answered(self, dead: _Dead, why: NotTaken | None) -> None:
        self.in_flight -= 1
        dead.delivery.wire = False
        if why is None:
            self._buried(dead.delivery)
        else:
            dead.failures += 1
            self._counters.error("deadLettering", "NotTaken")
            log.warning("the dead-letter sink did not take an event: %s", why.reason)
            self._leave_alone(why.retry_after)
            if dead.failures > self._retry.most or not self._wanted(dead.delivery):
                self._failed(dead.delivery, f"the dead-letter sink failed too: {why.reason}")
            else:
                self._timers.after(self._retry.wait(dead.failures), self._again, self._wait(dead))
        self._pump()
        self._on_answered()

    def _leave_alone(self, seconds: float | None) -> None:
        """Send nothing for so long, at most `retryAfterMax`; None = nobody has asked for that."""
        longest = self._retry.after_max
        if seconds is not None and longest > 0:
            self._gates += 1
            self._timers.after(min(seconds, longest), self._opened, None)

    def _opened(self, _argument: None) -> None:
        self._gates -= 1
        self._pump()

    def _again(self, dead: _Dead) -> None:
        if self._waits(dead):
            self._queue.append(dead)
            self._pump()

    def _wait(self, dead: _Dead) -> _Dead:
        self._waiting[dead.delivery] = dead
        return dead

    def _waits(self, dead: _Dead) -> bool:
        """Return whether it is still to be sent: not taken back, nor given up with its track."""
        if self._waiting.get(dead.delivery) is not dead:
            return False
        if dead.delivery.abandoned:
            del self._waiting[dead.delivery]
            return False
        return True

    def __repr__(self) -> str:
        return f"<Burial in_flight={self.in_flight} queue={len(self._queue)} {self._target!r}>"
