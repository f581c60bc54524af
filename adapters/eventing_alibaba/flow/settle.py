"""Settled messages back to the source, in batches.

Settling is the deliverer's and `Held`'s work and costs nothing here; this stage only carries what
is settled to `Source.ack`. It waits a moment after the first settled message, so that one call
acknowledges what many answers settled; one call is under way at a time.

An acknowledgement that fails is tried again for as long as the process lives: the service has the
event, so giving up would only deliver it twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from eventing_alibaba.contract.errors import PartialFailure, SourceError, Throttled
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.retry import Retry

log = logging.getLogger(__name__)

_GATHER: Final = 0.01
"""Seconds from the first settled message to the call that acknowledges it and what followed."""

_RETRY: Final = Retry(delay=0.2, longest=5.0)


class Settler:
    """Acknowledges what `held` says is settled."""

    def __init__(
        self, *, held: Held, source: Source, counters: Counters, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._held = held
        self._source = source
        self._counters = counters
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        held.on_acks = self._told

    def _told(self) -> None:
        self._loop.call_later(_GATHER, self._start)

    def _start(self) -> None:
        if self._task is None and self._held.acks:
            self._task = self._loop.create_task(self._run(), name="settle")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "acknowledging ended", "exception": error, "task": task}
            )
        elif self._held.acks:
            self._start()

    async def _run(self) -> None:
        while batch := self._held.take_acks():
            await self._acknowledge(batch)

    async def _acknowledge(self, batch: Sequence[Message]) -> None:
        failures = 0
        while batch:
            wait = 0.0
            remaining: Sequence[Message] = ()
            lost = 0
            try:
                await self._source.ack(batch)
            except PartialFailure as error:
                remaining, lost = error.again, len(error.lost)
                failures += 1
                wait = _RETRY.wait(failures)
            except Throttled as error:
                remaining, wait = batch, error.delay
            except SourceError as error:
                failures += 1
                remaining, wait = batch, _RETRY.wait(failures)
                log.warning("acknowledging failed and is tried again: %s", error)
            settled = self._counters.settled
            if lost:
                settled["lost"] = settled.get("lost", 0) + lost
            acked = len(batch) - len(remaining) - lost
            if acked:
                settled["acked"] = settled.get("acked", 0) + acked
            if not remaining:
                self._note_lag(batch)
            self._held.acked(len(batch) - len(remaining))
            batch = remaining
            if batch:
                await asyncio.sleep(wait)

    def _note_lag(self, batch: Sequence[Message]) -> None:
        now = time.time()
        lag = self._counters.lag
        for message in batch:
            if message.time is not None:
                lag.observe(now - message.time)

    async def flush(self, timeout: float) -> bool:
        """Acknowledge all that is settled; False when `timeout` seconds were not enough."""
        try:
            async with asyncio.timeout(timeout):
                while self._task is not None or self._held.acks:
                    self._start()
                    if self._task is not None:
                        await asyncio.wait([self._task])
        except TimeoutError:
            if self._task is not None:
                self._task.cancel()
            return False
        return True
