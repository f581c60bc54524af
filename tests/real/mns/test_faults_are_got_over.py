"""Each fault of the service, for a while, under 500 messages a second.

Nothing is lost, the adapter is not ready within 5 s and ready again within 10 s of the fault's end,
with the backlog falling, and it says little. `SOAK=1` makes each fault last half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.real.mns.adapters import SOAK, Note, backlog, ledger, load, source, until

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.sink import SinkProcess

pytestmark = pytest.mark.soak

SECONDS: Final = 30.0 if SOAK else 6.0
RATE: Final = 500
_QUEUE: Final = "faulty"
_SETTLED: Final = 600
"""A backlog that a delivery in progress may have."""

_ROLE: Final = "STS.role"

Act = Callable[[EmulatorProcess], None]


def _fault(**how: Any) -> Act:
    return lambda mns: mns.fail(**how)


FAULTS: Final[dict[str, tuple[Act, Act]]] = {
    "throttling": (_fault(error="QpsLimitExceeded"), EmulatorProcess.heal),
    "errors": (_fault(error="InternalError"), EmulatorProcess.heal),
    "resets": (_fault(cut="reset"), EmulatorProcess.heal),
    "half answers": (_fault(cut="half"), EmulatorProcess.heal),
    "key removed": (lambda mns: mns.remove_key("test"), lambda mns: mns.add_key("test", "test")),
    "away": (EmulatorProcess.refuse, EmulatorProcess.accept),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_got_over(mns: EmulatorProcess, name: str, record_property: Note) -> None:
    """Said while it lasts, healed without a restart, and nothing lost."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    _get_over(mns, *FAULTS[name], note=record_property)


def test_a_token_that_expired_is_got_over(
    mns: EmulatorProcess, tmp_path: Path, record_property: Note
) -> None:
    """An STS token that ends before there is a new one: that is found where it is written."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    token = tmp_path / "token"
    token.write_text("first")
    mns.add_key(_ROLE, "secret", token="first")

    def renew(mns: EmulatorProcess) -> None:
        mns.add_key(_ROLE, "secret", token="second")
        token.write_text("second")

    auth = {
        "accessKeyId": {"value": _ROLE},
        "accessKeySecret": {"value": "secret"},
        "securityToken": {"file": str(token)},
    }
    _get_over(mns, lambda mns: mns.expire_key(_ROLE), renew, note=record_property, auth=auth)


def _get_over(mns: EmulatorProcess, begin: Act, end: Act, *, note: Note, **spec: Any) -> None:
    """Have a fault begin and end under load, and see to what the module promises."""
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url, **spec)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(mns, _QUEUE, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            lines = len(adapter.log)
            begun = time.monotonic()
            begin(mns)
            adapter.wait_status(lambda status: not status["ready"], 5.0)
            note("seconds until not ready", round(time.monotonic() - begun, 2))
            time.sleep(SECONDS - (time.monotonic() - begun))
            said = len(adapter.log) - lines
            ended = time.monotonic()
            end(mns)
            before = backlog(mns, _QUEUE)
            adapter.wait_status(lambda status: status["ready"], 10.0)
            note("seconds until ready", round(time.monotonic() - ended, 2))
            until(lambda: backlog(mns, _QUEUE) < max(before, _SETTLED), 10.0, "a falling backlog")
            note("seconds until the backlog fell", round(time.monotonic() - ended, 2))
        note("lines said", said)
        assert said <= SECONDS + 4, list(adapter.log)[-said:]
        sink.wait_delivered(len(set(ids)), timeout=60.0)
        until(lambda: backlog(mns, _QUEUE) == 0, 30.0, "all acknowledged")
        assert adapter.pid == process
        assert adapter.stop() == 0
        told = ledger(ids)
        told.read(sink.records())
    report = told.report()
    note("sent", len(ids))
    note("duplicates", len(report.duplicates))
    assert report.clean, report


def test_a_wrong_clock_is_no_fault(mns: EmulatorProcess, record_property: Note) -> None:
    """Twenty minutes off from one moment to the next: delivery goes on, ready all the time."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url)) as adapter:
        adapter.wait_ready()
        with load(mns, _QUEUE, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            lines = len(adapter.log)
            for skew in (1200.0, -1200.0):
                mns.skew(skew)
                sent, end = len(ids), time.monotonic() + SECONDS / 2
                sink.wait_delivered(sent + RATE, timeout=10.0)
                while time.monotonic() < end:
                    assert adapter.status()["ready"]
                    time.sleep(0.2)
            said = len(adapter.log) - lines
        sink.wait_delivered(len(ids), timeout=30.0)
        told = ledger(ids)
        told.read(sink.records())
    report = told.report()
    record_property("sent", len(ids))
    record_property("lines said", said)
    assert report.clean, report
    assert not report.duplicates, report
    assert said <= SECONDS


def test_a_queue_that_was_deleted_is_waited_for(
    mns: EmulatorProcess, record_property: Note
) -> None:
    """Made anew, what is sent to it then is delivered; what was deleted is nobody's."""
    mns.create_queue(_QUEUE, visibility_timeout=10)
    with SinkProcess() as sink, AdapterProcess(source(mns, _QUEUE, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(mns, _QUEUE, RATE) as before:
            sink.wait_delivered(RATE, timeout=20.0)
        until(lambda: backlog(mns, _QUEUE) == 0, 10.0, "all acknowledged")
        lines, begun = len(adapter.log), time.monotonic()
        mns.delete_queue(_QUEUE)
        adapter.wait_status(lambda status: not status["ready"], 5.0)
        record_property("seconds until not ready", round(time.monotonic() - begun, 2))
        time.sleep(SECONDS - (time.monotonic() - begun))
        said, ended = len(adapter.log) - lines, time.monotonic()
        mns.create_queue(_QUEUE, visibility_timeout=10)
        with load(mns, _QUEUE, RATE) as after:
            adapter.wait_status(lambda status: status["ready"], 10.0)
            record_property("seconds until ready", round(time.monotonic() - ended, 2))
            sink.wait_delivered(len(before) + RATE, timeout=10.0)
        assert said <= SECONDS + 4, list(adapter.log)[-said:]
        sink.wait_delivered(len(before) + len(after), timeout=30.0)
        until(lambda: backlog(mns, _QUEUE) == 0, 30.0, "all acknowledged")
        assert adapter.pid == process
        told = ledger([*before, *after])
        told.read(sink.records())
    record_property("lines said", said)
    assert told.report().clean, told.report()
