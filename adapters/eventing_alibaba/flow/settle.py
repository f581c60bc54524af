"""Settled messages back to the source, in batches.

Settling is the deliverer's and `Held`'s work and costs nothing here; this stage only carries what
is settled to `Source.ack`. One call acknowledges what many answers settled, and one is under way at
a time.

An acknowledgement that fails is tried again for as long as the process lives, and in its order: the
service has the event, so giving up would only deliver it twice. A message with a lease waits for
the call that extends it, goes with its newest receipt, and ends when its lease is lost: then its
broker delivers it again, and it is acknowledged there and then (see `leased.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Hashable, Sequence
from typing import Final

from eventing_alibaba.contract.errors import PartialFailure, SourceError, Throttled
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.gather import Gather
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.leased import Leased
from eventing_alibaba.flow.policies.lease import Call, Key, key_of
from eventing_alibaba.flow.policies.retry import Retry

log = logging.getLogger(__name__)

_RETRY: Final = Retry(delay=0.2, longest=5.0)
_LEAST_PATIENCE: Final = 1.0
"""Seconds that a call always gets."""


class Settler:
    """Acknowledges what `held` says is settled."""

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
        self._leases = leased.leases
        self._source = source
        self._counters = counters
        self._waiting: list[Message] = []
        self._failures = 0
        self._gather = Gather(
            self._run, pending=lambda: self._waiting or held.acks, name="settle", loop=loop
        )
        held.on_acks = self._gather.soon
        leased.on_free.append(self._gather.now)

    async def flush(self, timeout: float) -> bool:
        """Acknowledge all that is settled; False when `timeout` seconds were not enough."""
        return await self._gather.flush(timeout)

    async def _run(self) -> None:
        while batch := self._claim():
            await self._acknowledge(batch)

    def _claim(self) -> list[Message]:
        """Return what may be acknowledged now: all, but for messages that are in another call."""
        waiting = self._waiting
        waiting += self._held.take_acks()
        if not self._leases:
            self._waiting = []
            return waiting
        batch: list[Message] = []
        self._waiting = []
        passed: set[Hashable] = set()
        lost = 0
        found = [(self._leases.find(message), message) for message in waiting]
        # As received, and as received again: a queue begins with its first unfinished message.
        found.sort(key=lambda one: 0 if one[0] is None else one[0].serial)
        for lease, message in found:
            if lease is None:
                batch.append(message)
            elif lease.busy is not None or lease.group in passed:
                # Its track is acknowledged in order, so those behind it wait as well.
                self._waiting.append(message)
                if lease.group is not None:
                    passed.add(lease.group)
            elif lease.delivery.lost:
                self._leased.remember(lease)
                self._leases.forget(lease)
                lost += 1
            else:
                lease.busy = Call.ACK
                batch.append(lease.message)
        if lost:
            self._held.acked(lost)
        return batch

    async def _acknowledge(self, batch: Sequence[Message]) -> None:
        wait = 0.0
        lost: Sequence[Message] = ()
        again: Sequence[Message] = batch
        try:
            async with asyncio.timeout(self._patience(batch)):
                await self._source.ack(batch)
            again = ()
            self._failures = 0
        except PartialFailure as error:
            again, lost = error.again, error.lost
            self._failures += 1
        except Throttled as error:
            wait = error.delay
        except (SourceError, TimeoutError) as error:
            self._failures += 1
            log.warning("acknowledging failed and is tried again: %s", error or "no answer")
        except Exception:
            self._failures += 1
            log.exception("acknowledging failed in a way it should not; it is tried again")
        finally:
            self._acknowledged(batch, again, lost)
        if again and not wait:
            wait = _RETRY.wait(self._failures)
        # Also after a success the loop gets a turn: what is settled in it goes at once.
        await asyncio.sleep(wait)

    def _acknowledged(
        self, batch: Sequence[Message], again: Sequence[Message], lost: Sequence[Message]
    ) -> None:
        acked: Sequence[Message] = batch
        if again or lost or self._leases:
            acked, kept = self._sort(batch, set(map(key_of, again)), set(map(key_of, lost)))
            self._waiting = kept + self._waiting
            self._held.acked(len(batch) - len(kept))
        else:
            self._held.acked(len(batch))
        counters = self._counters
        if lost:
            counters.settle("lost", len(lost))
        if acked:
            counters.settle("acked", len(acked))
            now = time.time()
            counters.lag.observe(*[now - one.time for one in acked if one.time is not None])

    def _sort(
        self, batch: Sequence[Message], again: set[Key], lost: set[Key]
    ) -> tuple[list[Message], list[Message]]:
        """Return what is acknowledged and what is to be acknowledged again, both in order."""
        acked: list[Message] = []
        kept: list[Message] = []
        keys = [key_of(message) for message in batch]
        leases = [self._leases.find(message) for message in batch]
        broken: set[Hashable] = set()
        for lease, key, message in zip(leases, keys, batch, strict=True):
            over = key not in again
            if over and lease is not None:
                over = self._leased.acknowledged(lease, message, lost=key in lost)
                if over and key in lost and lease.group is not None:
                    broken.add(lease.group)
            if not over:
                kept.append(message)
            elif key not in lost:
                acked.append(message)
        self._leased.called([lease for lease in leases if lease is not None])
        if broken:
            self._leased.lose([lease for lease in self._leases if lease.group in broken])
        return acked, kept

    def _patience(self, batch: Sequence[Message]) -> float | None:
        """Return seconds until the call is given up, early enough to extend the leases."""
        if not self._leases:
            return None
        ends = [message.lease for message in batch if message.lease is not None]
        return max(_LEAST_PATIENCE, (min(ends) - self._leased.now()) / 2) if ends else None
