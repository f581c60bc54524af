"""Messages given back to their broker, to be delivered again.

Two roads lead here: an event whose retries are used up (`onExhausted: release`), and a stop, which
gives back what was never written. A message that is in another call waits for that; those with the
same delay go in one call. A release that fails is not repeated: the lease, which is extended no
more, does the same a little later.

A FIFO queue is unlocked only when all that was handed out of it is back. So with a message goes its
whole group, in order, with the same delay, whether it was tried or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.gather import Gather
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.leased import Leased
from eventing_alibaba.flow.policies.lease import Call, Lease

log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0
"""Seconds until a call is given up."""


@dataclass(slots=True, eq=False)
class _Return:
    """One message on its way back; `message` is for those without a lease."""

    message: Message
    lease: Lease | None
    delay: float
    failed: bool


class Releaser:
    """Gives messages back by `source.release`."""

    def __init__(
        self,
        *,
        held: Held,
        leased: Leased,
        source: Source,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._held = held
        self._leased = leased
        self._source = source
        self._counters = counters
        self._waiting: list[_Return] = []
        self._gather = Gather(self._run, pending=lambda: self._waiting, name="release", loop=loop)
        leased.on_free.append(self._gather.now)

    def release(self, delivery: Delivery, delay: float) -> None:
        """Give back a delivery that was tried in vain, and its group, for `delay` seconds.

        For sources with leases, or messages without a track: a log cannot take a record back.
        """
        lease = self._leased.leases.find(delivery.message)
        if lease is None:
            if self._held.let_go(delivery):
                self._add(_Return(delivery.message, None, delay, failed=True))
            return
        back = []
        for one in reversed(self._leased.leases.together(lease)):
            other = one.delivery
            if other.wire:
                one.doubtful = True  # what is acknowledged behind a gap may not count
            elif self._held.let_go(other):
                if other.done:
                    self._leased.remember(one)
                if not other.lost:
                    back.append(one)
        for one in reversed(back):
            failed = one.delivery is delivery or one.delivery.attempts > 0
            self._add(_Return(one.message, one, delay, failed=failed))

    def give_back(self, message: Message) -> None:
        """Give back a message that was not tried, to be delivered again at once."""
        lease = self._leased.leases.find(message)
        if lease is not None:
            lease.renew(message, lease.since)
        self._add(_Return(message, lease, 0.0, failed=False))

    async def flush(self, timeout: float) -> bool:
        """Give back all that waits; False when `timeout` seconds were not enough."""
        return await self._gather.flush(timeout)

    def _add(self, entry: _Return) -> None:
        if entry.lease is not None:
            entry.lease.releasing = entry
        self._waiting.append(entry)
        self._gather.soon()

    async def _run(self) -> None:
        while batch := self._claim():
            await self._call(batch)

    def _claim(self) -> list[_Return]:
        """Take the first message that is in no call, and all that go with it."""
        batch: list[_Return] = []
        waiting: list[_Return] = []
        for entry in self._waiting:
            lease = entry.lease
            if lease is not None and lease.releasing is not entry:
                continue  # it was received again
            if lease is not None and lease.busy is None and lease.delivery.lost:
                lease.releasing = None
                self._leased.tidy(lease)
            elif (lease is not None and lease.busy is not None) or (
                batch and (entry.delay, entry.failed) != (batch[0].delay, batch[0].failed)
            ):
                waiting.append(entry)
            else:
                if lease is not None:
                    lease.busy = Call.RELEASE
                    entry.message = lease.message
                batch.append(entry)
        self._waiting = waiting
        return batch

    async def _call(self, batch: Sequence[_Return]) -> None:
        first = batch[0]
        messages = [entry.message for entry in batch]
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._source.release(messages, first.delay, failed=first.failed)
        except (SourceError, TimeoutError) as error:
            reason = error.reason if isinstance(error, SourceError) else "Timeout"
            self._counters.error("settling", reason)
            log.warning(
                "%d messages were not released; the broker delivers them again when their leases"
                " end: %s",
                len(messages),
                error or "no answer",
            )
        except Exception:
            self._counters.error("settling", "Defect")
            log.exception("releasing failed in a way it should not; leases end by themselves")
        else:
            self._counters.settle("released", len(messages))
        finally:
            self._called(batch)

    def _called(self, batch: Sequence[_Return]) -> None:
        for entry in batch:
            lease = entry.lease
            if lease is not None and lease.releasing is entry:
                lease.releasing = None
        self._leased.called([entry.lease for entry in batch if entry.lease is not None])

    def __repr__(self) -> str:
        return f"<Releaser waiting={len(self._waiting)} {self._gather!r}>"
