"""All waits of the flow on one heap and one handle of the event loop.

A backoff that sleeps in a task would cost a task an event, and thousands of handles during an
outage. Here a wait is a tuple on a heap; the loop knows only of the earliest one.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any


class Timer:
    """One wait; `cancel` makes it do nothing."""

    __slots__ = ("argument", "callback")

    def __init__(self, callback: Callable[[Any], None], argument: object) -> None:
        self.callback: Callable[[Any], None] | None = callback
        self.argument = argument

    def cancel(self) -> None:
        """Do nothing when the time comes."""
        self.callback = None


class Timers:
    """Calls back after a delay."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._handle: asyncio.TimerHandle | None = None

    def after(self, delay: float, callback: Callable[[Any], None], argument: object) -> Timer:
        """Call `callback(argument)` in `delay` seconds."""
        timer = Timer(callback, argument)
        due = self._loop.time() + delay
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, timer))
        if self._heap[0][2] is timer:
            self._arm()
        return timer

    def close(self) -> None:
        """Forget all that wait."""
        self._heap.clear()
        self._arm()

    def __len__(self) -> int:
        return len(self._heap)

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap:
            self._handle = self._loop.call_at(self._heap[0][0], self._ring)

    def _ring(self) -> None:
        self._handle = None
        now = self._loop.time()
        due: list[Timer] = []
        # uvloop's clock counts whole milliseconds, so a handle may ring up to one too early.
        while self._heap and self._heap[0][0] <= now + 0.001:
            due.append(heapq.heappop(self._heap)[2])
        self._arm()
        for timer in due:
            try:
                if timer.callback is not None:
                    timer.callback(timer.argument)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must ring
                told = {"message": "what waited for its time failed", "exception": error}
                self._loop.call_exception_handler(told)
