"""Which source is worked on next: each key once, by one worker at a time.

A key that is added while it waits is not added again; one that is added while it is worked on is
worked on once more afterwards, since what came may have come too late. A key whose work failed is
tried again after a time that grows, and at once when something new is heard of it. What a user has
changed goes before what only followed from it, so a change is not stuck behind a thousand others.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

_FIRST: Final = 0.5
_LONGEST: Final = 60.0


class WorkQueue(Generic[K]):
    """Keys to work on.

    `work` returns the seconds after which it wants to look again, None for not at all. What it
    raises is a failure; an attribute `delay` of it, in seconds, is the least time to wait.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        *,
        workers: int,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._work = work
        self._workers = workers
        self._spread = spread
        self._first: OrderedDict[K, None] = OrderedDict()
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._busy: set[K] = set()
        self._again: dict[K, bool] = {}
        self._failures: dict[K, int] = {}
        self._later: dict[K, asyncio.TimerHandle] = {}
        self._bell = asyncio.Event()
        self.done = 0
        self.failed = 0

    def __len__(self) -> int:
        return len(self._first) + len(self._ready) + len(self._busy)

    def __repr__(self) -> str:
        return (
            f"<WorkQueue ready={len(self._first) + len(self._ready)} busy={len(self._busy)}"
            f" later={len(self._later)} failing={len(self._failures)}>"
        )

    @property
    def failing(self) -> int:
        """Keys whose last work failed."""
        return len(self._failures)

    def add(self, key: K, *, first: bool = False) -> None:
        """Work on a key soon; with `first`, before those that were added without."""
        self._cancel(key)
        if key in self._busy:
            self._again[key] = first or self._again.get(key, False)
        elif key not in self._first:
            if first:
                self._ready.pop(key, None)
            (self._first if first else self._ready)[key] = None
            self._bell.set()

    def add_later(self, key: K, delay: float) -> None:
        """Work on a key in `delay` seconds, or earlier if that is arranged already."""
        loop = asyncio.get_running_loop()
        known = self._later.get(key)
        if known is not None and known.when() <= loop.time() + delay:
            return
        self._cancel(key)
        self._later[key] = loop.call_later(delay, self._due, key)

    def forget(self, key: K) -> None:
        """Work on a key no more, until it is added again."""
        self._cancel(key)
        self._first.pop(key, None)
        self._ready.pop(key, None)
        self._again.pop(key, None)
        self._failures.pop(key, None)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._worker())
        finally:
            for handle in self._later.values():
                handle.cancel()
            self._later.clear()

    async def _worker(self) -> None:
        while True:
            while not (self._first or self._ready):
                self._bell.clear()
                await self._bell.wait()
            key, _ = (self._first or self._ready).popitem(last=False)
            self._busy.add(key)
            try:
                await self._once(key)
            finally:
                self._busy.discard(key)
                if key in self._again:
                    self.add(key, first=self._again.pop(key))

    async def _once(self, key: K) -> None:
        try:
            delay = await self._work(key)
        except Exception as error:
            self.failed += 1
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            longest = min(_FIRST * 2 ** min(failures - 1, 16), _LONGEST)
            wait = max(self._spread(longest / 2, longest), getattr(error, "delay", None) or 0.0)
            if getattr(error, "code", None) is None:
                log.exception("%s: a defect; tried again in %.1f s", key, wait)
            else:
                log.warning("%s: %s; tried again in %.1f s", key, error, wait)
            self.add_later(key, wait)
        else:
            self.done += 1
            self._failures.pop(key, None)
            if delay is not None:
                self.add_later(key, delay)

    def _due(self, key: K) -> None:
        del self._later[key]
        self.add(key)

    def _cancel(self, key: K) -> None:
        handle = self._later.pop(key, None)
        if handle is not None:
            handle.cancel()
