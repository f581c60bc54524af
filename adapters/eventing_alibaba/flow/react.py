"""What becomes of an event that the sink did not accept.

    sick      tried again; it counts against `retry` only where other events got through meanwhile
    suspect   tried again with backoff; counts
    final     exhausted at once
    cut       left to its broker

An exhausted event takes the road of `onExhausted`. None of them loses it, but `drop`, which a user
must have written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivery import Blocked, Delivery
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.concurrency import Concurrency
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.timers import Timers
from eventing_alibaba.flow.valve import Valve
from eventing_alibaba.sink.outcome import Outcome, Verdict

log = logging.getLogger(__name__)

_TOO_MUCH = frozenset({"answer_timeout", "write_timeout", "connect_timeout"})


class Reaction:
    """Decides and arranges; `pump` is called when a delivery is ready again.

    Attributes:
        blocked: deliveries that hold up their lane, oldest first.
        last_success: when an event last got through, on `clock`.
    """

    def __init__(
        self,
        *,
        held: Held,
        retry: Retry,
        valve: Valve,
        concurrency: Concurrency,
        counters: Counters,
        timers: Timers,
        pump: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._held = held
        self._retry = retry
        self._valve = valve
        self._concurrency = concurrency
        self._counters = counters
        self._timers = timers
        self._pump = pump
        self.blocked: dict[Delivery, None] = {}
        self.last_success = 0.0
        self.on_gone: Callable[[], None] = lambda: None
        self.on_limit: Callable[[], None] = lambda: None

    def failed(self, delivery: Delivery, outcome: Outcome) -> None:
        """React to an outcome that is not a 2xx."""
        counters = self._counters
        counters.attempts[outcome.label] = counters.attempts.get(outcome.label, 0) + 1
        self._tell_policies(delivery, outcome)
        track = delivery.track
        if track is not None and track.gone:
            self._held.abandon(delivery)
            self.on_gone()
            return
        if outcome.verdict is Verdict.CUT:
            self._held.abandon(delivery)
            return
        delivery.attempts += 1
        sick = outcome.verdict is Verdict.SICK
        # A sink that is unwell says nothing about this event, unless another one got through since
        # this one last failed.
        if not sick or self.last_success > (delivery.failed or delivery.started):
            delivery.failures += 1
        delivery.failed = self._clock()
        log.warning("an event was not accepted and is kept: %s", outcome.reason)
        if outcome.verdict is Verdict.FINAL or delivery.failures > self._retry.most:
            self._exhausted(delivery, outcome.reason, outcome.status)
        elif sick and self._valve.breaker.open:
            self._held.ready.appendleft(delivery)  # the breaker decides when, for all of them
        else:
            self._timers.after(self._retry.wait(delivery.attempts), self._again, delivery)

    def unconvertible(self, delivery: Delivery, why: str) -> None:
        """React to a message that cannot become an event."""
        self._counters.error("converting", "Unconvertible")
        self._block(delivery, f"it cannot become an event: {why}", None)

    def succeeded(self, delivery: Delivery) -> None:
        """Forget that a delivery was blocked."""
        if delivery.blocked is not None:
            delivery.blocked = None
            self.blocked.pop(delivery, None)

    def sweep(self) -> None:
        """Forget blocked deliveries that were dropped with their track."""
        for delivery in [d for d in self.blocked if d.abandoned]:
            self.succeeded(delivery)

    def _tell_policies(self, delivery: Delivery, outcome: Outcome) -> None:
        now = self._clock()
        if outcome.verdict is Verdict.SICK:
            if self._valve.sick():
                log.warning("the service is away: receiving pauses until it answers again")
                self._held.shut = True
                self._concurrency.restart(now)
                self.on_limit()
            if outcome.retry_after is not None and self._retry.after_max > 0:
                self._valve.leave_alone(min(outcome.retry_after, self._retry.after_max))
        elif outcome.status is not None and self._valve.troubled:
            self._valve.well()
        too_much = outcome.status in {429, 503} or outcome.label in _TOO_MUCH
        if too_much and self._concurrency.refused(delivery.started, now):
            self.on_limit()

    def _exhausted(self, delivery: Delivery, reason: str, status: int | None) -> None:
        self._block(delivery, reason, status)
        self._timers.after(self._retry.longest_wait(), self._again, delivery)

    def _again(self, delivery: Delivery) -> None:
        if not delivery.abandoned:
            self._held.ready.appendleft(delivery)
            self._pump()

    def _block(self, delivery: Delivery, reason: str, status: int | None) -> None:
        if delivery.blocked is None:
            message = delivery.message
            log.error(
                "%s %s is blocked and kept: %s",
                message.origin,
                message.id,
                reason,
                extra={"origin": message.origin, "id": message.id, "status": status},
            )
            delivery.blocked = Blocked(reason, status, time.time())
            self.blocked[delivery] = None
        else:
            delivery.blocked.reason = reason
            delivery.blocked.status = status
