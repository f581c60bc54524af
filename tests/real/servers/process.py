"""One server process: started with its output in a file, watched until it answers, ended by signal.

A test that kills its server on purpose wants exactly four verbs (stop, kill, freeze, thaw) and one
promise: that a server which does not come up is reported with the last lines of its own log rather
than with a timeout. The process stays in the caller's process group, so that Ctrl-C and `timeout`
reach it too, and is killed at the latest when the interpreter exits.
"""

from __future__ import annotations

import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_TAIL = 40
_STEP = 0.02


class ServerFailedError(RuntimeError):
    """A server ended or did not answer in time; the message closes with the tail of its log."""


class ServerProcess:
    """A child process whose standard output and error go to `log`, which is appended to."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
            )
        self._name = Path(command[0]).name
        self._end = weakref.finalize(self, _end, self._popen)

    def __repr__(self) -> str:
        state = "running" if self.alive else f"ended with {self._popen.returncode}"
        return f"<{self._name} pid={self.pid} {state} log={self.log}>"

    @property
    def pid(self) -> int:
        """Process id; of a process that has ended, the one it had."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs (a frozen process does)."""
        return self._popen.poll() is None

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL:])

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Poll `ready` until it is true.

        Raises:
            ServerFailedError: the process ended, or `seconds` passed, before that.
        """
        deadline = time.monotonic() + seconds
        while True:
            if not self.alive:
                msg = f"{self._name} ended with {self._popen.returncode} while it started"
                raise ServerFailedError(f"{msg}; its log closes with:\n{self.tail()}")
            if ready():
                return
            if time.monotonic() > deadline:
                msg = f"{self._name} did not answer within {seconds:.0f} s"
                raise ServerFailedError(f"{msg}; its log closes with:\n{self.tail()}")
            time.sleep(_STEP)

    def stop(self, *, seconds: float = 30.0) -> int:
        """Send SIGTERM and wait for the end; SIGKILL after `seconds`. Returns the exit status."""
        self._popen.send_signal(signal.SIGCONT)  # a frozen process would not notice
        self._popen.terminate()
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """Send SIGKILL and wait for the end. Returns the exit status."""
        self._popen.kill()
        return self._popen.wait()

    def freeze(self) -> None:
        """Send SIGSTOP: its ports stay open and nothing is answered, like a host that hangs."""
        self._popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self._popen.send_signal(signal.SIGCONT)


def _end(popen: subprocess.Popen[bytes]) -> None:
    if popen.poll() is None:
        popen.kill()
        popen.wait()
