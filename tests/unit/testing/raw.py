"""HTTP by hand: the sink's tests must see bytes, connections and their ends."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LIMIT = 5.0


def request(event_id: str, *, body: bytes = b"{}", headers: str = "", source: str = "/s") -> bytes:
    """Return the bytes of one binary-mode POST."""
    head = (
        "POST /in HTTP/1.1\r\nHost: sink\r\nce-specversion: 1.0\r\nce-type: t\r\n"
        f"ce-source: {source}\r\nce-id: {event_id}\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Raw:
    """One connection to a sink; every read ends after a few seconds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Write, in one piece."""
        self.writer.write(data)

    async def head(self) -> str:
        """Read to the end of one answer's headers."""
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT)).decode()

    async def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        return await asyncio.wait_for(self.reader.readexactly(count), LIMIT)

    async def rest(self) -> bytes:
        """Read until the other side ends the connection."""
        return await asyncio.wait_for(self.reader.read(), LIMIT)
