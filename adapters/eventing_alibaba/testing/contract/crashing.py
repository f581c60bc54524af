"""The real command in a process of its own: killed in the middle, stopped, and pressed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, Final

import pytest

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.contract.expecting import ledger, left, need, remaining, until
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.sink import Answer, SinkProcess

_CONCURRENCY: Final = 32
_MIB: Final = 1024 * 1024
_OWN: Final = 12 * _MIB
"""What the process itself may take on its way from ready to busy: imports, buffers, connections."""


class Crashing:
    """`eventing-alibaba run`, from outside."""

    async def test_a_killed_process_loses_nothing(self, harness: Harness) -> None:
        """SIGKILL with requests on the wire: all arrives, in order, and few of it twice."""
        need(harness, "processes")
        sent = await harness.produce(harness.load)
        told = ledger(sent, harness.orderings[0], slack=0.5)
        patience = 2 * harness.patience + harness.load / 20
        with SinkProcess(default=Answer(delay=0.005)) as sink:
            with _adapter(harness, sink) as adapter:
                await _delivered(sink, len(sent) // 3, patience)
                told.cause("kill", now())
                adapter.kill()
                assert sink.stats()["delivered"] < len(sent), "it was killed too late"
                adapter.start()
                await _delivered(sink, len(sent), patience)
                # What the killed one had delivered and not acknowledged comes to this one, when its
                # leases end: there must be somebody to take it.
                await left(harness, 0)
                assert await asyncio.to_thread(adapter.stop) == 0
            told.read(sink.records())
        report = told.report()
        assert report.clean, report
        if harness.repeated_by_crash is not None:
            assert len(report.duplicates) <= _CONCURRENCY + harness.repeated_by_crash, report

    async def test_a_stopped_process_has_acknowledged_all_that_was_delivered(
        self, harness: Harness
    ) -> None:
        """SIGTERM under load: exit code 0, and what the broker still has was not delivered."""
        need(harness, "processes")
        sent = await harness.produce(harness.load)
        told = ledger(sent, harness.orderings[0])
        patience = harness.patience + harness.load / 20
        with SinkProcess(default=Answer(delay=0.005)) as sink:
            with _adapter(harness, sink) as adapter:
                await _delivered(sink, len(sent) // 3, patience)
                assert await asyncio.to_thread(adapter.stop) == 0
            told.read(sink.records())
            accepted = {record.id for record in sink.records() if record.status == 204}
        assert len(accepted) < len(sent), "it was stopped too late"
        assert await harness.backlog() == len(remaining(sent, accepted))
        report = told.report()
        assert not report.duplicates, report
        assert not report.reordered, report
        assert not report.overlaps, report

    async def test_a_process_that_was_frozen_does_no_harm(self, harness: Harness) -> None:
        """One that stood still so long that its messages were given to another lets go of them.

        What it still believed to hold may come twice, and nothing is lost or acknowledged wrongly.
        """
        need(harness, "processes", "share", "takeover")
        sent = [*await harness.produce(harness.load)]
        patience = 2 * harness.patience + harness.load / 20
        causes: list[tuple[str, float]] = []
        with (
            SinkProcess(default=Answer(delay=0.005)) as sink,
            _adapter(harness, sink) as frozen,
            _adapter(harness, sink) as other,
        ):
            for adapter in (frozen, other):
                await asyncio.to_thread(adapter.wait_ready, harness.patience)
            sent += await harness.produce(harness.load)
            await _delivered(sink, len(sent) // 3, patience)
            assert frozen.pid is not None
            causes.append(("freeze", now()))
            os.kill(frozen.pid, signal.SIGSTOP)
            await _delivered(sink, len(sent), patience)
            causes.append(("thaw", now()))
            os.kill(frozen.pid, signal.SIGCONT)
            sent += await harness.produce(harness.load)
            await _delivered(sink, len(sent), patience)
            await left(harness, 0)
            for adapter in (frozen, other):
                assert await asyncio.to_thread(adapter.stop) == 0
            told = ledger(sent, harness.orderings[0], slack=0.5)
            told.read(sink.records())
        for kind, at in causes:
            told.cause(kind, at)
        report = told.report()
        assert report.clean, report
        await left(harness, 0)

    async def test_a_silent_service_bounds_the_memory_of_the_process(
        self, harness: Harness
    ) -> None:
        """However much waits, a process holds `flow.maxBytes`, its client's own, and a little.

        Bounds on numbers are set so high that bytes alone decide.
        """
        need(harness, "processes", "volume")
        most, size = 4 * _MIB, 64 * 1024
        count = 4 * (most + harness.client_bytes + _OWN) // size
        with (
            SinkProcess(default=Answer(fault="never")) as sink,
            _adapter(
                harness, sink, maxBytes=most, maxBuffered=65_536, maxUncommitted=1_000_000
            ) as adapter,
        ):
            await asyncio.to_thread(adapter.wait_ready, harness.patience)
            before = _resident(adapter)
            await harness.produce(count, size=size)
            await asyncio.to_thread(sink.wait_recorded, 1, timeout=harness.patience)
            await _steady(adapter, harness.patience)
            grown = _peak(adapter) - before
        assert grown < most + harness.client_bytes + _OWN, f"{grown / _MIB:.1f} MiB more"


def _adapter(harness: Harness, sink: SinkProcess, **flow: Any) -> AdapterProcess:
    spec = {
        **harness.spec(harness.orderings[0]),
        "sink": {"uri": sink.url},
        "delivery": {"backoffDelay": "PT0.1S", "backoffMax": "PT1S"},
        "flow": {"concurrency": _CONCURRENCY, **flow},
    }
    found = manifest(harness.kind, spec, name="contract")
    return AdapterProcess(found, environ=harness.environ)


async def _delivered(sink: SinkProcess, count: int, patience: float) -> None:
    await asyncio.to_thread(sink.wait_delivered, count, timeout=patience)


async def _steady(adapter: AdapterProcess, patience: float) -> None:
    """Wait until nothing more has been received for a second."""
    seen: list[int] = []

    async def settled() -> bool:
        status = await asyncio.to_thread(adapter.status)
        seen.append(status["counters"]["received"])
        return len(seen) > 100 and len(set(seen[-100:])) == 1

    await until(settled, patience=patience, what="a steady number of received messages")


def _resident(adapter: AdapterProcess) -> int:
    return _memory(adapter, "VmRSS")


def _peak(adapter: AdapterProcess) -> int:
    return _memory(adapter, "VmHWM")


def _memory(adapter: AdapterProcess, name: str) -> int:
    """Return bytes as Linux counts them; elsewhere the test is skipped."""
    path = Path(f"/proc/{adapter.pid}/status")
    if not path.exists():
        pytest.skip("how much memory a process has is read from /proc, which is not here")
    (line,) = [line for line in path.read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024
