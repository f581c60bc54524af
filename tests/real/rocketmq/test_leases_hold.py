"""Services slower than a lease, and a stop: nothing twice, and given back at once."""

from __future__ import annotations

import os
from typing import Final

import pytest
from tests.real.mns.adapters import until
from tests.real.rocketmq.place import Place
from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
SLOW: Final = 90.0 if SOAK else 22.0
INVISIBLE: Final = 30 if SOAK else 10


@pytest.mark.parametrize("fifo", [False, True], ids=["normal", "fifo"])
def test_a_service_slower_than_a_lease_gets_each_event_once(
    rocketmq_server: RocketServer, *, fifo: bool
) -> None:
    """Leases are extended again and again; of a FIFO topic one event a queue at a time."""
    count = 4 if fifo else 24  # two rounds: requests at once begin with eight, and double
    place = Place(rocketmq_server, "slow", fifo=fifo)
    told = place.ledger(place.send(count))
    fields = {"flow": {"concurrency": 128}, "invisibleDuration": f"PT{INVISIBLE}S"}
    with (
        SinkProcess(default=Answer(delay=SLOW)) as sink,
        AdapterProcess(place.source(sink.url, **fields)),
    ):
        sink.wait_delivered(count, timeout=4 * SLOW)
        until(lambda: place.backlog() == 0, 10.0, "all acknowledged")
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
