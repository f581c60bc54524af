"""The two small HTTP servers: health and status on one port, metrics on the other.

They run in threads of their own, so that they answer while the event loop does not: a loop that
hangs is then seen (`/healthz` turns 503) instead of looking like a network fault. What they serve
is callables that read and never change anything.

    /healthz, /health       200 while the event loop turns
    /readyz, /readiness     200 while ready, else 503 and the reason
    /status                 JSON (see `status`)
    /metrics                on its own port

A probe must get through whatever else connects: connections are few, each has a time limit, and
when all are taken the oldest gives way. Requests are not logged.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, TypeAlias

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.runtime.heartbeat import Heartbeat
from eventing_alibaba.runtime.status import Status

log = logging.getLogger(__name__)

_TIMEOUT: Final = 5.0
_MOST_CONNECTIONS: Final = 16
_POLL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"


Pages: TypeAlias = Mapping[str, Callable[[], Page]]


def health_pages(status: Status, heartbeat: Heartbeat) -> Pages:
    """Return the pages of the health port."""

    def alive() -> Page:
        if heartbeat.alive:
            return Page(b"ok\n")
        return Page(f"the event loop has not turned for {heartbeat.age():.0f} s\n".encode(), 503)

    def ready() -> Page:
        now = status.condition
        if now.ready and heartbeat.alive:
            return Page(b"ok\n")
        return Page(f"{now.state}: {now.reason}: {now.message}\n".encode(), 503)

    def told() -> Page:
        return Page(status.json(), content_type="application/json")

    return {
        "/healthz": alive,
        "/health": alive,
        "/readyz": ready,
        "/readiness": ready,
        "/status": told,
    }


def metrics_pages(text: Callable[[], bytes], content_type: str) -> Pages:
    """Return the page of the metrics port; `text` makes it anew each time."""
    return {"/metrics": lambda: Page(text(), content_type=content_type)}


class PageServer:
    """Serves pages on one port, from `start` to `stop`.

    `host` "" binds all addresses, IPv4 and IPv6 where the machine has both; `port` 0 takes a free
    one. `purpose` and `flag` are for the sentence about a port that is taken.
    """

    def __init__(
        self, pages: Pages, *, host: str, port: int, purpose: str, flag: str = "--port"
    ) -> None:
        self._pages = pages
        self._host = host
        self._wanted = port
        self._purpose = purpose
        self._flag = flag
        self._server: _Server | None = None

    def __repr__(self) -> str:
        return f"<PageServer {self._purpose} {self._host or '*'}:{self.port}>"

    @property
    def port(self) -> int:
        """The port served, once started; before, the one wanted."""
        return self._server.server_address[1] if self._server else self._wanted

    def start(self) -> None:
        """Bind and serve. Raises Unavailable with a sentence when the port cannot be had."""
        try:
            self._server = _bound(self._host, self._wanted, self._pages)
        except OSError as error:
            raise Unavailable(self._why(error), reason="PortUnavailable") from error
        threading.Thread(
            target=self._server.serve_forever,
            args=(_POLL,),
            name=f"{self._purpose}-server",
            daemon=True,
        ).start()

    def stop(self) -> None:
        """Close the port and all connections. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.close_connections()

    def _why(self, error: OSError) -> str:
        where = f"port {self._wanted} of {self._host or 'all addresses'} for {self._purpose}"
        choose = f"choose another with {self._flag} (0: any)"
        if error.errno == errno.EADDRINUSE:
            return f"{where} is taken by another process; {choose}"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"{where} is not allowed for this user; {choose}"
        return (
            f"{where} cannot be had: {error.strerror or error}; choose an address of this machine"
            " with --host"
        )


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, family: socket.AddressFamily, host: str, port: int, pages: Pages) -> None:
        self.address_family = family
        self.pages = pages
        self._connections: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections[request] = None
            oldest = (
                next(iter(self._connections))
                if len(self._connections) > _MOST_CONNECTIONS
                else None
            )
            if oldest is not None:
                del self._connections[oldest]
        if oldest is not None:
            _cut(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._lock:
            left = list(self._connections)
        for connection in left:
            _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: it is called for clients that went away, pages report their own errors."""


class _Handler(BaseHTTPRequestHandler):
    """One request a connection: probes and scrapes are seconds apart."""

    server: _Server
    timeout = _TIMEOUT
    server_version = "eventing-alibaba"
    sys_version = ""

    def do_GET(self) -> None:
        make = self.server.pages.get(self.path.partition("?")[0])
        if make is None:
            known = " ".join(self.server.pages)
            self._answer(Page(f"there is nothing here; there is {known}\n".encode(), 404))
            return
        try:
            page = make()
        except Exception:
            log.exception("the page %s cannot be made", self.path.partition("?")[0])
            page = Page(b"internal error\n", 500)
        self._answer(page)

    do_HEAD = do_GET  # noqa: N815

    def _refuse(self) -> None:
        self._answer(Page(b"GET and HEAD are answered here\n", 405))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _refuse  # noqa: N815

    def _answer(self, page: Page) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        if page.status == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: probes come every few seconds for ever."""


def _bound(host: str, port: int, pages: Pages) -> _Server:
    if host:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return _Server(family, host, port, pages)
    if socket.has_dualstack_ipv6():
        try:
            return _Server(socket.AF_INET6, "::", port, pages)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            # IPv6 is compiled in and switched off.
    return _Server(socket.AF_INET, "0.0.0.0", port, pages)  # noqa: S104 - probes come from outside


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
