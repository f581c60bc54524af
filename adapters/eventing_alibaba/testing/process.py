"""A test double in a process of its own: how it is started, how it says so, how it ends.

The child prints one line of JSON on its standard output when it can be used, and nothing else
there. It ends on SIGTERM or SIGINT, and it must never outlive the test run that started it, however
that ended. Linux can signal a child when its parent dies, but it does so when the *thread* that
started the child ends, and tests start children from worker threads. So the life line is the
child's standard input: a pipe whose other end only the parent holds, which the kernel closes for it
even after SIGKILL. (Python's descriptors are not inherited by other children; only a bare
`os.fork` copies them.) The child reads end-of-file and leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import IO, Any, ClassVar, Final, Self, TypeVar

import orjson

from eventing_alibaba.testing.admin import AdminClient

_T = TypeVar("_T")
_LIFE_LINE: Final = "--until-stdin-closes"


class ChildProcess:
    """`python -m MODULE` as a context manager, `with` or `async with`; subclasses name MODULE.

    Attributes:
        ready: the JSON object of the child's first line.
        admin: its remote control.
        detached: it has a session of its own, so Ctrl-C in a terminal reaches the parent alone.
    """

    module: ClassVar[str]
    detached: ClassVar[bool] = False

    def __init__(self, *arguments: str, start_timeout: float = 20.0) -> None:
        self._arguments = arguments
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.ready: dict[str, Any] = {}

    @property
    def admin(self) -> AdminClient:
        """The child's remote control. Raises RuntimeError before `start`."""
        if "admin" not in self.ready:
            raise RuntimeError(f"{type(self).__name__} is not started: use `with` or start()")
        return AdminClient(self.ready["admin"])

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return self._process.pid if self._process is not None else None

    def start(self) -> Self:
        """Start the child and wait until it can be used.

        Raises RuntimeError with the end of what it wrote to standard error when it ended before,
        and TimeoutError after `start_timeout` seconds.
        """
        if self._process is not None:
            raise RuntimeError(f"{type(self).__name__} runs already, as process {self.pid}")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        command = [sys.executable, "-m", self.module, _LIFE_LINE, *self._arguments]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=self.detached,
        )
        try:
            self.ready = orjson.loads(self._first_line(self._process))
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, timeout: float = 10.0) -> int:
        """End the child with SIGTERM, after `timeout` seconds with SIGKILL; return its exit code.

        Does nothing (and returns 0) when it does not run.
        """
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._reap(self._process)

    def kill(self) -> int:
        """End the child with SIGKILL; return its exit code."""
        if self._process is None:
            return 0
        self._process.kill()
        return self._reap(self._process)

    def stderr(self) -> str:
        """Return the last 4 KiB of what the child wrote to standard error."""
        if self._stderr is None:
            return ""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - 4096))
        return self._stderr.read().decode(errors="replace").strip()

    def _first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        descriptor, line = process.stdout.fileno(), b""
        deadline = time.monotonic() + self._start_timeout
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                msg = f"{self.module} was not ready within {self._start_timeout} s: {self.stderr()}"
                raise TimeoutError(msg)
            piece = os.read(descriptor, 4096)
            if not piece:
                process.wait()
                msg = f"{self.module} ended with {process.returncode}: {self.stderr()}"
                raise RuntimeError(msg)
            line += piece
        return line

    def _reap(self, process: subprocess.Popen[bytes]) -> int:
        code = process.wait()
        for pipe in (process.stdin, process.stdout, self._stderr):
            if pipe is not None:
                pipe.close()
        self._process, self._stderr, self.ready = None, None, {}
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def __repr__(self) -> str:
        state = f"pid={self.pid} {self.ready}" if self._process is not None else "not running"
        return f"<{type(self).__name__} {state}>"


def add_life_line(parser: argparse.ArgumentParser) -> None:
    """Let `parser` take the option by which `ChildProcess` ties the child to its parent."""
    parser.add_argument(
        _LIFE_LINE,
        action="store_true",
        help="end when standard input does: so ends with its parent, however that dies",
    )


def port(text: str) -> int:
    """Read an option that is a port; 0 = a free one."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: must be a number from 0 to 65535")
    return int(text)


async def announce_and_wait(ready: Mapping[str, Any], *, until_stdin_closes: bool) -> None:
    """Print `ready` as the line of JSON; return on SIGTERM, SIGINT or, if asked, stdin's end."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    standard_input = 0
    if until_stdin_closes:

        def read() -> None:
            if not os.read(standard_input, 4096):
                loop.remove_reader(standard_input)
                stopped.set()

        loop.add_reader(standard_input, read)
    sys.stdout.write(orjson.dumps(dict(ready)).decode() + "\n")
    sys.stdout.flush()
    await stopped.wait()
    if until_stdin_closes:
        loop.remove_reader(standard_input)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on uvloop where there is one, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:  # pragma: no cover - a dependency wherever it exists
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
