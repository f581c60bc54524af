"""An adapter in a process of its own, as a user would run it: `eventing-alibaba run -f FILE`.

What a crash leaves behind can only be seen from outside the process that crashes, so crash tests,
the demo and the benchmarks run the real command and kill it. Its JSON log is read all the time (a
full pipe would stop the adapter) and its last lines are kept.
"""

from __future__ import annotations

import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from eventing_alibaba.contract.api import API_VERSION

_KEPT: Final = 2000
_POLL: Final = 0.02


def manifest(kind: str, spec: Mapping[str, Any], *, name: str = "adapter") -> dict[str, Any]:
    """Return a source object as it would be applied to a cluster."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": dict(spec),
    }


class AdapterProcess:
    """`with AdapterProcess(manifest(...)) as adapter:`; `start` may be called again after an end.

    Attributes:
        log: the latest lines of its log, decoded; a line that is no JSON is under `text`.
    """

    def __init__(
        self,
        source: Mapping[str, Any],
        *,
        environ: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self._source = dict(source)
        self._environ = dict(environ or {})
        self._arguments = arguments
        self._folder = tempfile.TemporaryDirectory(prefix="adapter-")
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._ports: tuple[int, int] | None = None
        self._told = threading.Event()
        self.log: collections.deque[dict[str, Any]] = collections.deque(maxlen=_KEPT)

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """Start the process; returns at once."""
        file = Path(self._folder.name) / "source.json"
        file.write_text(json.dumps(self._source))
        command = [sys.executable, "-m", "eventing_alibaba", "run", "-f", str(file)]
        command += ["--port=0", "--metrics-port=0", "--log-format=json", *self._arguments]
        self._told.clear()
        self._ports = None
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "EVENTING_ALIBABA_CONTROL": str(Path(self._folder.name) / "control.sock"),
                **self._environ,
            },
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        return self

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would."""
        self._end(signal.SIGKILL, 10.0)

    def stop(self, timeout: float = 40.0) -> int:
        """End it by SIGTERM; return its exit code. After `timeout` seconds, SIGKILL."""
        return self._end(signal.SIGTERM, timeout)

    def wait(self, timeout: float = 40.0) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout)
        assert self._reader is not None
        self._reader.join(5.0)
        return code

    def url(self, path: str) -> str:
        """Return the URL of a page of the health port, or of `/metrics`.

        Raises TimeoutError if it does not say its ports within 20 s.
        """
        if not self._told.wait(20.0) or self._ports is None:
            raise TimeoutError(f"the adapter did not start: {list(self.log)[-5:]}")
        return f"http://127.0.0.1:{self._ports[path == '/metrics']}{path}"

    def get(self, path: str) -> tuple[int, str]:
        """GET a page; return status and text."""
        try:
            with urllib.request.urlopen(self.url(path), timeout=5.0) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self) -> dict[str, Any]:
        """Return `/status`."""
        found: dict[str, Any] = json.loads(self.get("/status")[1])
        return found

    def wait_ready(self, timeout: float = 30.0) -> Self:
        """Wait until `/readyz` says 200. Raises TimeoutError with what it says instead."""
        self.wait_status(lambda status: status["ready"], timeout)
        return self

    def wait_status(self, condition: Any, timeout: float = 30.0) -> dict[str, Any]:
        """Wait until `condition(status)` holds; return that status. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        status: dict[str, Any] = {}
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise TimeoutError(
                    f"the adapter ended with {self._process.returncode}: {list(self.log)[-5:]}"
                )
            status = self.status()
            if condition(status):
                return status
            time.sleep(_POLL)
        raise TimeoutError(f"the adapter still says {status}; {list(self.log)[-5:]}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill what runs and remove the manifest; idempotent."""
        if self._process is not None:
            self.kill()
        self._folder.cleanup()

    def _end(self, number: signal.Signals, timeout: float) -> int:
        process = self._process
        if process is None:
            return 0
        process.send_signal(number)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if self._reader is not None:
            self._reader.join(5.0)
        self._process = None
        return code

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                try:
                    told = json.loads(line)
                except ValueError:
                    told = {"text": line.decode(errors="replace").rstrip()}
                self.log.append(told)
                if "healthPort" in told:
                    self._ports = (told["healthPort"], told["metricsPort"])
                    self._told.set()
        self._told.set()

    def __repr__(self) -> str:
        return f"<AdapterProcess pid={self.pid} ports={self._ports}>"
