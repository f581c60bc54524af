"""A gate between the operator and the API server, which strikes at the n-th write.

It serves with the plane's own certificate, which the operator has been told to trust. Requests
go on over connections of their own, so that "before" and "after" a write mean what they say;
watches stream.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from tests.real.kubelab.client import Kubernetes

_WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")
_HOP: Final = ("connection", "transfer-encoding", "content-length", "keep-alive", "host")


class Gate:
    """`with Gate(cluster) as gate:`; `gate.url` is the server to give to the operator."""

    def __init__(self, cluster: Kubernetes) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._left = 0
        self._when = ""
        self._strike: Callable[[], None] | None = None
        self._struck = threading.Event()
        self.writes: list[str] = []
        self.struck: set[str] = set()
        """What it has struck at: plurals of resources, and `status`."""
        self._last = time.monotonic()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                gate._handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cluster.authority.parent / "server.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._tls = ssl.create_default_context(cafile=str(cluster.authority))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def at_write(self, number: int, when: str, strike: Callable[[], None]) -> threading.Event:
        """Call `strike` "before" or "after" the n-th write from now on; returns what tells it."""
        with self._lock:
            self._left, self._when, self._strike = number, when, strike
            self._struck = threading.Event()
        return self._struck

    def idle(self, seconds: float) -> bool:
        """Whether no write has come for this long."""
        return time.monotonic() - self._last > seconds

    def _handle(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        strike = self._counted(asked)
        if strike is not None and self._when == "before":
            self._hit(strike, asked)
            asked.close_connection = True
            return
        parts = urlsplit(self._cluster.server)
        link = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=self._tls, timeout=600
        )
        headers = {k: v for k, v in asked.headers.items() if k.lower() not in _HOP}
        try:
            link.request(asked.command, asked.path, body or None, headers)
            answer = link.getresponse()
            if strike is not None:
                answer.read()
                self._hit(strike, asked)
                asked.close_connection = True
                return
            self._answer(asked, answer)
        except OSError:
            asked.close_connection = True
        finally:
            link.close()

    def _counted(self, asked: BaseHTTPRequestHandler) -> Callable[[], None] | None:
        if asked.command not in _WRITES:
            return None
        with self._lock:
            self.writes.append(f"{asked.command} {asked.path.partition('?')[0]}")
            self._last = time.monotonic()
            self._left -= 1
            return self._strike if self._left == 0 else None

    def _hit(self, strike: Callable[[], None], asked: BaseHTTPRequestHandler) -> None:
        strike()
        parts = asked.path.partition("?")[0].partition("/namespaces/")[2].split("/")
        self.struck.add("status" if parts[-1] == "status" else parts[1])
        self._struck.set()

    def _answer(self, asked: BaseHTTPRequestHandler, answer: http.client.HTTPResponse) -> None:
        asked.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                asked.send_header(name, value)
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        while piece := answer.read1(65536):
            asked.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            asked.wfile.flush()
        asked.wfile.write(b"0\r\n\r\n")
