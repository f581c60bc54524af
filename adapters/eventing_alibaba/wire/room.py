"""Waiting for room in a pool, for those who can wait: first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque


class Room:
    """A queue of coroutines that wait until a place is free. A place is a hint, not a promise."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[asyncio.Future[None]] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    async def wait(self, seconds: float) -> None:
        """Return when a place may be free.

        Raises:
            TimeoutError: there was none for `seconds`.
        """
        future = asyncio.get_running_loop().create_future()
        self._queue.append(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except BaseException:
            if future.done() and not future.cancelled():
                self.wake()  # it was told and does not come: the next one may
            raise

    def wake(self) -> None:
        """Tell the first one that waits."""
        while self._queue:
            future = self._queue.popleft()
            if not future.done():
                future.set_result(None)
                return
