"""A forwarder under measurement, seen from outside.

Everything is read from the kernel's books of the process and its descendants: CPU time from
`/proc/PID/stat` (its ticks are cut from a sum kept in nanoseconds, so only reading them is coarse),
peak memory from the high-water mark of each process's resident set. A forwarder needs no probe, no
metrics endpoint and no cooperation.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import pinned
from benchmarks.peer import Start
from tests.real.servers.process import ServerProcess

_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree has used since it was started."""

    cpu: float
    """User and system time, in seconds."""
    peak_rss: int
    """Sum of the largest resident sets, in bytes."""


class Forwarder:
    """A running forwarder, alone on its core.

    Attributes:
        started: `time.monotonic()` just before the process was made.
    """

    def __init__(self, start: Start, *, folder: Path, core: int) -> None:
        self.started = time.monotonic()
        with pinned({core}):
            self._process = ServerProcess(
                start.command,
                log=folder / "forwarder.log",
                cwd=folder,
                env={**os.environ, **start.env},
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.alive

    def tail(self) -> str:
        """The last lines of what it has printed."""
        return self._process.tail()

    def usage(self) -> Usage:
        """CPU time and peak memory so far, of the process and all its descendants."""
        cpu, rss = 0.0, 0
        for pid in _tree(self._process.pid):
            try:
                cpu += _cpu(pid)
                rss += _peak_rss(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended since; its parent's books have its CPU time
        return Usage(cpu, rss)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what is left of the tree after 20 seconds."""
        family = list(_tree(self._process.pid))
        self._process.stop(seconds=_PATIENCE)
        for pid in family[1:]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _cpu(pid: int) -> float:
    # The name in parentheses may hold blanks. User, system, and both of children that have ended.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK


def _peak_rss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0  # a process that has just ended has no memory
