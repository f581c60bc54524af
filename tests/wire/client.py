"""The client's side of a test: requests, results that can be waited for, a clock that is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.wire.scripted import PATIENCE

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool


def post(body: bytes = b"event", path: str = "/events") -> bytes:
    """A request."""
    head = f"POST {path} HTTP/1.1\r\nHost: sink\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Dials:
    """Takes the place of a pool's dialer: connections open or fail when the test says so.

    Attributes:
        asked: attempts so far.
    """

    def __init__(self, pool: Pool) -> None:
        self.asked = 0
        self._dial = pool._dialer.dial
        self._gates: list[asyncio.Future[WireError | None]] = []
        pool._dialer.dial = self._wait  # type: ignore[method-assign]

    def succeed(self) -> None:
        """Let the oldest attempt go on."""
        self._gates.pop(0).set_result(None)

    def fail(self) -> None:
        """Let the oldest attempt find nobody."""
        self._gates.pop(0).set_result(WireError("connect", "nobody there", sent=False))

    async def _wait(self, protocol: Callable[[], Connection]) -> Connection:
        self.asked += 1
        gate: asyncio.Future[WireError | None] = asyncio.get_running_loop().create_future()
        self._gates.append(gate)
        try:
            error = await gate
        except asyncio.CancelledError:
            self._gates.remove(gate)
            raise
        if error is not None:
            raise error
        return await self._dial(protocol)


class Results:
    """Takes the results of a pool, in the order in which they come.

    Attributes:
        got: `(token, result)`.
    """

    def __init__(self, pool: Pool) -> None:
        self.got: list[tuple[Any, Answer | WireError]] = []
        self._pool = pool
        self._waiters: list[tuple[int, asyncio.Event]] = []

    def send(
        self,
        token: Any = 0,
        request: bytes | None = None,
        *,
        timeout: float = 60.0,
        then: Callable[[], object] | None = None,
    ) -> bool:
        """Send a request and take its result under `token`; `then` runs inside `done`."""

        def done(given: Any, result: Answer | WireError) -> None:
            self.got.append((given, result))
            for count, event in self._waiters:
                if len(self.got) >= count:
                    event.set()
            if then is not None:
                then()

        before = len(self.got)
        taken = self._pool.send(
            post() if request is None else request, done, token, timeout=timeout
        )
        assert len(self.got) == before, "done was called from inside send"
        return taken

    async def wait(self, count: int = 1) -> list[tuple[Any, Answer | WireError]]:
        """Wait until there are `count` results."""
        event = asyncio.Event()
        self._waiters.append((count, event))
        if len(self.got) < count:
            async with asyncio.timeout(PATIENCE):
                await event.wait()
        assert len(self.got) == count
        return self.got

    async def answer(self, **given: Any) -> Answer:
        """Send a request and return its answer."""
        result = await self._one(**given)
        assert isinstance(result, Answer), result
        return result

    async def error(self, **given: Any) -> WireError:
        """Send a request and return why it failed."""
        result = await self._one(**given)
        assert isinstance(result, WireError), result
        return result

    async def _one(self, **given: Any) -> Answer | WireError:
        count = len(self.got) + 1
        assert self.send(**given)
        return (await self.wait(count))[-1][1]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds, for what no event tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
