"""Each fault of the service, for a while, under 500 messages a second.

Nothing is lost, the adapter is not ready within 5 s and ready again within 10 s of the fault's end,
with the backlog falling, and it says little. `SOAK=1` makes each fault last half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.real.mns.adapters import SOAK, backlog, ledger, load, source, until

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.sink import SinkProcess

pytestmark = pytest.mark.soak

SECONDS: Final = 30.0 if SOAK else 6.0
RATE: Final = 500
_QUEUE: Final = "faulty"
_SETTLED: Final = 600
"""A backlog that a delivery in progress may have."""

Act = Callable[[EmulatorProcess], None]


def _fault(**how: Any) -> Act:
    return lambda mns: mns.fail(**how)


def _expire(mns: EmulatorProcess) -> None:
    mns.remove_key("test")


def _renew(mns: EmulatorProcess) -> None:
    mns.add_key("test", "test")


FAULTS: Final[dict[str, tuple[Act, Act]]] = {
    "throttling": (_fault(error="QpsLimitExceeded"), EmulatorProcess.heal),
    "errors": (_fault(error="InternalError"), EmulatorProcess.heal),
    "resets": (_fault(cut="reset"), EmulatorProcess.heal),
    "half answers": (_fault(cut="half"), EmulatorProcess.heal),
    "expired key": (_expire, _renew),
    "away": (EmulatorProcess.refuse, EmulatorProcess.accept),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_got_over(mns: EmulatorProcess, name: str) -> None:
    """Said while it lasts, healed without a restart, and nothing lost."""
    begin, end = FAULTS[name]
    mns.create_queue(_QUEUE, visibility_timeout=10)
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(mns, _QUEUE, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            lines = len(adapter.log)
            begin(mns)
            adapter.wait_status(lambda status: not status["ready"], 5.0)
            time.sleep(SECONDS - 1.0)
            said = len(adapter.log) - lines
            end(mns)
            before = backlog(mns, _QUEUE)
            adapter.wait_status(lambda status: status["ready"], 10.0)
            until(lambda: backlog(mns, _QUEUE) < max(before, _SETTLED), 10.0, "a falling backlog")
        assert said <= SECONDS + 4, list(adapter.log)[-said:]
        sink.wait_delivered(len(set(ids)), timeout=60.0)
        until(lambda: backlog(mns, _QUEUE) == 0, 30.0, "all acknowledged")
        assert adapter.pid == process
        assert adapter.stop() == 0
        told = ledger(ids)
        told.read(sink.records())
    assert told.report().clean, told.report()


def test_a_wrong_clock_is_no_fault(mns: EmulatorProcess) -> None:
    """Twenty minutes off from one moment to the next: delivery goes on, ready all the time."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url)) as adapter:
        adapter.wait_ready()
        with load(mns, _QUEUE, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            mns.skew(1200.0)
            sink.wait_delivered(RATE * 3, timeout=20.0)
            assert adapter.status()["ready"]
        sink.wait_delivered(len(ids), timeout=30.0)
        told = ledger(ids)
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report


def test_a_queue_that_was_deleted_is_waited_for(mns: EmulatorProcess) -> None:
    """Made anew, what is sent to it then is delivered; what was deleted is nobody's."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url)) as adapter:
        adapter.wait_ready()
        mns.send(_QUEUE, ["x"] * 100)
        sink.wait_delivered(100, timeout=20.0)
        until(lambda: backlog(mns, _QUEUE) == 0, 10.0, "all acknowledged")
        mns.delete_queue(_QUEUE)
        adapter.wait_status(lambda status: not status["ready"], 15.0)
        time.sleep(SECONDS)
        mns.create_queue(_QUEUE)
        mns.send(_QUEUE, ["y"] * 100)
        adapter.wait_status(lambda status: status["ready"], 10.0)
        sink.wait_delivered(200, timeout=20.0)
