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
from tests.real.mns.adapters import SOAK, Note, backlog, ledger, send, soon_visible, source, until

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
    mns: EmulatorProcess, record_property: Note
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
    record_property("extensions", mns.operations()["ChangeMessageVisibility"]["requests"])


def test_renewals_deletions_and_releases_never_cross(
    mns: EmulatorProcess, record_property: Note
) -> None:
    """Answers come before, while and after leases are extended or given back: none lost or twice.

    Some are accepted late, some refused for good and so released, and now and then the service
    wants to be left alone for a second, longer than a message may wait in the adapter.
    """
    mns.create_queue("races", visibility_timeout=2)
    told = ledger()
    send(mns, "races", MESSAGES, told)
    slow = tuple(
        Rule(answer=Answer(delay=delay), fraction=0.01, seed=number)
        for number, delay in enumerate((0.6, 0.66, 0.7, 0.75, 1.2, 1.4, 2.1, 2.6))
    )
    refused = Rule(answer=Answer(status=400), fraction=0.01, seed=20)
    busy = Rule(answer=Answer(status=429, retry_after=1), limit=20, fraction=60 / MESSAGES, seed=21)
    made = source(mns, "races", sink="", flow={"concurrency": CONCURRENCY})
    with SinkProcess(rules=(busy, refused, *slow)) as sink:
        made["spec"]["sink"] = {"uri": sink.url}
        with AdapterProcess(made) as adapter:
            sink.wait_delivered(int(MESSAGES * 0.97), timeout=PATIENCE)
            while backlog(mns, "races"):
                # What was released waits for half a minute or longer; all else is done with.
                until(lambda: not soon_visible(mns, "races"), 60.0, "nothing in hand")
                mns.age(3_600.0, "races")
            settled = adapter.status()["counters"]["settled"]
            assert adapter.stop() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
    assert settled["acked"] == MESSAGES, settled
    assert settled["released"] > MESSAGES // 200, settled
    assert not settled.get("lost"), settled
    requests = mns.operations()["ChangeMessageVisibility"]["requests"]
    assert requests > settled["released"], "no lease was extended"
    record_property("settled", settled)
    record_property("changes of visibility", requests)


def test_kills_and_failures_lose_nothing(mns: EmulatorProcess, record_property: Note) -> None:
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
    record_property("duplicates", len(report.duplicates))
    # On the wire, and answered and not yet deleted.
    assert len(report.duplicates) <= KILLS * 4 * CONCURRENCY, report


def test_a_stop_gives_back_what_was_not_sent_within_two_seconds(
    mns: EmulatorProcess, record_property: Note
) -> None:
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
    record_property("seconds until all was visible", round(took, 2))


def _stop(adapter: AdapterProcess) -> Callable[[], None]:
    """Begin a stop; the function that is returned waits for its end."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(adapter.stop()))
    thread.start()

    def ended() -> None:
        thread.join(30)
        assert codes == [0]

    return ended
