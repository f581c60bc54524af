"""Leases are extended here: one timer for all, one call for all that are due.

The timer rings when the first lease is due or ends. It also rings every few seconds while anything
is held, because the event loop's clock stands still where the leases' goes on: in a suspended
machine. After such a sleep the first ring finds what was lost.

Calls for different messages may overlap, so that a slow one costs only its own messages their
leases. What a failed call did is unknown: it is tried again until the leases end, and the messages
are doubtful from then on (see `leased.py`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from typing import Final

from eventing_alibaba.contract.errors import SourceError, Throttled
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.leased import Leased
from eventing_alibaba.flow.policies.lease import Lease, renewal
from eventing_alibaba.flow.policies.retry import Retry

log = logging.getLogger(__name__)

_RETRY: Final = Retry(delay=0.5, longest=5.0)
_SOONEST: Final = 0.01
_LATEST: Final = 5.0
"""Seconds between two rings of the timer."""
_LEAST_PATIENCE: Final = 1.0
"""Seconds that a call always gets."""


class Renewer:
    """Extends what `leased` holds, by `source.extend`; `now` is the clock of leases."""

    def __init__(
        self,
        *,
        leased: Leased,
        source: Source,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float],
    ) -> None:
        self._leased = leased
        self._leases = leased.leases
        self._source = source
        self._counters = counters
        self._loop = loop
        self._now = now
        self._rings_at = math.inf
        self._handle: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._closed = False
        leased.on_received = self._received

    def _received(self, lease: Lease) -> None:
        if lease.due < self._rings_at:
            self._ring_at(lease.due)

    def _ring_at(self, at: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        now = self._now()
        wait = max(_SOONEST, min(at - now, _LATEST))
        self._rings_at = now + wait
        self._handle = None if self._closed else self._loop.call_later(wait, self._ring)

    def _ring(self) -> None:
        now = self._now()
        try:
            self._leased.sweep()
            self._leased.lose(self._leases.ended(now))
            if batch := self._leases.take_due(now):
                call = self._loop.create_task(self._extend(batch), name="extend")
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)
        finally:
            self._ring_again()

    def _ring_again(self) -> None:
        if self._leases:
            self._ring_at(self._leases.next())
        else:
            self._handle = None
            self._rings_at = math.inf

    async def _extend(self, batch: Sequence[Lease]) -> None:
        started = self._now()
        sent = [lease.message for lease in batch]
        answers: Sequence[Message | None] | None = None
        wait = 0.0
        try:
            async with asyncio.timeout(_patience(batch, started)):
                answers = await self._source.extend(sent, self._leases.span)
            if len(answers) != len(sent):
                wait = self._failed(
                    RuntimeError(f"{len(sent)} leases to extend got {len(answers)} answers")
                )
                answers = None
        except Throttled as error:
            wait = error.delay
        except Exception as error:  # noqa: BLE001 - a defect of a source costs a lease, not the rest
            wait = self._failed(error)
        finally:
            self._extended(batch, sent, answers, started, wait)

    def _extended(
        self,
        batch: Sequence[Lease],
        sent: Sequence[Message],
        answers: Sequence[Message | None] | None,
        started: float,
        wait: float,
    ) -> None:
        lost = []
        retry_at = self._now() + wait
        for at, (lease, old) in enumerate(zip(batch, sent, strict=True)):
            lease.busy = None
            if lease.message is not old:
                continue  # it was received again meanwhile: this is about a receipt of the past
            if answers is None:
                lease.doubtful = True
                lease.due = retry_at
            elif answers[at] is old:  # its own request failed, of several: what it did is unknown
                lease.doubtful = True
                lease.due = renewal(self._now(), lease.ends)
            elif (new := answers[at]) is None:
                lost.append(lease)
            else:
                self._leased.renewed(lease, new, started)
        if answers is not None:
            self._failures = 0
            self._leased.lose(lost)
        self._leased.called(batch)
        self._ring_again()

    def _failed(self, error: Exception) -> float:
        """Note that a call failed; return seconds until the next one."""
        self._failures += 1
        if isinstance(error, SourceError):
            self._counters.error("extending", error.reason)
            log.warning("extending leases failed and is tried again: %s", error)
        elif isinstance(error, TimeoutError):
            self._counters.error("extending", "Timeout")
            log.warning("extending leases failed and is tried again: the broker did not answer")
        else:
            self._counters.error("extending", "Defect")
            log.error("extending leases failed in a way it should not", exc_info=error)
        return _RETRY.wait(self._failures)

    async def close(self) -> None:
        """Extend no more; what is held is left to its lease."""
        self._closed = True
        if self._handle is not None:
            self._handle.cancel()
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def __repr__(self) -> str:
        return f"<Renewer calls={len(self._calls)} {self._leases!r}>"


def _patience(batch: Sequence[Lease], now: float) -> float | None:
    """Return seconds until a call is given up, early enough for another one."""
    ends = max(lease.ends for lease in batch)
    return None if ends == math.inf else max(_LEAST_PATIENCE, (ends - now) / 2)
