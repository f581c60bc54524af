"""Each fault of the service, for a while, under 500 messages a second, on the emulator.

Nothing is lost; what keeps messages from arriving is told within 5 s, and the adapter is ready
again within 10 s of the fault's end, its backlog falling, in the same process, having said little.
`SOAK=1` makes each fault last half a minute. Most of it a real cluster cannot be made to do; what
it can is in `test_a_cluster_comes_and_goes`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.real.mns.adapters import ledger, until
from tests.real.rocketmq.adapters import backlog, load, source

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess
from eventing_alibaba.testing.sink import SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
SECONDS: Final = 30.0 if SOAK else 4.0
RATE: Final = 500
TOPIC: Final = "faulty"
_SETTLED: Final = 600
"""A backlog that a delivery in progress may have."""

Act = Callable[[EmulatorProcess], None]


def _fault(*faults: dict[str, Any]) -> Act:
    def begin(rocketmq: EmulatorProcess) -> None:
        for how in faults:
            rocketmq.fail(**how)

    return begin


def _telemetry(rocketmq: EmulatorProcess) -> None:
    rocketmq.fail("Telemetry", grpc="UNAVAILABLE")
    rocketmq.cut_telemetry()
    rocketmq.forget_clients()


def _expire(rocketmq: EmulatorProcess) -> None:
    rocketmq.remove_key("test")


def _renew(rocketmq: EmulatorProcess) -> None:
    rocketmq.add_key("test", "test")


# What stops delivery: it must be told.
STOPPING: Final[dict[str, tuple[Act, Act]]] = {
    "proxy away": (EmulatorProcess.refuse, EmulatorProcess.accept),
    "throttling": (_fault({"error": "TOO_MANY_REQUESTS"}), EmulatorProcess.heal),
    "telemetry refused": (_telemetry, EmulatorProcess.heal),
    "topic not found": (
        _fault(
            {"operation": "QueryRoute", "error": "TOPIC_NOT_FOUND"},
            {"operation": "ReceiveMessage", "error": "TOPIC_NOT_FOUND"},
        ),
        EmulatorProcess.heal,
    ),
    "unknown key": (_expire, _renew),
}

# What delivery goes on beside: nobody need be told.
PASSING: Final[dict[str, Act]] = {
    "telemetry cut": lambda rocketmq: _discard(rocketmq.cut_telemetry()),
    "forgotten client": EmulatorProcess.forget_clients,
    "proxy restart": EmulatorProcess.restart,
    "acks that fail in part": _fault(
        {"operation": "AckMessage", "error": "INTERNAL_SERVER_ERROR", "items": True}
        | {"probability": 0.3}
    ),
    "half receives": _fault({"operation": "ReceiveMessage", "half": True, "probability": 0.2}),
}


def _discard(_: object) -> None:
    """Leave an answer alone."""


@pytest.fixture
def rocketmq() -> Any:
    """An emulator for this test alone, with a topic."""
    with EmulatorProcess(topics=[TOPIC], groups=[TOPIC]) as emulator:
        yield emulator


@pytest.mark.parametrize("name", STOPPING)
def test_a_fault_that_stops_delivery_is_told_and_got_over(
    rocketmq: EmulatorProcess, name: str
) -> None:
    """Said while it lasts, healed without a restart, and nothing lost."""
    begin, end = STOPPING[name]
    with SinkProcess() as sink, AdapterProcess(source(rocketmq, TOPIC, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(rocketmq, TOPIC, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            lines = len(adapter.log)
            begin(rocketmq)
            adapter.wait_status(lambda status: not status["ready"], 5.0)
            time.sleep(SECONDS - 1.0)
            said = len(adapter.log) - lines
            end(rocketmq)
            before = backlog(rocketmq, TOPIC)
            adapter.wait_status(lambda status: status["ready"], 10.0)
            limit = max(before, _SETTLED)
            until(lambda: backlog(rocketmq, TOPIC) < limit, 10.0, "a falling backlog")
        assert said <= SECONDS + 4, list(adapter.log)[-said:]
        _all_arrived(rocketmq, adapter, sink, ids, process)


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_beside_delivery_costs_nothing(rocketmq: EmulatorProcess, name: str) -> None:
    """While it lasts messages arrive; afterwards all are acknowledged, and nothing is lost."""
    begin = PASSING[name]
    with SinkProcess() as sink, AdapterProcess(source(rocketmq, TOPIC, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(rocketmq, TOPIC, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            end = time.monotonic() + SECONDS
            begin(rocketmq)
            while time.monotonic() < end:
                before = sink.stats()["delivered"]
                sink.wait_delivered(before + RATE // 2, timeout=10.0)
            rocketmq.heal()
        _all_arrived(rocketmq, adapter, sink, ids, process)


def test_handles_that_expire_in_flight_lose_nothing(rocketmq: EmulatorProcess) -> None:
    """Leases end sooner than was asked for: acknowledged late, delivered again, none lost."""
    with SinkProcess() as sink, AdapterProcess(source(rocketmq, TOPIC, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(rocketmq, TOPIC, RATE) as ids:
            sink.wait_delivered(RATE // 2, timeout=20.0)
            rocketmq.fail("ReceiveMessage", invisible=0.001)
            time.sleep(SECONDS)
            rocketmq.heal()
        _all_arrived(rocketmq, adapter, sink, ids, process)


def test_messages_of_four_mebibytes_pass(rocketmq: EmulatorProcess) -> None:
    """As large as RocketMQ takes them, beside small ones, and no more than the buffer at once."""
    with SinkProcess() as sink, AdapterProcess(source(rocketmq, TOPIC, sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with load(rocketmq, TOPIC, RATE) as ids:
            large = [i for n in range(8) for i in rocketmq.send(TOPIC, [f"{n}" * (4 << 20)])]
            sink.wait_delivered(RATE * 2, timeout=30.0)
        _all_arrived(rocketmq, adapter, sink, [*ids, *large], process)


def test_a_topic_that_is_made_later_is_waited_for(rocketmq: EmulatorProcess) -> None:
    """Deleted and made anew, what is sent to it then is delivered."""
    with SinkProcess() as sink, AdapterProcess(source(rocketmq, TOPIC, sink.url)) as adapter:
        adapter.wait_ready()
        rocketmq.send(TOPIC, ["x"] * 100)
        sink.wait_delivered(100, timeout=20.0)
        until(lambda: backlog(rocketmq, TOPIC) == 0, 10.0, "all acknowledged")
        rocketmq.delete_topic(TOPIC)
        adapter.wait_status(lambda status: not status["ready"], 5.0)
        time.sleep(SECONDS)
        rocketmq.create_topic(TOPIC)
        rocketmq.send(TOPIC, ["y"] * 100)
        adapter.wait_status(lambda status: status["ready"], 10.0)
        sink.wait_delivered(200, timeout=20.0)


def _all_arrived(
    rocketmq: EmulatorProcess,
    adapter: AdapterProcess,
    sink: SinkProcess,
    ids: list[str],
    process: int | None,
) -> None:
    sink.wait_delivered(len(set(ids)), timeout=60.0)
    until(lambda: backlog(rocketmq, TOPIC) == 0, 40.0, "all acknowledged")
    assert adapter.pid == process
    assert adapter.stop() == 0
    told = ledger(ids)
    told.read(sink.records())
    assert told.report().clean, told.report()
