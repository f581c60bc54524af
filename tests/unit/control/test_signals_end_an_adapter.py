"""The first signal waits for what is under way, the second one does not: real processes."""

from __future__ import annotations

import os
import signal
import time

from tests.unit.control.conftest import MakeAdapter, MakeTopic

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess

SILENT = Answer(fault="never")


def under_way(adapter: AdapterProcess) -> AdapterProcess:
    """Return an adapter that holds one event, which is on the wire."""
    adapter.start().wait_ready()
    adapter.wait_status(lambda status: status["counters"]["held"] == 1)
    return adapter


def test_the_first_signal_waits_for_the_grace(adapter: MakeAdapter, topic: MakeTopic) -> None:
    """A sink that never answers is given `flow.grace`, then the process ends with 0."""
    with SinkProcess(default=SILENT) as sink:
        running = under_way(adapter(topic("1"), sink.ready["url"], flow={"grace": "PT1.5S"}))
        start = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - start >= 1.5


def test_the_second_signal_ends_the_process_at_once(adapter: MakeAdapter, topic: MakeTopic) -> None:
    """Whatever is under way: the exit code is the shell's for SIGTERM, long before the grace."""
    with SinkProcess(default=SILENT) as sink:
        running = under_way(adapter(topic("1"), sink.ready["url"], flow={"grace": "PT10M"}))
        assert running.pid is not None
        os.kill(running.pid, signal.SIGTERM)
        status = running.wait_status(lambda status: status["state"] == "draining")
        assert status["ready"] is False
        assert status["counters"]["held"] == 1
        assert running.stop(timeout=20) == 128 + signal.SIGTERM
        assert "a second signal" in running.log[-1]["msg"]
