"""Leases under slow services, kills and stops: nothing lost, and twice only where it must be.

The size here is what fits into a continuous integration run; `SOAK=1` is the full one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

import pytest
from tests.real.mns.adapters import SOAK, backlog, ledger, send, source, until

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess

pytestmark = pytest.mark.soak

SLOW: Final = 90.0 if SOAK else 9.0
VISIBILITY: Final = 30 if SOAK else 3
MESSAGES: Final = 100_000 if SOAK else 5_000
KILLS: Final = 10 if SOAK else 3
PATIENCE: Final = 1_800.0 if SOAK else 120.0
CONCURRENCY: Final = 64
FAILURES: Final = (
    Rule(answer=Answer(status=500), fraction=0.02, seed=1),
    Rule(answer=Answer(status=503), fraction=0.015, seed=2),
    Rule(answer=Answer(fault="reset"), fraction=0.015, seed=3),
)
_RETRY: Final = {"retry": 1_000, "backoffDelay": "PT0.05S", "backoffMax": "PT0.5S"}


def test_a_service_three_times_slower_than_a_lease_gets_each_event_once(
    mns: EmulatorProcess,
) -> None:
    """Leases are extended again and again: no duplicate, and the broker counts one attempt."""
    mns.create_queue("slow", visibility_timeout=VISIBILITY)
    told = ledger()
    send(mns, "slow", 100, told)
    with (
        SinkProcess(default=Answer(delay=SLOW)) as sink,
        AdapterProcess(source(mns, "slow", sink.url, flow={"concurrency": 128})),
    ):
        sink.wait_delivered(100, timeout=10 * SLOW)
        until(lambda: backlog(mns, "slow") == 0, 10.0, "all acknowledged")
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report


def test_renewals_and_deletions_never_cross(mns: EmulatorProcess) -> None:
    """Answers come before, while and after leases are extended: none lost, none twice."""
    mns.create_queue("races", visibility_timeout=2)
    told = ledger()
    send(mns, "races", MESSAGES, told)
    delays = tuple(
        Rule(answer=Answer(delay=delay), fraction=0.01, seed=number)
        for number, delay in enumerate((0.6, 0.66, 0.7, 0.75, 1.2, 1.4, 2.1, 2.6))
    )
    with (
        SinkProcess(rules=delays) as sink,
        AdapterProcess(
            source(mns, "races", sink.url, flow={"concurrency": CONCURRENCY})
        ) as adapter,
    ):
        sink.wait_delivered(MESSAGES, timeout=PATIENCE)
        until(lambda: backlog(mns, "races") == 0, 10.0, "all acknowledged")
        assert adapter.stop() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
    assert mns.operations()["ChangeMessageVisibility"]["requests"] > 10


def test_kills_and_failures_lose_nothing(mns: EmulatorProcess) -> None:
    """SIGKILL under load with one in twenty requests failing: all arrives, few of it twice."""
    mns.create_queue("kills", visibility_timeout=3)
    told = ledger()
    send(mns, "kills", MESSAGES, told)
    chance = random.Random(7)
    made = {"delivery": _RETRY, "flow": {"concurrency": CONCURRENCY}}
    with (
        SinkProcess(default=Answer(delay=0.005), rules=FAILURES) as sink,
        AdapterProcess(source(mns, "kills", sink.url, **made)) as adapter,
    ):
        for number in range(KILLS):
            goal = int(MESSAGES * (number + 0.5 + chance.random() / 2) / (KILLS + 1))
            sink.wait_delivered(goal, timeout=PATIENCE)
            told.cause("kill", now())
            adapter.kill()
            adapter.start()
        sink.wait_delivered(MESSAGES, timeout=PATIENCE)
        until(lambda: backlog(mns, "kills") == 0, 10.0, "all acknowledged")
        assert adapter.stop() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    # On the wire, and answered and not yet deleted.
    assert len(report.duplicates) <= KILLS * 4 * CONCURRENCY, report


def test_a_stop_gives_back_what_was_not_sent_within_two_seconds(mns: EmulatorProcess) -> None:
    """SIGTERM with a service that does not answer: the rest is there for others at once."""
    mns.create_queue("stop", visibility_timeout=60)
    mns.send("stop", ["x"] * 400)
    made = source(mns, "stop", "", flow={"concurrency": 8, "grace": "PT5S"})
    with SinkProcess(default=Answer(fault="never")) as sink:
        made["spec"]["sink"] = {"uri": sink.url}
        with AdapterProcess(made) as adapter:
            sink.wait_recorded(1, timeout=20.0)
            until(lambda: mns.counts("stop")["inactive"] > 8, 10.0, "messages received ahead")
            time.sleep(0.5)
            stopping = _stop(adapter)
            on_the_wire = sink.stats()["records"]
            took = until(
                lambda: mns.counts("stop")["active"] >= 400 - on_the_wire, 2.0, "all visible"
            )
            stopping()
    assert took <= 2.0


def _stop(adapter: AdapterProcess) -> Callable[[], None]:
    """Begin a stop; the function that is returned waits for its end."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(adapter.stop()))
    thread.start()

    def ended() -> None:
        thread.join(30)
        assert codes == [0]

    return ended
