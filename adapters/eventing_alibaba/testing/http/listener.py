"""A port and the connections on it: it can refuse, come back, and cut what is open."""

from __future__ import annotations

import asyncio
import socket
import ssl

from eventing_alibaba.testing.http.connection import Connection, Handler


class Listener:
    """Listens on one address; each request goes to `handler`.

    Args:
        handler: called for each request, on the loop that `start` ran on.
        host, port: where; port 0 = a free one, kept over `refuse` and `accept`.
        tls: serve https.

    Attributes:
        opened: how many connections there ever were.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.handler = handler
        self.host, self.port = host, port
        self.opened = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._bound: socket.socket | None = None
        self._open: set[Connection] = set()
        self._emptied = asyncio.Event()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        if not self.port:
            raise RuntimeError("nothing listens yet: use `async with` or start()")
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be bound."""
        self._bind()
        await self.accept()

    async def close(self) -> None:
        """Stop listening and cut open connections. Idempotent."""
        await self._stop()
        if self._bound is not None:
            self._bound.close()
            self._bound = None

    async def refuse(self) -> None:
        """Be down: cut open connections and refuse new ones, keeping the port."""
        if self._server is not None:
            await self._stop()
            self._bind()

    async def accept(self) -> None:
        """Be up again after `refuse`."""
        if self._bound is None:
            return
        loop = asyncio.get_running_loop()
        sock, self._bound = self._bound, None
        self._server = await loop.create_server(
            lambda: Connection(self), sock=sock, ssl=self._tls, backlog=4096
        )

    def disconnect(self, *, reset: bool = False) -> int:
        """Cut all open connections, by a TCP reset if asked; return how many there were."""
        connections = list(self._open)
        for connection in connections:
            connection.close(abrupt=True, reset=reset)
        return len(connections)

    def connected(self, connection: Connection) -> None:
        """Note a new connection."""
        self._open.add(connection)
        self.opened += 1

    def disconnected(self, connection: Connection) -> None:
        """Note the end of a connection."""
        self._open.discard(connection)
        if not self._open:
            self._emptied.set()

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        while self._open:
            self._emptied.clear()
            self.disconnect()
            await self._emptied.wait()
        await server.wait_closed()

    def _bind(self) -> None:
        """Take the port without listening on it: connecting is refused."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self.host, self.port))
        except OSError as error:
            sock.close()
            address = f"{self.host}:{self.port}"
            raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from None
        self._bound, self.port = sock, sock.getsockname()[1]
