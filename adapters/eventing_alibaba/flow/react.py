"""What becomes of an event that the sink did not accept.

    sick      tried again; it counts against `retry` only where other events got through meanwhile
    suspect   tried again with backoff; counts
    final     exhausted at once
    cut       left to its broker

An exhausted event takes the road of `onExhausted`. None of them loses it, but `drop`, which a user
must have written.

A blocked event may be skipped by a person. One that has a request under way, to the sink or to the
dead-letter sink, is skipped when that has failed: its answer cannot be called back, and it may be
the one that was hoped for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eventing_alibaba.contract.source import DeadLetterTarget
from eventing_alibaba.flow.bury import Burial
from eventing_alibaba.flow.convert import Converter
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivery import Blocked, Delivery
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.concurrency import Concurrency
from eventing_alibaba.flow.policies.deadletter import with_reason
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.timers import Timers
from eventing_alibaba.flow.valve import Valve
from eventing_alibaba.sink.outcome import Outcome, Verdict

log = logging.getLogger(__name__)

_TOO_MUCH = frozenset({"answer_timeout", "write_timeout", "connect_timeout"})

_RELEASE_FIRST = 30.0
_RELEASE_LONGEST = 3600.0
"""Seconds until the broker delivers a released event again: 30 s, doubling, up to an hour."""


@dataclass(slots=True, frozen=True)
class Exhausted:
    """What becomes of an event whose retries are used up.

    Attributes:
        route: see `contract.spec.Delivery.on_exhausted`.
        target: the dead-letter sink; a message that cannot become an event goes there as well.
        destination: the sink's URL, for the dead letters.
        leased: the broker delivers again what is released.
    """

    route: Literal["deadLetter", "release", "block", "drop"] = "block"
    target: DeadLetterTarget | None = None
    destination: str = ""
    leased: bool = False


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
        convert: Converter,
        exhausted: Exhausted,
        pump: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._convert = convert
        self._route = exhausted.route
        self._leased = exhausted.leased
        self._destination = exhausted.destination
        self._burial = (
            None
            if exhausted.target is None
            else Burial(
                exhausted.target,
                retry=retry,
                timers=timers,
                counters=counters,
                buried=self._buried,
                failed=self._unburied,
                wanted=self._worth_burying,
            )
        )
        self._clock = clock
        self._held = held
        self._retry = retry
        self._valve = valve
        self._concurrency = concurrency
        self._counters = counters
        self._timers = timers
        self._pump = pump
        self.blocked: dict[Delivery, None] = {}
        # Those that nothing is under way for, so that they may be settled at any time.
        self._asleep: dict[Delivery, None] = {}
        self._to_skip: set[Delivery] = set()
        self.last_success = 0.0
        self._answered = False
        self._away: tuple[str, float] | None = None
        self.on_gone: Callable[[], None] = lambda: None
        self.on_limit: Callable[[], None] = lambda: None
        self.on_away: Callable[[float], None] = lambda _now: None
        self.on_settled: Callable[[Delivery], None] = lambda _delivery: None
        self.on_release: Callable[[Delivery, float], None] = lambda _delivery, _delay: None

    @property
    def burying(self) -> int:
        """Requests to the dead-letter sink under way."""
        return 0 if self._burial is None else self._burial.in_flight

    def service(self) -> dict[str, object]:
        """See `Pipeline.service`."""
        if self._valve.breaker.open and self._away is not None:
            reason, since = self._away
            return {"reachable": False, "reason": reason, "since": since}
        known = self._answered or self._counters.delivered > 0
        return {"reachable": True if known else None}

    def stop(self, buried: Callable[[], None]) -> None:
        """Start nothing new; answers still count. `buried` is told of the dead-letter sink's."""
        if self._burial is not None:
            self._burial.stop(buried)

    async def close(self) -> None:
        """Close the dead-letter sink."""
        if self._burial is not None:
            await self._burial.close()

    def failed(self, delivery: Delivery, outcome: Outcome) -> None:
        """React to an outcome that is not a 2xx."""
        self.note(outcome, delivery.started)
        if not self.left(delivery, outcome):
            self.decide(delivery, outcome)

    def note(self, outcome: Outcome, started: float) -> None:
        """Count a request that was written at `started` and failed, and tell the policies."""
        counters = self._counters
        counters.attempts[outcome.label] = counters.attempts.get(outcome.label, 0) + 1
        self._tell_policies(outcome, started)

    def left(self, delivery: Delivery, outcome: Outcome) -> bool:
        """Settle or leave an event that shall not be tried again; False if it shall."""
        track = delivery.track
        if track is not None and track.gone:
            self._held.abandon(delivery)
            self.succeeded(delivery)
            self.on_gone()
        elif outcome.verdict is Verdict.CUT:
            self._held.abandon(delivery)
        elif delivery.lost:  # its broker delivers it again
            self._held.let_go(delivery)
            self.succeeded(delivery)
        elif delivery in self._to_skip:
            self._skip(delivery)
        else:
            return False
        return True

    def counts(self, outcome: Outcome, failed: float, started: float) -> bool:
        """Return whether a failure counts against `retry`.

        A sink that is unwell says nothing about this event, unless another one got through since
        this one last failed.
        """
        return outcome.verdict is not Verdict.SICK or self.last_success > (failed or started)

    def decide(self, delivery: Delivery, outcome: Outcome) -> None:
        """Try a failed event again, in time, or send it on the road of `onExhausted`."""
        delivery.attempts += 1
        if self.counts(outcome, delivery.failed, delivery.started):
            delivery.failures += 1
        delivery.failed = self._clock()
        log.warning("an event was not accepted and is kept: %s", outcome.reason)
        if outcome.verdict is Verdict.FINAL or delivery.failures > self._retry.most:
            self._exhausted(delivery, outcome)
        elif outcome.verdict is Verdict.SICK and self._valve.breaker.open:
            self._held.ready.appendleft(delivery)  # the breaker decides when, for all of them
        else:
            self._sleep(self._retry.wait(delivery.attempts), delivery)

    def unconvertible(self, delivery: Delivery, why: str) -> None:
        """React to a message that cannot become an event: the dead-letter road, never the sink."""
        self._counters.error("converting", "Unconvertible")
        reason = f"it cannot become an event: {why}"
        if self._burial is not None:
            self._bury(delivery, reason, None, b"")
        elif self._route == "drop":
            self._drop(delivery, reason)
        elif self._route == "release":
            self._release(delivery)
        else:
            self._block(delivery, reason, None)
            self._asleep[delivery] = None

    def skip(self, identity: str, origin: str | None = None) -> bool:
        """Settle the oldest blocked delivery of this id (and origin); False if there is none.

        One that has a request under way stays blocked until that has failed.
        """
        for delivery in self.blocked:
            message = delivery.message
            mine = message.id == identity and origin in {None, message.origin}
            if mine and not delivery.abandoned:
                break
        else:
            return False
        waits = delivery in self._asleep
        if waits or (self._burial is not None and self._burial.take_back(delivery)):
            self._skip(delivery)
        elif not delivery.wire and delivery in self._held.ready:
            self._held.ready.remove(delivery)
            self._skip(delivery)
        else:
            self._to_skip.add(delivery)
        return True

    def succeeded(self, delivery: Delivery) -> None:
        """Forget that a delivery was blocked."""
        if delivery.blocked is not None:
            delivery.blocked = None
            self.blocked.pop(delivery, None)
            self._asleep.pop(delivery, None)
            self._to_skip.discard(delivery)

    def sweep(self) -> None:
        """Forget blocked deliveries that were dropped with their track."""
        for delivery in [d for d in self.blocked if d.abandoned]:
            self.succeeded(delivery)

    def _tell_policies(self, outcome: Outcome, started: float) -> None:
        now = self._clock()
        if outcome.verdict is Verdict.SICK:
            if self._valve.sick():
                log.warning("the service is away: receiving pauses until it answers again")
                self._away = outcome.reason, time.time()
                self._held.shut = True
                self._concurrency.restart(now)
                self.on_away(now)
            if outcome.retry_after is not None and self._retry.after_max > 0:
                self._valve.leave_alone(min(outcome.retry_after, self._retry.after_max))
        elif outcome.status is not None:
            self._answered = True
            if self._valve.breaker.open:  # closed, only a 2xx starts its count anew
                self._valve.well()
        too_much = outcome.status in {429, 503} or outcome.label in _TOO_MUCH
        if too_much and self._concurrency.refused(started, now):
            self.on_limit()

    def _exhausted(self, delivery: Delivery, outcome: Outcome) -> None:
        if self._route == "deadLetter" and self._burial is not None:
            self._bury(delivery, outcome.reason, outcome.status, outcome.body)
        elif self._route == "drop":
            self._drop(delivery, outcome.reason)
        elif self._route == "release":
            self._release(delivery)
        else:
            self._keep(delivery, outcome.reason, outcome.status)

    def _bury(self, delivery: Delivery, reason: str, status: int | None, body: bytes) -> None:
        assert self._burial is not None
        event = with_reason(
            self._convert.dead(delivery),
            destination=self._destination,
            reason=reason,
            status=status,
            body=body,
        )
        self._burial.bury(delivery, event)

    def _buried(self, delivery: Delivery) -> None:
        self._counters.settle("deadLettered")
        self.on_settled(delivery)

    def _worth_burying(self, delivery: Delivery) -> bool:
        """Return whether a dead letter is ours to send again: neither given up nor skipped."""
        gone = delivery.track is not None and delivery.track.gone
        return not gone and delivery not in self._to_skip

    def _unburied(self, delivery: Delivery, reason: str) -> None:
        if delivery.track is not None and delivery.track.gone:
            self._held.abandon(delivery)
            self.succeeded(delivery)
            self.on_gone()
        elif self._leased:
            self._release(delivery)
        elif delivery in self._to_skip:
            self._skip(delivery)
        else:
            self._keep(delivery, reason, None)

    def _skip(self, delivery: Delivery) -> None:
        message, blocked = delivery.message, delivery.blocked
        assert blocked is not None
        log.warning(
            "%s %s is skipped, as told: %s",
            message.origin,
            message.id,
            blocked.reason,
            extra={"every": True, "origin": message.origin, "id": message.id},
        )
        self.succeeded(delivery)
        self._counters.settle("skipped")
        self.on_settled(delivery)

    def _drop(self, delivery: Delivery, reason: str) -> None:
        message = delivery.message
        log.warning("%s %s is dropped, as told: %s", message.origin, message.id, reason)
        self._counters.settle("dropped")
        self.on_settled(delivery)

    def _release(self, delivery: Delivery) -> None:
        """Give it back: the broker delivers it again, and its own dead-letter policy counts."""
        attempt = max(1, delivery.message.attempt or delivery.attempts)
        delay = min(_RELEASE_FIRST * 2.0 ** min(attempt - 1, 16), _RELEASE_LONGEST)
        self.on_release(delivery, delay)

    def _keep(self, delivery: Delivery, reason: str, status: int | None) -> None:
        self._block(delivery, reason, status)
        self._sleep(self._retry.longest_wait(), delivery)

    def _sleep(self, seconds: float, delivery: Delivery) -> None:
        self._asleep[delivery] = None
        self._timers.after(seconds, self._again, delivery)

    def _again(self, delivery: Delivery) -> None:
        if delivery not in self._asleep:  # skipped meanwhile
            return
        del self._asleep[delivery]
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
