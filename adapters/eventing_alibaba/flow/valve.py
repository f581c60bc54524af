"""Whether requests may leave at all: breaker, `Retry-After` gate and rate limit behind one flag.

The deliverer asks `shut` before each event, one attribute, whatever the three behind it think.

    breaker   the sink is away: shut, but for probes
    gate      the sink asked to be left alone until a time: shut, no probes either, and no good
              answer opens it, as that is one to a request written before
    rate      this second's events are spent: shut until the next token
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from eventing_alibaba.flow.policies.breaker import Breaker
from eventing_alibaba.flow.policies.rate import Rate
from eventing_alibaba.flow.timers import Timers


class Valve:
    """`on_open` is called when requests may leave again, `on_probe` when one may.

    Attributes:
        shut: no request may leave.
        limited: events are limited by rate: `spend` is to be asked for each one.
        troubled: a 2xx is worth a call of `well`.
        breaker: for those who look.
    """

    def __init__(
        self,
        *,
        breaker: Breaker,
        timers: Timers,
        loop: asyncio.AbstractEventLoop,
        on_open: Callable[[], None],
        on_probe: Callable[[], None],
        rate: Rate | None = None,
    ) -> None:
        self.shut = False
        self.limited = rate is not None
        self.troubled = False
        self.breaker = breaker
        self._timers = timers
        self._loop = loop
        self._on_open = on_open
        self._on_probe = on_probe
        self._rate = rate
        self._gate_until = 0.0
        self._spent = False
        self._probing = False

    def sick(self) -> bool:
        """Note that the sink is unwell; return whether that opened the breaker."""
        self.troubled = True
        opened = self.breaker.sick()
        self._update()
        if self.breaker.open and not self._probing:
            self._probe_later()
        return opened

    def well(self) -> bool:
        """Note that somebody is at home; return whether that closed the breaker."""
        self.troubled = False
        closed = self.breaker.well()
        self._update()
        if closed:
            self._on_open()
        return closed

    def leave_alone(self, seconds: float) -> None:
        """Close the gate for all events."""
        until = self._loop.time() + seconds
        if until > self._gate_until:
            self._gate_until = until
            self._update()
            self._timers.after(seconds, self._reopen, None)

    def spend(self) -> bool:
        """Take an event's worth of the rate; False, and shut for a while, when there is none."""
        if self._rate is None:
            return True
        wait = self._rate.take(self._loop.time())
        if wait == 0.0:
            return True
        self._spent = True
        self._update()
        self._timers.after(wait, self._refilled, None)
        return False

    def refund(self) -> None:
        """Give back what `spend` took for an event that was not sent."""
        if self._rate is not None:
            self._rate.give()

    def may_probe(self) -> bool:
        """Whether a probe that is owed may be sent: open breaker, no gate."""
        return self.breaker.open and not self._gated()

    def _refilled(self, _argument: None) -> None:
        self._spent = False
        self._reopen(None)

    def _reopen(self, _argument: None) -> None:
        was_shut = self.shut
        self._update()
        if was_shut and not self.shut:
            self._on_open()

    def _gated(self) -> bool:
        # uvloop counts milliseconds, and a timer may ring in the last of them.
        return self._gate_until > self._loop.time() + 0.002

    def _update(self) -> None:
        self.shut = self.breaker.open or self._spent or self._gated()

    def _probe_later(self) -> None:
        self._probing = True
        self._timers.after(self.breaker.wait(), self._probe, None)

    def _probe(self, _argument: None) -> None:
        self._probing = False
        if self.breaker.open:
            self._probe_later()
            if not self._gated():
                self._on_probe()

    def __repr__(self) -> str:
        return f"<Valve {'shut' if self.shut else 'open'} {self.breaker!r}>"
