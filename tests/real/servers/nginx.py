"""nginx as a sink: answers every POST with 204 as fast as a server can, and counts.

One worker process, no access log, connections kept for ever, and a request buffer that takes
headers and body of an event in one read. Its `stub_status` page counts requests without looking at
any of them, so reading the count costs the sink one request, which is taken off again.
"""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from http.client import HTTPConnection
from pathlib import Path

from tests.real.servers.entered import Entered
from tests.real.servers.ports import free_ports
from tests.real.servers.process import ServerFailedError, ServerProcess
from tests.real.servers.tools import program

_TAKEN = "Address already in use"
_COUNTERS = re.compile(r"requests\s+(?P<accepted>\d+) (?P<handled>\d+) (?P<requests>\d+)")


class NginxSink(Entered):
    """An HTTP sink on 127.0.0.1, used as a context manager.

    Attributes:
        port: Where it listens; the same after a restart.
    """

    def __init__(self) -> None:
        self.port = 0
        self._folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        self._process: ServerProcess | None = None
        self._status: HTTPConnection | None = None
        self._asked = 0

    def __repr__(self) -> str:
        return f"<NginxSink {self.url} {self._process!r}>"

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start nginx and wait until it listens; on the same port as before, its count at zero.

        Raises:
            MissingToolError: nginx is not installed.
            ServerFailedError: it ended or did not listen; the message has its log's tail.
        """
        first = not self.port
        for attempts_left in (2, 1, 0):
            if not self.port:
                (self.port,) = free_ports(1)
            try:
                self._launch()
            except ServerFailedError as error:
                if not (first and attempts_left and _TAKEN in str(error)):
                    raise
                self.port = 0
            else:
                return

    def stop(self) -> None:
        """End nginx; whoever posts is refused until the next start."""
        if self._status is not None:
            self._status.close()
            self._status = None
        if self._process is not None:
            self._process.stop()

    def close(self) -> None:
        """Stop and remove its folder; idempotent."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def count(self) -> int:
        """How many requests it has answered since it started, those of `count` not among them."""
        if self._status is None:
            self._status = HTTPConnection("127.0.0.1", self.port, timeout=5)
        self._status.request("GET", "/status")
        page = self._status.getresponse().read().decode()
        self._asked += 1
        if (found := _COUNTERS.search(page)) is None:
            msg = f"nginx's status page has no counters: {page!r}"
            raise ValueError(msg)
        return int(found["requests"]) - self._asked

    def refused(self) -> list[str]:
        """What nginx has said about requests that it could not accept; empty in a clean run."""
        if self._process is None:
            return []
        lines = self._process.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "client sent" in line]

    def _launch(self) -> None:
        self._asked = 0
        configuration = self._folder / "nginx.conf"
        configuration.write_text(_configuration(self.port))
        command = [str(program("nginx")), "-p", str(self._folder), "-c", str(configuration)]
        log = self._folder / "nginx.log"
        self._process = ServerProcess([*command, "-e", "stderr"], log=log)
        self._process.wait_until(self._listens, seconds=20)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def _configuration(port: int) -> str:
    """One process in the foreground.

    `info` is the level at which nginx tells of bad requests; a header with a dot in its name, which
    some clients send, is not to be one of them.
    """
    return f"""\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr info;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_header_buffer_size 8k;
  ignore_invalid_headers off;
  client_body_buffer_size 64k;
  client_max_body_size 16m;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ return 204; }}
    location = /status {{ stub_status; }}
  }}
}}
"""
