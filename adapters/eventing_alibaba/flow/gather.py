"""Work that is gathered for a moment, then done in one go, by one task at a time.

Acknowledging and releasing are calls over a network that take many messages as easily as one. So
the first message waits a little for those that follow, and what comes during a call goes into the
next one. Nothing exists while there is nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

_MOMENT: Final = 0.01
"""Seconds from the first message to the call that has it and what followed."""
_CANCELLING: Final = 1.0
"""Seconds that a cancelled call gets to end."""


class Gather:
    """Runs `work` when there is some: `work` returns when there is nothing that it could do now.

    `pending` says whether something waits, be it for something that is not the work's to do.
    """

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        pending: Callable[[], object],
        name: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._work = work
        self._pending = pending
        self._name = name
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def soon(self) -> None:
        """Do the work in a moment."""
        if self._later is None:
            self._later = self._loop.call_later(_MOMENT, self.now)

    def now(self) -> None:
        """Do the work, unless it is being done."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._changed.set()
        idle = self._task is None or self._task.done()
        if idle and not self._closed and self._pending():
            self._task = self._loop.create_task(self._work(), name=self._name)
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": f"the task {self._name!r} ended", "exception": error, "task": task}
            )

    async def flush(self, timeout: float) -> bool:
        """Do all that waits, and no more from then on.

        Returns False when `timeout` seconds were not enough; the call under way is then cancelled.
        """
        try:
            async with asyncio.timeout(timeout):
                self.now()
                while self._pending() or self._task is not None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self._closed = True
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task], timeout=_CANCELLING)
            return False
        self._closed = True
        return True

    def __repr__(self) -> str:
        return f"<Gather {self._name} {'idle' if self._task is None else 'at work'}>"
