"""Which core runs what.

A forwarder that may use every core is measured together with its neighbours: the idler the machine,
the more of the work happens elsewhere, and the figure of CPU per record says little. So the
forwarder gets the last core alone, as `wrk` does when it measures the sink, and broker, sink and
this program share the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of cores, as the kernel counts them."""

    forwarder: int
    others: frozenset[int]


def divide() -> Cores:
    """Give the last of the cores that this process may use to the forwarder.

    Raises:
        SystemExit: there is only one.
    """
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise SystemExit("the benchmark needs two cores: one for the forwarder, one for the rest")
    return Cores(available[-1], frozenset(available[:-1]))


@contextmanager
def pinned(cores: frozenset[int] | set[int]) -> Iterator[None]:
    """Let child processes that are started meanwhile run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
