"""From a name to addresses, anew for new connections.

Behind a name are the replicas of a sink, and they change. So a result is kept only for the second
in which a burst of connections opens, the addresses are shuffled so that all of them get traffic,
and those that failed lately come last. A lookup runs in a thread that nobody can stop: when one
hangs, all wait for that one instead of filling the thread pool.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Address: TypeAlias = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family and what `socket.connect` takes."""

SHARED_SECONDS = 1.0
SHUNNED_SECONDS = 30.0


class Resolver:
    """Finds the addresses of one host and port."""

    __slots__ = ("_asking", "_clock", "_failed", "_found", "_found_at", "_host", "_port")

    def __init__(self, host: str, port: int, *, clock: Callable[[], float]) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._found: list[Address] = []
        self._found_at = float("-inf")
        self._failed: dict[Address, float] = {}
        self._asking: asyncio.Task[list[Address]] | None = None

    async def lookup(self) -> list[Address]:
        """Return the addresses in the order to try them; at least one.

        Raises:
            OSError: there is none (`socket.gaierror`).
        """
        now = self._clock()
        if now - self._found_at >= SHARED_SECONDS:
            self._found = await self._ask()
            self._found_at = now
        self._failed = {a: t for a, t in self._failed.items() if now - t < SHUNNED_SECONDS}
        found = random.sample(self._found, len(self._found))
        return sorted(found, key=self._failed.__contains__)

    def failed(self, address: Address) -> None:
        """Note that nobody answered at `address`: it comes last for a while."""
        self._failed[address] = self._clock()

    async def close(self) -> None:
        """Wait for no lookup any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> list[Address]:
        try:
            return _addresses(
                socket.getaddrinfo(
                    self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
                )
            )
        except socket.gaierror:
            pass  # a name: it needs a thread
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_system())
        return await asyncio.shield(self._asking)

    async def _ask_system(self) -> list[Address]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host, self._port, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM
        )
        return _addresses(found)


def _addresses(found: Sequence[tuple[int, int, int, str, Any]]) -> list[Address]:
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))
