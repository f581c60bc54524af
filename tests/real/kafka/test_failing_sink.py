"""A service that fails every twentieth request, in every way there is, and an adapter that crashes.

The size here is what fits into a continuous integration run; `SOAK=1` is the full one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Final

import pytest
from tests.contract.kafka import KafkaHarness
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.contract.expecting import ledger
from eventing_alibaba.testing.ledger import Ordering
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
RECORDS: Final = 200_000 if SOAK else 20_000
KILLS: Final = 10 if SOAK else 3  # each costs the ten seconds until the broker misses the dead one
PARTITIONS: Final = 4
CONCURRENCY: Final = 64
UNCOMMITTED: Final = 1_000
COMMIT_RECORDS: Final = 1_000
ORDERINGS: Final = ("ordered", "keyed", "unordered") if SOAK else ("ordered", "unordered")
PATIENCE: Final = 1_800.0 if SOAK else 300.0

# One in twenty together. A request that hangs holds up its partition for as long as the adapter
# waits for an answer, so these are fewer.
FAILURES: Final = (
    Rule(answer=Answer(status=500), fraction=0.015, seed=1),
    Rule(answer=Answer(status=429), fraction=0.010, seed=2),
    Rule(answer=Answer(status=503), fraction=0.010, seed=3),
    Rule(answer=Answer(fault="reset"), fraction=0.013, seed=4),
    Rule(answer=Answer(fault="never"), fraction=0.002, seed=5),
)


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaServer]:
    """A broker that runs fast rather than starts fast."""
    with started(KafkaServer(quick=False)) as server:
        yield server


@pytest.mark.parametrize("ordering", ORDERINGS)
async def test_failures_and_kills_lose_nothing(broker: KafkaServer, ordering: Ordering) -> None:
    """0 lost, order as promised, and no more duplicates than the kills can explain."""
    topic = f"failing-{ordering}"
    broker.admin.create_topic(topic, partitions=PARTITIONS)
    kafka = KafkaHarness(broker.bootstrap(), topic, partitions=PARTITIONS)
    sent = await kafka.produce(RECORDS)
    told = ledger(sent, ordering, slack=0.5)
    source = manifest(
        kafka.kind,
        {
            **kafka.spec(ordering),
            "delivery": {
                "timeout": "PT2S",
                "retry": 1_000,
                "backoffDelay": "PT0.05S",
                "backoffMax": "PT0.5S",
            },
            "flow": {"concurrency": CONCURRENCY, "maxUncommitted": UNCOMMITTED},
        },
        name=topic,
    )
    chance = random.Random(ordering)
    with SinkProcess(rules=FAILURES) as sink:
        source["spec"]["sink"] = {"uri": sink.url}
        with AdapterProcess(source) as adapter:
            for number in range(KILLS):
                goal = int(RECORDS * (number + 0.5 + chance.random() / 2) / (KILLS + 1))
                sink.wait_delivered(goal, timeout=PATIENCE)
                told.cause("kill", now())
                adapter.kill()
                adapter.start()
            sink.wait_delivered(RECORDS, timeout=PATIENCE)
            assert adapter.stop() == 0
        told.read(sink.records())
        failed = sink.stats()["records"] - RECORDS
    report = told.report()
    assert report.clean, report
    # What one end can repeat: what was on the wire, and what was delivered and not yet committed.
    bound = CONCURRENCY + PARTITIONS * (UNCOMMITTED + COMMIT_RECORDS)
    assert len(report.duplicates) <= KILLS * bound, report
    assert failed - len(report.duplicates) > RECORDS / 40, "the service has failed too rarely"
    assert await kafka.backlog() == 0
    kafka.close()
