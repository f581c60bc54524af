"""From the source into `Held`: the only stage that waits for the broker.

One task opens the source, receives while there is room, and reacts to the source's signals: it
opens again after whatever ended the session, for ever, and says meanwhile why it is not ready.
Only `Misconfigured` ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Throttled,
)
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl, Source
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.retry import Retry

log = logging.getLogger(__name__)

_RECONNECT: Final = Retry(delay=0.5, longest=15.0)
_UNAVAILABLE: Final = Retry(policy="linear", delay=5.0, longest=30.0)


class Receiver:
    """Receives while there is room; `pump` is called after each batch, `report` says how it is.

    What has a lease goes to `admit_leased`, the rest straight into `held`.
    """

    def __init__(
        self,
        *,
        source: Source,
        held: Held,
        control: FlowControl,
        counters: Counters,
        admit_leased: Callable[[Message], None],
        pump: Callable[[], None],
        report: Callable[[SourceError | None], None],
    ) -> None:
        self._source = source
        self._admit_leased = admit_leased
        self._held = held
        self._control = control
        self._counters = counters
        self._pump = pump
        self._report = report
        self._room = asyncio.Event()
        held.on_room = self._room.set

    async def run(self) -> None:
        """Receive until cancelled. Raises Misconfigured."""
        failures = 0
        while True:
            try:
                await self._source.open(self._control)
                self._report(None)
                failures = 0
                await self._receive()
            except Misconfigured:
                raise
            except SourceError as error:
                signal = error
            except Exception:
                log.exception("receiving failed in a way it should not; it starts anew")
                signal = Disconnected(
                    "receiving failed by a defect of the adapter; see its log", reason="Defect"
                )
            failures += 1
            self._report(signal)
            errors = self._counters.errors
            key = ("receiving", signal.reason)
            errors[key] = errors.get(key, 0) + 1
            await asyncio.sleep(_wait(signal, failures))

    async def _receive(self) -> None:
        held = self._held
        while True:
            limit, max_bytes = held.room()
            if limit == 0:
                self._room.clear()
                held.starve()
                await self._room.wait()
                continue
            try:
                batch = await self._source.receive(limit, max_bytes)
            except Throttled as error:
                await asyncio.sleep(error.delay)
                continue
            if batch:
                self._counters.received += len(batch)
                for message in batch:
                    if message.lease is None:
                        held.admit(message)
                    else:
                        self._admit_leased(message)
                self._pump()


def _wait(signal: SourceError, failures: int) -> float:
    if isinstance(signal, Throttled):
        return signal.delay
    if isinstance(signal, Disconnected):
        return _RECONNECT.wait(failures)
    # Missing topics and refused logins are cured by people: no hurry, and no load on the broker.
    return _UNAVAILABLE.wait(failures)
