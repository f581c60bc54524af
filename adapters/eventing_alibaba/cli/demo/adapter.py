"""`eventing-alibaba run` as a process of its own, just as a user starts it.

It gets a session of its own, so that Ctrl-C in a terminal reaches the demo alone, which then stops
things in their order; a broker that goes first would make the adapter wait for it. Its log is read
line by line: what it says about its ports, and everything of level warning and above.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final

import orjson

_STOPPING: Final = 20.0
_KEPT: Final = 20
_LONGEST_LINE: Final = 1024 * 1024


class Adapter:
    """An adapter process for one manifest.

    Attributes:
        troubles: the latest things it complained about, oldest first; taken by whoever shows them.
        status_url: where it tells its status; None until it has said so.
        metrics_url: likewise its metrics.
        ended: done with the exit code when the process is.
    """

    def __init__(self, manifest: Path, troubles: deque[str] | None = None) -> None:
        self._manifest = manifest
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.troubles = deque[str](maxlen=_KEPT) if troubles is None else troubles
        self.status_url: str | None = None
        self.metrics_url: str | None = None
        self.ended: asyncio.Future[int]

    async def start(self) -> None:
        """Start the process; it tells by `troubles`, `status_url` and `ended` how it goes."""
        self.ended = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "eventing_alibaba.cli.demo.tether"),
            *("run", "-f", str(self._manifest), "--host", "127.0.0.1"),
            *("--port", "0", "--metrics-port", "0", "--log-format", "json"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        self._reading = asyncio.create_task(self._read(self._process), name="adapter")

    async def stop(self) -> int:
        """Stop it in order, after 20 seconds not in order; return its exit code."""
        if self._process is None or self._reading is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait([self._reading], timeout=_STOPPING)
        finally:
            self.kill()
        await self._reading
        return self.ended.result()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._heard(line)
        self.ended.set_result(await process.wait())

    def _heard(self, line: bytes) -> None:
        try:
            said: Any = orjson.loads(line)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):  # not logged: a complaint on standard error
            self.troubles.append(line.decode(errors="replace").strip())
            return
        if said.get("level") in ("warn", "error", "fatal"):
            self.troubles.append(str(said.get("msg", "")))
        elif "healthPort" in said:
            self.status_url = f"http://127.0.0.1:{said['healthPort']}/status"
            self.metrics_url = f"http://127.0.0.1:{said['metricsPort']}/metrics"
