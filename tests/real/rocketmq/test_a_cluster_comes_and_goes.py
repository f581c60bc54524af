"""A real cluster under 500 messages a second whose proxy or broker goes away, and large messages.

What goes away is killed. While the proxy is away the producer, who does not need it, goes on; while
the broker is away he waits for it. With `SOAK=1` it is away for half a minute, and how soon the
adapter notices both is held against its bounds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from tests.real.mns.adapters import until
from tests.real.rocketmq.place import Place
from tests.real.servers.rocketmq.admin import Written
from tests.real.servers.rocketmq.remoting import RefusedError
from tests.real.servers.rocketmq.server import Part, RocketServer
from tests.real.servers.started import started

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
SECONDS: Final = 30.0 if SOAK else 5.0
NOTICED, BACK = (5.0, 10.0) if SOAK else (30.0, 60.0)
"""Seconds until the adapter says that something is away, and that it is back."""
RATE: Final = 500
LARGE: Final = 4 * 1024 * 1024 - 4096
"""Bytes of the largest body: a broker takes 4 MiB, properties and all."""
RECOVERY: Final = 30.0
"""Seconds for which a broker that was killed may give out again what it forgot."""
FORGOTTEN: Final = 10 * RATE
"""What that may be: five seconds of offsets that it had not written; on a busy machine, ten."""


@pytest.fixture(scope="module")
def server() -> Iterator[RocketServer]:
    """A cluster of its own, as its parts are killed."""
    with started(RocketServer()) as server:
        yield server


@contextmanager
def _load(place: Place) -> Iterator[list[Written]]:
    """Send 500 messages a second meanwhile; the list has those that the broker has.

    What was under way when the broker died may be in it or not: it is sent no second time, and may
    arrive all the same.
    """
    sent: list[Written] = []
    stop = threading.Event()

    def run() -> None:
        begun, skipped = time.monotonic(), 0
        while not stop.wait(0.05):
            due = int((time.monotonic() - begun) * RATE) - len(sent) - skipped
            if due <= 0:
                continue
            try:
                sent.extend(place.send(due))
            except (OSError, RefusedError):
                skipped += due

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(60)


@pytest.mark.parametrize("part", ["proxy", "broker"])
def test_what_goes_away_is_told_and_got_over(server: RocketServer, part: Part) -> None:
    """Not ready within 5 s, ready within 10 s of its return, nothing lost, the same process."""
    place = Place(server, f"away-{part}")
    with SinkProcess() as sink, AdapterProcess(place.source(sink.url)) as adapter:
        adapter.wait_ready()
        process = adapter.pid
        with _load(place) as sent:
            sink.wait_delivered(RATE, timeout=30.0)
            gone = now()
            server.kill(part)
            adapter.wait_status(lambda status: not status["ready"], NOTICED)
            time.sleep(SECONDS - 1.0)
            server.start()
            away = now() - gone
            adapter.wait_status(lambda status: status["ready"], BACK)
            before = sink.stats()["delivered"]
            sink.wait_delivered(before + RATE, timeout=2 * BACK)
        until(lambda: place.backlog() == 0, 60.0, "all acknowledged")
        assert adapter.pid == process
        assert adapter.stop() == 0
        told = place.ledger(sent)
        known = {message.id for message in sent}
        if part == "broker":  # a proxy keeps nothing, so it has nothing to forget
            told.cause("broker restart", gone, lasting=away + RECOVERY)
        told.read(record for record in sink.records() if record.id in known)
    report = told.report()
    assert report.clean, report
    assert len(report.duplicates) <= FORGOTTEN, report


def test_large_messages_pass(server: RocketServer) -> None:
    """Of four mebibytes, beside small ones; each once, and to the byte."""
    place = Place(server, "large")
    with SinkProcess() as sink, AdapterProcess(place.source(sink.url)) as adapter:
        adapter.wait_ready()
        with _load(place) as sent:
            sink.wait_delivered(RATE, timeout=30.0)
            large = [message for _ in range(8) for message in place.send(1, size=LARGE)]
            sink.wait_delivered(2 * RATE, timeout=30.0)
        every = [*sent, *large]
        sink.wait_delivered(len(every), timeout=60.0)
        until(lambda: place.backlog() == 0, 30.0, "all acknowledged")
        assert adapter.stop() == 0
        told = place.ledger(every)
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
