"""Keeps one adapter running, as a cluster would: one that ends is started anew.

The pause before a start is a second, and doubles while adapters end soon after they were started.
One that says it is misconfigured (exit code 78) is not started again: nothing but another manifest
would help. Nor is any, where `restart` is False: then its end is the end of the run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Final

from eventing_alibaba.cli.demo.adapter import Adapter
from eventing_alibaba.cli.main import MISCONFIGURED
from eventing_alibaba.contract.clock import now

_KEPT: Final = 20
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_LASTING: Final = 20.0


class Replica:
    """An adapter for one manifest, whichever process it is just now.

    Attributes:
        troubles: the latest complaints, oldest first; taken by whoever shows them.
        starts: how many processes there were.
        ended: done with the exit code when no further one will be started.
    """

    def __init__(self, manifest: Path, *, restart: bool) -> None:
        self._manifest = manifest
        self._restart = restart
        self._adapter: Adapter | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False
        self.troubles: deque[str] = deque(maxlen=_KEPT)
        self.starts = 0
        self.ended: asyncio.Future[int]

    @property
    def status_url(self) -> str | None:
        """Where the process that runs now tells its status; None: there is none, or not yet."""
        return self._adapter.status_url if self.running and self._adapter else None

    @property
    def metrics_url(self) -> str | None:
        """Likewise its metrics."""
        return self._adapter.metrics_url if self.running and self._adapter else None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._adapter is not None and not self._adapter.ended.done()

    async def start(self) -> None:
        """Start the first process."""
        self.ended = asyncio.get_running_loop().create_future()
        first = await self._begin()
        self._keeping = asyncio.create_task(self._keep(first), name="replica")

    async def stop(self) -> int:
        """Stop it in order; return the exit code of the last process."""
        if self._keeping is None:
            return 0
        self._stopping = True
        if self._adapter is not None and self.running:
            await self._adapter.stop()
            await self._keeping
        self._keeping.cancel()  # it may be in the pause before a start
        await asyncio.wait([self._keeping])
        if not self.ended.done():
            self.ended.set_result(0)
        return self.ended.result()

    def kill(self) -> None:
        """End the process at once."""
        if self._adapter is not None:
            self._adapter.kill()

    async def _begin(self) -> Adapter:
        self._adapter = Adapter(self._manifest, self.troubles)
        await self._adapter.start()
        self.starts += 1
        return self._adapter

    async def _keep(self, adapter: Adapter) -> None:
        pause = _PAUSE
        while True:
            began = now()
            code = await asyncio.shield(adapter.ended)
            if self._stopping or not self._restart or code == MISCONFIGURED:
                self.ended.set_result(code)
                return
            if now() - began > _LASTING:
                pause = _PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            adapter = await self._begin()

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        return f"<Replica {state}, {self.starts} starts>"
