"""The connections of a pool: which are idle, which live, which are still closing."""

from __future__ import annotations

import asyncio
import contextlib

from eventing_alibaba.wire.connection import Connection


class Roster:
    """Connections by state.

    Attributes:
        idle: those between two exchanges; the last one was used last.
        live: idle and busy ones.
    """

    __slots__ = ("_emptied", "_open", "idle", "live")

    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.live: set[Connection] = set()
        self._open: set[Connection] = set()  # the live and the closing ones
        self._emptied = asyncio.Event()

    def add(self, connection: Connection) -> None:
        """Take in a connection that has just opened, as busy."""
        self.live.add(connection)
        self._open.add(connection)

    def forget(self, connection: Connection) -> None:
        """Give this connection no further exchange."""
        self.live.discard(connection)
        if connection.done is None and connection in self.idle:
            self.idle.remove(connection)
        if connection.lost:
            self._open.discard(connection)
            if not self._open:
                self._emptied.set()

    def shrink(self, limit: int) -> None:
        """Close idle connections, those unused for longest first, until `limit` is kept."""
        while self.idle and len(self.live) > limit:
            self.idle[0].retire()

    async def close(self, *, patience: float) -> None:
        """Close all connections, none of which is busy, and wait `patience` seconds for peers."""
        for connection in tuple(self.live):
            connection.retire()
        if self._open:
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._emptied.wait()
        for connection in tuple(self._open):
            connection.abandon()
