"""Ready deliveries to the sink, and its answers back.

This is the hot path, and it is synchronous: `pump` writes as many requests as the sink takes;
`_answered` runs in the callback of the connection whose answer is complete, settles the delivery,
and pumps again, which hands over the next request for that very connection (the pool writes what
has gathered in a turn of the loop at its end). No task, future or timer exists for a delivery
unless it failed; what happens then is `react.py`'s.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.flow.convert import Converter, Unconvertible
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.breaker import Breaker
from eventing_alibaba.flow.policies.concurrency import Concurrency
from eventing_alibaba.flow.policies.rate import Rate
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted, Reaction
from eventing_alibaba.flow.timers import Timers
from eventing_alibaba.flow.valve import Valve
from eventing_alibaba.sink.outcome import judge
from eventing_alibaba.sink.post import Sink
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

STEPS: Final = 64
"""Requests one call of `pump` writes at most, so that probes and timers get their turn."""

_HELD_PER_REQUEST = 2
"""Messages held of a source with leases, for each request that may be on the wire."""


@dataclass(slots=True, frozen=True)
class Stages:
    """What a deliverer works with: the stages beside it, and the limits given by a user."""

    held: Held
    sink: Sink
    retry: Retry
    rate_limit: int | None
    counters: Counters
    timers: Timers
    loop: asyncio.AbstractEventLoop
    exhausted: Exhausted
    clock: Callable[[], float]


class Deliverer:
    """Sends what `held.ready` has, within the adaptive limit and while the valve is open.

    Attributes:
        reaction: what becomes of failures; has what is blocked.
        valve, concurrency: for those who look.
    """

    def __init__(self, stages: Stages, convert: Converter) -> None:
        held, sink, loop, timers = stages.held, stages.sink, stages.loop, stages.timers
        self._clock = stages.clock
        self._held = held
        self._sink = sink
        self._pool = sink.pool
        self._convert = convert.request  # bound: to call an object costs more
        self._counters = stages.counters
        self._loop = loop
        self._timers = timers
        self._retry = stages.retry
        self._stopped = False
        self._pumping_later = False
        self._owed = False  # a probe that found nothing to send
        self._hanging = 0
        self._hanging_since = 0.0
        self._idle = asyncio.Event()
        self.concurrency = Concurrency(sink.limit)
        self.valve = Valve(
            breaker=Breaker(),
            timers=timers,
            loop=loop,
            on_open=self._opened,
            on_probe=self._probe,
            rate=None if stages.rate_limit is None else Rate(stages.rate_limit, loop.time()),
        )
        self.reaction = Reaction(
            held=held,
            retry=stages.retry,
            valve=self.valve,
            concurrency=self.concurrency,
            counters=stages.counters,
            timers=timers,
            convert=convert,
            exhausted=stages.exhausted,
            pump=self.pump,
            clock=stages.clock,
        )
        self.reaction.on_limit = self._limit
        self.reaction.on_away = self._away
        self.reaction.on_settled = self._finished
        self._limit()

    def pump(self) -> None:
        """Write requests while there are ready deliveries, room at the sink, and leave to."""
        ready = self._held.ready
        pool = self._pool
        valve = self.valve
        steps = 0
        if self._owed and ready and valve.may_probe():
            self._probe()
        while ready and pool.in_flight < pool.limit and not valve.shut and not self._stopped:
            if steps == STEPS:
                self._pump_later()
                return
            steps += 1
            if valve.limited and not valve.spend():
                return
            delivery = ready.popleft()
            # Abandoned: dropped while it waited. What is not sent leaves its leave to the next.
            if (delivery.abandoned or not self._post(delivery)) and valve.limited:
                valve.refund()

    def stop(self) -> None:
        """Write no further request; answers still count."""
        self._stopped = True
        self.reaction.stop(self._idle.set)

    async def idle(self) -> None:
        """Return when, after `stop`, the last request on the wire has its answer."""
        while self._pool.in_flight or self.reaction.burying:
            self._idle.clear()
            await self._idle.wait()

    def _post(self, delivery: Delivery) -> bool:
        """Write the delivery's next request; False if it has none and another may be written."""
        try:
            request = self._convert(delivery)
        except Unconvertible as error:
            self.reaction.unconvertible(delivery, str(error))
            return False
        if isinstance(request, str):
            self._counters.settle(request)
            self._held.settle(delivery)
            return False
        delivery.wire = True
        delivery.started = self._clock()
        if not self._sink.send(request, self._answered, delivery):
            delivery.wire = False
            self._held.ready.appendleft(delivery)
        return True

    def _answered(self, delivery: Delivery, result: Answer | WireError) -> None:
        delivery.wire = False
        if self._hanging:
            self._no_longer(delivery.started)
        if result.__class__ is Answer and 200 <= result.status <= 299:
            self._well(delivery.started, 1)
            track = delivery.track
            if delivery.rest or delivery.blocked or (track is not None and track.gone):
                self._accepted(delivery)
            else:
                self._held.settle(delivery)
        else:
            self.reaction.failed(delivery, judge(result))
        if self._stopped:
            self._idle.set()
        else:
            self.pump()

    def _well(self, started: float, events: int) -> None:
        """Note a 2xx to a request with so many events that was written at `started`."""
        counters = self._counters
        now = self._clock()
        self.reaction.last_success = now
        counters.delivered += events
        elapsed = now - started
        duration = counters.duration
        duration.counts[bisect_left(duration.bounds, elapsed)] += 1
        duration.sum += elapsed
        pool = self._pool
        if self.concurrency.success(elapsed, now, busy=pool.in_flight + 1 >= pool.limit):
            self._limit()
        if self.valve.troubled:
            self.valve.well()

    def _accepted(self, delivery: Delivery) -> None:
        """Settle an event that the sink has, or go on with the next one of its message."""
        if delivery.rest:
            delivery.rest.pop()
            if delivery.rest:
                delivery.attempts = delivery.failures = 0
                delivery.failed = 0.0
                # What was said of this one event, that it is blocked or to be skipped, is over.
                self.reaction.succeeded(delivery)
                if delivery.track is not None and delivery.track.gone:
                    self._held.abandon(delivery)
                    self.reaction.on_gone()
                else:
                    self._held.ready.appendleft(delivery)
                return
        if delivery.blocked is not None:
            self.reaction.succeeded(delivery)
        self._held.settle(delivery)
        track = delivery.track
        if track is not None and track.gone:
            self.reaction.on_gone()

    def _finished(self, delivery: Delivery) -> None:
        """Go on after an event that was settled in another way than by the sink.

        Not at once: `pump` may be what called this, for each of many events that cannot be made.
        """
        self._accepted(delivery)
        if self._stopped:
            self._idle.set()
        else:
            self._pump_later()

    def _limit(self) -> None:
        limit = self.concurrency.limit
        self._pool.resize(min(limit + self._hanging, self.concurrency.most))
        self._held.set_hold_limit(_HELD_PER_REQUEST * limit + self._hanging)

    def _away(self, now: float) -> None:
        """Give what is on the wire places of its own, now that the sink is found to be away.

        It may hang until its timeout, with a node that is gone, and the few places that are left
        now are for probes, and for events once others of the sink's nodes are back.
        """
        self._hanging = self._pool.in_flight
        self._hanging_since = now
        self._limit()

    def _no_longer(self, started: float) -> None:
        """Take its place back if the request was written before the sink was away."""
        if started <= self._hanging_since:
            self._hanging -= 1
            self._limit()

    def _opened(self) -> None:
        self._held.reopen()
        self.pump()

    def _probe(self) -> None:
        """Send one event although the breaker is open, or owe it until there is one to send."""
        self._owed = False
        ready = self._held.ready
        while ready and not self._stopped and self._pool.in_flight < self._pool.limit:
            delivery = ready.popleft()
            if not delivery.abandoned and self._post(delivery):
                return
        self._owed = True

    def _pump_later(self) -> None:
        if not self._pumping_later:
            self._pumping_later = True
            self._loop.call_soon(self._pump_now)

    def _pump_now(self) -> None:
        self._pumping_later = False
        self.pump()

    def __repr__(self) -> str:
        busy = self._pool.in_flight
        return f"<Deliverer in_flight={busy} {self.valve!r} {self.concurrency!r} {self._held!r}>"
