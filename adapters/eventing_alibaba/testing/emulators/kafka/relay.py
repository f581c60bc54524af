"""A fixed port in front of a broker.

The mock's brokers always listen on ports the kernel picks, but a manifest wants an address that can
be written down. A relay listens on the port that was asked for, and the broker advertises it; the
bytes pass through unread. It costs CPU time, so without a wish for a port there is none.
"""

from __future__ import annotations

import asyncio
from typing import cast


class Relay:
    """Passes connections to `port` on `host` on to `target`, a host and port."""

    def __init__(self, host: str, port: int, target: tuple[str, int]) -> None:
        self._host, self._port, self._target = host, port, target
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Front(self._target), self._host, self._port, reuse_address=True
        )

    async def close(self) -> None:
        """Stop listening; connections end with their peers."""
        if self._server is not None:
            self._server.close()


class _Half(asyncio.Protocol):
    """One of the two connections; what it reads goes to `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Half | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        else:
            self.early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort()

    # A peer that reads slowly slows down the one that writes.
    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


class _Front(_Half):
    """The client's connection; what comes before there is one to the broker is kept for it."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__()
        self._target = target
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        back = _Half()
        back.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: back, *self._target)
        except OSError:
            if self.transport is not None:
                self.transport.abort()  # The broker is down: so is its relay.
            return
        if back.transport is None:
            return
        if self.transport is None:
            back.transport.abort()
            return
        self.other = back
        back.transport.writelines(self.early)
