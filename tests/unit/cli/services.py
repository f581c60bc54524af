"""Services that answer as a test says, in a thread of their own: the command has the event loop."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import trustme


@dataclass
class Seen:
    """A service that runs: where, and what it was asked.

    Attributes:
        url: of the service.
        requests: method, headers and body of each.
    """

    url: str
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def service(
    status: int = 204,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    tls: trustme.LeafCert | None = None,
) -> Iterator[Seen]:
    """Run a service that answers every request the same."""
    seen = Seen("")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length", 0)))
            told = {name.lower(): value for name, value in self.headers.items()}
            seen.requests.append((self.command, told, data))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

        do_POST = do_GET = do_OPTIONS = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing: a client that does not trust us is what a test wants."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.configure_cert(context)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    seen.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/events"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def listener(*, says: bytes = b"") -> Iterator[int]:
    """Listen on a port; say `says` to who connects, or nothing ever. Yields the port."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connections.append(connection)
                    if says:
                        connection.recv(4096)
                        connection.sendall(says)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                connection.close()


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
