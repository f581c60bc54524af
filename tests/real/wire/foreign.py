"""HTTP servers that people run: nginx, Node's and Go's, each with the same scenarios by path.

/ok 200    /none 204    /busy 503 with Retry-After    /chunked 200 in chunks
/close 200, then the connection ends    /size 200, the body says how long the request's was
/limited 413 for more than 1 KiB, before the request was read
not nginx: /hints 103, then 200    /cut 200, half of its body    /abort no answer at all
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.real.servers.certificates import Certificates, issue
from tests.real.servers.entered import Entered
from tests.real.servers.ports import free_ports
from tests.real.servers.process import ServerFailedError, ServerProcess
from tests.real.servers.tools import program

_HERE = Path(__file__).parent


class ForeignServer(Entered):
    """One of them, on 127.0.0.1, used as a context manager.

    Attributes:
        name: `nginx`, `node` or `go`.
        port, tls_port: where it listens; the same after `restart`.
        certificates: of `tls_port`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.port, self.tls_port = free_ports(2)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.certificates: Certificates = issue(self._folder / "certificates")
        self._command: list[str] = []
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where to POST without TLS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where to POST with TLS."""
        return f"https://127.0.0.1:{self.tls_port}"

    def start(self) -> None:
        """Start it and wait until it listens; the first time it is written or built before."""
        self._command = self._command or self._prepare()
        self._process = ServerProcess(self._command, log=self._folder / "log", cwd=self._folder)
        self._process.wait_until(self._listens, seconds=20)

    def stop(self) -> None:
        """End it, with all its connections."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listens(self) -> bool:
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def _prepare(self) -> list[str]:
        """Write or build what it needs; return how to start it."""
        certificate, key = self.certificates.server_certificate, self.certificates.server_key
        arguments = [str(self.port), str(self.tls_port), str(certificate), str(key)]
        if self.name == "node":
            return [str(program("node")), str(_HERE / "server.mjs"), *arguments]
        if self.name == "go":
            binary = self._folder / "server"
            build = [str(program("go")), "build", "-o", str(binary), str(_HERE / "server.go")]
            built = subprocess.run(
                build, check=False, capture_output=True, text=True, timeout=300, cwd=self._folder
            )
            if built.returncode:
                raise ServerFailedError(f"{built.args} failed:\n{built.stderr}")
            return [str(binary), *arguments]
        configuration = self._folder / "nginx.conf"
        configuration.write_text(_nginx(*arguments))
        nginx = str(program("nginx"))
        return [nginx, "-p", str(self._folder), "-c", str(configuration), "-e", "stderr"]


def _nginx(port: str, tls_port: str, certificate: str, key: str) -> str:
    """One process in the foreground; what `/chunked` sends is compressed, and so in chunks."""
    return f"""\
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type text/plain;
  client_max_body_size 64m;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{ return 200 "ok"; }}
    location = /none {{ return 204; }}
    location = /busy {{ add_header Retry-After 7 always; return 503 "busy"; }}
    location = /chunked {{
      gzip on;
      gzip_types text/plain;
      gzip_min_length 1;
      return 200 "{"x" * 3000}";
    }}
    location = /close {{ keepalive_timeout 0; return 200 "ok"; }}
    location = /limited {{ client_max_body_size 1k; proxy_pass http://127.0.0.1:{port}/; }}
    location = /size {{ proxy_pass http://127.0.0.1:{port}/measured; }}
    location = /measured {{ return 200 "$http_content_length"; }}
  }}
}}
"""
