"""The benchmark's own sink (`sink.c`), built on first use by the machine's C compiler.

nginx is the fast sink because everybody knows it. It cannot answer late without an extra module,
and it cannot tell when a record was made; this one does both, in less CPU than a sink in Python
would take away from the broker beside it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import subprocess
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.servers.jars import exclusive
from tests.real.servers.process import ServerProcess
from tests.real.servers.tools import program

_SOURCE = Path(__file__).resolve().parent / "sink.c"
_WORK = Path(__file__).resolve().parent.parent / ".work"
_PAIR = struct.Struct("=qq")


class EpollSink:
    """A sink on 127.0.0.1, used as a context manager."""

    def __init__(self, *, delay: float = 0.0, recording: bool = False) -> None:
        """Prepare a sink.

        Args:
            delay: Seconds between a request and its answer.
            recording: Whether to note when each record was made and when it came.
        """
        self.port = 0
        self._delay = delay
        self._recording = recording
        self._folder: Path | None = None
        self._process: ServerProcess | None = None
        self._status: HTTPConnection | None = None

    def __enter__(self) -> Self:
        command = [str(_built()), str(round(self._delay * 1e6))]
        self._folder = folder = Path(tempfile.mkdtemp(prefix="sink-"))
        if self._recording:
            command.append(str(folder / "notes"))
        said = folder / "sink.log"
        self._process = ServerProcess(command, log=said)
        self._process.wait_until(lambda: said.read_text().endswith("\n"), seconds=10)
        self.port = int(said.read_text())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.port}/"

    def count(self) -> int:
        """How many POSTs it has answered."""
        if self._status is None:
            self._status = HTTPConnection("127.0.0.1", self.port, timeout=5)
        self._status.request("GET", "/")
        page = self._status.getresponse().read().decode()
        found = re.fullmatch(r"requests (\d+)\n", page)
        assert found is not None, page
        return int(found[1])

    def stop(self) -> None:
        """End it, which completes its notes; idempotent."""
        if self._status is not None:
            self._status.close()
            self._status = None
        if self._process is not None and self._process.alive:
            self._process.stop()

    def notes(self) -> list[tuple[int, int]]:
        """When each record was made and when it came, in nanoseconds since 1970; after `stop`."""
        assert self._folder is not None
        return list(_PAIR.iter_unpack((self._folder / "notes").read_bytes()))


def _built() -> Path:
    """The compiled sink, named by a hash of its source, so that a change builds another."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]
    wanted = _WORK / f"sink-{digest}"
    if not wanted.exists():
        with exclusive(_WORK):
            unfinished = wanted.with_suffix(".unfinished")
            compiler = [str(program("gcc")), "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror"]
            subprocess.run([*compiler, "-o", str(unfinished), str(_SOURCE)], check=True)
            unfinished.rename(wanted)
    return wanted
