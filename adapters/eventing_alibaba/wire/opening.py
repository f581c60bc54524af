"""Requests that have no connection yet, and the attempts to open one.

There are never fewer attempts than waiting requests. So nothing waits in vain, and a failed attempt
fails a request (the oldest) only when another one is not already on its way to serve it. An attempt
whose request was served by a freed connection goes on: its connection will be of use in a moment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.errors import WireError


@dataclass(slots=True, eq=False)
class Waiting:
    """A request without a connection.

    Attributes:
        request, done, token, deadline: as given to `Pool.send`.
        again: it was written before, on a connection that then died; it may only go on a fresh one.
    """

    request: bytes
    done: Callable[[Any, Answer | WireError], None]
    token: Any
    deadline: float
    again: bool = False


class Opening:
    """Opens a connection for each request that waits for one.

    `dial` opens one or raises `WireError`; `opened` takes it; `failed` reports a request that is
    left without an attempt.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Connection]],
        *,
        opened: Callable[[Connection], None],
        failed: Callable[[Waiting, WireError], None],
    ) -> None:
        self._dial = dial
        self._opened = opened
        self._failed = failed
        self._waiting: deque[Waiting] = deque()
        self._again: deque[Waiting] = deque()
        self._attempts: set[asyncio.Task[None]] = set()
        self._stopped: set[asyncio.Task[None]] = set()

    @property
    def attempts(self) -> int:
        """Connections that are being opened."""
        return len(self._attempts)

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting) + len(self._again)

    @property
    def earliest(self) -> float:
        """The nearest deadline of a request that waits."""
        return min((e.deadline for e in (*self._again, *self._waiting)), default=float("inf"))

    def add(self, entry: Waiting) -> None:
        """Let a request wait for a connection."""
        (self._again if entry.again else self._waiting).append(entry)
        if len(self._attempts) < self.waiting:
            self._attempts.add(asyncio.get_running_loop().create_task(self._attempt()))

    def next(self, *, fresh: bool) -> Waiting | None:
        """Take the oldest request that a connection may serve: fresh, or used before."""
        if fresh and self._again:
            return self._again.popleft()
        return self._waiting.popleft() if self._waiting else None

    def take(self, wanted: Callable[[Waiting], bool]) -> list[Waiting]:
        """Take all requests that are `wanted`."""
        taken = [entry for entry in (*self._again, *self._waiting) if wanted(entry)]
        for entry in taken:
            (self._again if entry.again else self._waiting).remove(entry)
        return taken

    def stop(self) -> None:
        """Stop all attempts; the requests must be taken."""
        for attempt in self._attempts:
            attempt.cancel()
            attempt.add_done_callback(self._stopped.discard)
        self._stopped |= self._attempts
        self._attempts.clear()

    async def close(self) -> None:
        """Return when no attempt runs any more."""
        await asyncio.gather(*self._stopped, return_exceptions=True)

    async def _attempt(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        error: WireError | None = None
        try:
            connection = await self._dial()
        except WireError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 - a request must not wait for ever
            error = WireError("connect", f"opening a connection failed: {raised!r}", sent=False)
        finally:
            self._attempts.discard(task)
        if error is None:
            self._opened(connection)
        elif self.waiting > len(self._attempts) and (entry := self.next(fresh=True)):
            self._failed(entry, error)
