"""A real cluster, an adapter that is killed again and again, and a service that fails.

The size here is what fits into a continuous integration run; `SOAK=1` is the full one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Final

import pytest
from tests.real.rocketmq.place import QUEUES, Place
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.started import started

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
MESSAGES: Final = 100_000 if SOAK else 5_000
FIFO_MESSAGES: Final = 20_000 if SOAK else 1_000
KILLS: Final = 10 if SOAK else 3  # each costs the ten seconds until what was received comes again
PATIENCE: Final = 1_800.0 if SOAK else 120.0
CONCURRENCY: Final = 64
HELD: Final = 2 * CONCURRENCY
"""Messages in an adapter's hands: twice what is on the wire."""
FORGOTTEN: Final = 10_000
"""What a killed broker may hand out again: five seconds of offsets that it had not written."""
RECOVERY: Final = 30.0
"""Seconds for which a broker that is back may give out a message twice: from its queue, because it
forgot that it had been received, and once more because nobody acknowledged it before the kill."""

FAILURES: Final = (
    Rule(answer=Answer(status=500), fraction=0.02, seed=1),
    Rule(answer=Answer(status=503), fraction=0.015, seed=2),
    Rule(answer=Answer(fault="reset"), fraction=0.015, seed=3),
)
FIELDS: Final = {
    "delivery": {"retry": 1_000, "backoffDelay": "PT0.05S", "backoffMax": "PT0.5S"},
    "flow": {"concurrency": CONCURRENCY},
}


@pytest.fixture(scope="module")
def server() -> Iterator[RocketServer]:
    """A cluster of its own, because its broker is killed."""
    with started(RocketServer(quick=not SOAK)) as server:
        yield server


def _goal(count: int, number: int, chance: random.Random) -> int:
    """Return after how many deliveries the kill of this number comes."""
    return int(count * (number + 0.5 + chance.random() / 2) / (KILLS + 1))


def test_kills_failures_and_a_broker_restart_lose_nothing(server: RocketServer) -> None:
    """SIGKILL under load, one in twenty requests failing, the broker killed in between."""
    place = Place(server, "kills")
    told = place.ledger(place.send(MESSAGES))
    chance = random.Random(7)
    with (
        SinkProcess(default=Answer(delay=0.005), rules=FAILURES) as sink,
        AdapterProcess(place.source(sink.url, **FIELDS)) as adapter,
    ):
        for number in range(KILLS):
            sink.wait_delivered(_goal(MESSAGES, number, chance), timeout=PATIENCE)
            told.cause("kill", now())
            adapter.kill()
            if number == KILLS // 2:
                server.kill("broker")
                server.start()
                told.cause("broker restart", now(), lasting=RECOVERY)
            adapter.start()
        sink.wait_delivered(MESSAGES, timeout=PATIENCE)
        assert adapter.stop() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert len(report.duplicates) <= KILLS * 2 * HELD + FORGOTTEN, report


def test_a_fifo_topic_keeps_its_order_through_kills_and_failures(server: RocketServer) -> None:
    """Per queue, whatever fails, is redelivered or killed: each event after the one before it."""
    place = Place(server, "fifo-kills", fifo=True)
    told = place.ledger(place.send(FIFO_MESSAGES))
    chance = random.Random(11)
    with (
        SinkProcess(rules=FAILURES) as sink,
        AdapterProcess(place.source(sink.url, **FIELDS)) as adapter,
    ):
        for number in range(KILLS):
            sink.wait_delivered(_goal(FIFO_MESSAGES, number, chance), timeout=PATIENCE)
            told.cause("kill", now())
            adapter.kill()
            adapter.start()
        sink.wait_delivered(FIFO_MESSAGES, timeout=PATIENCE)
        assert adapter.stop() == 0
        assert place.backlog() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert len(report.duplicates) <= KILLS * QUEUES * HELD, report


def test_a_fifo_topic_goes_on_in_order_past_its_dead_letters(server: RocketServer) -> None:
    """What is refused for good holds up its queue, goes to the group's dead letters, and no more.

    With `onExhausted: release`, which is the default, the broker counts and moves it; here at the
    first redelivery, half a minute later.
    """
    place = Place(server, "fifo-dead", fifo=True, queues=2, retries=0)
    told = place.ledger()
    written = place.send(40)
    refused = {written[4].id, written[5].id}
    for message in written:
        if message.id not in refused:
            told.sent(message.id, lane=str(message.queue))
    rules = [Rule(answer=Answer(status=400), match={"id": identity}) for identity in refused]
    with SinkProcess(rules=rules) as sink, AdapterProcess(place.source(sink.url)) as adapter:
        sink.wait_delivered(38, timeout=45.0)
        assert adapter.stop() == 0
        told.read(record for record in sink.records() if record.id not in refused)
    assert told.report().clean, told.report()
    assert place.admin.dead_letters(place.name) == 2
    assert place.backlog() == 0
