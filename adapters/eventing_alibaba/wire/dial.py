"""Opening one connection: name, socket, perhaps a tunnel, perhaps TLS.

One deadline covers it all. Each address gets its share of what is left, so that a dead replica
behind a name does not eat the time in which a live one would have answered. Every failure leaves
here as a `WireError` with `sent=False`: no byte of a request has gone out yet.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Final

from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.errors import Kind, WireError
from eventing_alibaba.wire.proxy import Proxy
from eventing_alibaba.wire.resolve import Address, Resolver
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsContext, explain

SHUTDOWN_SECONDS: Final = 1.0
"""How long a TLS peer may take to say goodbye."""

_TUNNEL_LIMIT: Final = 16 * 1024

# A peer whose machine is gone says nothing: without probes, only the answer's timeout would tell,
# which may be minutes. Found out here after 15 + 4 * 15 s.
_KEEPALIVE: Final = (
    ("TCP_KEEPIDLE", 15),
    ("TCP_KEEPINTVL", 15),
    ("TCP_KEEPCNT", 4),
)


class Dialer:
    """Opens connections to `target`, through `proxy` if there is one."""

    def __init__(
        self,
        target: Target,
        *,
        proxy: Proxy | None,
        tls: TlsContext | None,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._target = target
        self._proxy = proxy
        self._tls = tls if target.scheme == "https" else None
        self._timeout = timeout
        self._peer = target if proxy is None else proxy.target
        self._name = target.address if proxy is None else f"the proxy {proxy.target.address}"
        self._resolver = Resolver(self._peer.host, self._peer.port, clock=clock)

    async def dial(self, protocol: Callable[[], Connection]) -> Connection:
        """Return an open connection.

        Raises:
            WireError: nobody there, no such name, no tunnel, no trust, no time.
        """
        lookup = f"the lookup of {self._peer.host}"
        stage = [lookup]
        try:
            async with asyncio.timeout(self._timeout):
                sock = await self._reach(stage)
                try:
                    if self._proxy is not None and self._tls is not None:
                        stage[0] = f"the tunnel through {self._name}"
                        await self._tunnel(sock, self._proxy)
                    context = self._context()
                except BaseException:
                    sock.close()
                    raise
                stage[0] = f"the TLS handshake with {self._target.address}"
                connection = await self._wrap(sock, context, protocol)
        except TimeoutError:
            kind: Kind = "dns" if stage[0] is lookup else "connect_timeout"
            raise self._error(kind, f"{stage[0]} took longer than {self._timeout:g} s") from None
        if connection.spoke:
            text = f"{self._target.address} spoke first: it is no HTTP server"
            raise self._error("protocol", text)
        if connection.lost:
            raise self._error("closed", f"{self._target.address} closed a connection at once")
        return connection

    async def close(self) -> None:
        """Stop waiting for lookups."""
        await self._resolver.close()

    async def _reach(self, stage: list[str]) -> socket.socket:
        """Return a connected socket."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        try:
            addresses = await self._resolver.lookup()
        except (OSError, UnicodeError) as error:
            raise self._error(
                "dns", f"the name {self._peer.host} cannot be resolved: {_why(error)}"
            ) from error
        failures: list[str] = []
        for at, address in enumerate(addresses):
            where = address[1][0]
            stage[0] = f"connecting to {self._name} at {where}"
            left = len(addresses) - at
            share = None if left == 1 else (end - loop.time()) / left
            try:
                async with asyncio.timeout(share):
                    return await _connect(address)
            except asyncio.CancelledError:  # the time is up
                self._resolver.failed(address)
                raise
            except OSError as error:
                failures.append(f"{where}: {_why(error)}")
                self._resolver.failed(address)
        raise self._error("connect", f"cannot connect to {self._name} ({'; '.join(failures)})")

    async def _tunnel(self, sock: socket.socket, proxy: Proxy) -> None:
        """Ask the proxy for a tunnel and read its answer to the last byte, not further."""
        loop = asyncio.get_running_loop()
        answer = b""
        try:
            await loop.sock_sendall(sock, proxy.connect(self._target))
            while b"\r\n\r\n" not in answer:
                data = await loop.sock_recv(sock, 4096)
                answer += data
                if not data or len(answer) > _TUNNEL_LIMIT:
                    raise self._error("proxy", f"{self._name} gave no answer to CONNECT")
        except OSError as error:
            raise self._error(
                "proxy", f"{self._name} broke the connection: {_why(error)}"
            ) from error
        status = answer[9:12]
        if not answer.startswith(b"HTTP/1.") or not status.isdigit():
            raise self._error("proxy", f"{self._name} does not speak HTTP/1.1")
        if status == b"407":
            raise self._error("proxy", f"{self._name} wants other credentials (407)")
        if not status.startswith(b"2"):
            raise self._error(
                "proxy",
                f"{self._name} refused a tunnel to {self._target.address}"
                f" (status {status.decode('ascii')})",
            )
        if not answer.endswith(b"\r\n\r\n"):
            raise self._error("proxy", f"{self._name} sent more than its answer to CONNECT")

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        try:
            return self._tls.get()
        except ValueError as error:
            raise self._error("tls", f"TLS cannot be used: {error}") from error

    async def _wrap(
        self,
        sock: socket.socket,
        context: ssl.SSLContext | None,
        protocol: Callable[[], Connection],
    ) -> Connection:
        """Make a connection of a socket. From here on the loop closes it in case of trouble."""
        loop = asyncio.get_running_loop()
        if context is None:
            return (await loop.create_connection(protocol, sock=sock))[1]
        name = self._target.host.partition("%")[0].rstrip(".")
        try:
            _, connection = await loop.create_connection(
                protocol,
                sock=sock,
                ssl=context,
                server_hostname=name,
                ssl_handshake_timeout=self._timeout + 1,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        except ssl.SSLError as error:
            raise self._error("tls", explain(error, self._target.address)) from error
        except OSError as error:
            raise self._error(
                "tls", f"{self._target.address} broke off the TLS handshake"
            ) from error
        return connection

    def _error(self, kind: Kind, text: str) -> WireError:
        return WireError(kind, text, sent=False)


async def _connect(address: Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if option := getattr(socket, name, 0):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno).lower()  # loops put addresses into the error's own text
    return (getattr(error, "strerror", None) or str(error) or "no answer").lower()
