"""The consumer's thread speaks to the event loop.

The thread never touches what lives on the loop: it asks the loop to call a function, or, where it
must have the answer, waits for a coroutine with a limit. The loop may be gone already when a
process ends badly; then nobody is there to be told, which is no error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from eventing_alibaba.contract.source import FlowControl
    from eventing_alibaba.sources.kafka.tracks import Track

DRAIN: Final = 10.0
"""Seconds that requests on the wire are waited for while the group waits for us."""

_LATE: Final = 2.0
log: Final = logging.getLogger(__name__)


class Bridge:
    """Calls into the event loop; used in the consumer's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, flow: FlowControl) -> None:
        self._loop = loop
        self._flow = flow

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Let the loop call `function` soon, in the order of these calls."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("the event loop is closed")

    def report(self, error: Exception | None) -> None:
        """Tell the flow how the session is."""
        self.call(self._flow.report, error)

    def drain(self, tracks: Sequence[Track], *, lost: bool) -> None:
        """Let the flow give up `tracks` and move their marks to what is settled for good.

        Waits at most a little longer than `DRAIN`; without an answer the marks stay as they are.
        """
        giving_up = self._give_up(tracks, lost=lost)
        try:
            future = asyncio.run_coroutine_threadsafe(giving_up, self._loop)
        except RuntimeError:
            giving_up.close()
            return
        try:
            settled = future.result(DRAIN + _LATE)
        except Exception as error:  # noqa: BLE001 - whatever it was, the partitions go
            future.cancel()
            log.warning("the flow did not give up %d partitions in order: %r", len(tracks), error)
            return
        for track, offset in zip(tracks, settled, strict=True):
            if offset is not None and not lost:
                # The flow acknowledges nothing of a drained track, so this is its last writer.
                track.acked = max(track.acked, offset + 1)

    def forget(self, tracks: Iterable[Track]) -> None:
        """Let the flow drop what it knows of drained tracks."""
        for track in tracks:
            self.call(self._flow.forget, track)

    async def _give_up(self, tracks: Sequence[Track], *, lost: bool) -> list[int | None]:
        await self._flow.drain(tracks, lost=lost, timeout=DRAIN)
        last = [self._flow.settled(track) for track in tracks]
        return [
            message.receipt if message is not None and isinstance(message.receipt, int) else None
            for message in last
        ]
