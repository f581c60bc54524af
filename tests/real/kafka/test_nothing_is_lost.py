"""A real broker, an adapter that is killed again and again, and a sink that counts.

The full size is `make soak`; the size here is what fits into a continuous integration run.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.ledger import Ledger, Ordering
from eventing_alibaba.testing.report import Report
from eventing_alibaba.testing.sink import SinkProcess

pytestmark = pytest.mark.soak

SOAK = bool(os.environ.get("SOAK"))
PARTITIONS = 4
RECORDS = 200_000 if SOAK else 40_000
KILLS = 10 if SOAK else 4  # each costs the ten seconds until the broker misses the dead one
CONCURRENCY = 64
UNCOMMITTED = 1000
COMMIT_RECORDS = 1000


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaServer]:
    """A broker of its own, because it is restarted."""
    with started(KafkaServer(quick=False)) as server:
        yield server


def produce(broker: KafkaServer, topic: str, count: int, *, start: int = 0) -> None:
    """Write `count` records, spread evenly over the partitions."""
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap(), "linger.ms": 20, "enable.idempotence": True}
    )
    for number in range(start, start + count):
        while True:
            try:
                producer.produce(
                    topic,
                    b'{"number": %d}' % number,
                    key=b"key-%d" % (number % 97),
                    partition=number % PARTITIONS,
                    headers=[("content-type", b"application/json")],
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0


def sent(ledger: Ledger, count: int) -> None:
    for partition in range(PARTITIONS):
        share = len(range(partition, count, PARTITIONS))
        ledger.sent_range(f"partition:{partition}/offset:", 0, share)


def source(broker: KafkaServer, topic: str, sink: str, **spec: Any) -> dict[str, Any]:
    spec.setdefault("initialOffset", "earliest")
    spec.setdefault("flow", {"concurrency": CONCURRENCY, "maxUncommitted": UNCOMMITTED})
    return manifest(
        "AliKafkaSource",
        {
            "sink": {"uri": sink},
            "bootstrapServers": [broker.bootstrap()],
            "topics": [topic],
            "consumerGroup": f"group-{topic}",
            **spec,
        },
        name=topic,
    )


@contextmanager
def storm(run: Any) -> Iterator[threading.Thread]:
    """Run something beside the test; what it raises, the test raises."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(120)
    if failed:
        raise failed[0]


def check(report: Report, *, kills: int) -> None:
    """Nothing lost or reordered, each duplicate has a cause, and no more than the causes allow."""
    assert report.clean, report
    # What one end can repeat: what was on the wire, and what was delivered and not yet committed.
    bound = CONCURRENCY + PARTITIONS * (UNCOMMITTED + COMMIT_RECORDS)
    assert len(report.duplicates) <= kills * bound, report


@pytest.mark.parametrize("ordering", ["ordered", "unordered"])
def test_sigkills_lose_nothing_and_keep_order(broker: KafkaServer, ordering: Ordering) -> None:
    """Killed at random moments, with a broker restart in between: 0 lost, order per partition."""
    topic = f"kills-{ordering}"
    broker.admin.create_topic(topic, partitions=PARTITIONS)
    chance = random.Random(ordering)
    count = RECORDS if SOAK or ordering == "unordered" else RECORDS // 2
    ledger = Ledger(ordering, slack=0.5)
    produce(broker, topic, count)
    sent(ledger, count)
    with (
        SinkProcess() as sink,
        AdapterProcess(source(broker, topic, sink.url, ordering=ordering)) as adapter,
    ):
        for number in range(KILLS):
            goal = int(count * (number + 1) / (KILLS + 2))
            wait_for(sink, goal)
            time.sleep(chance.random() * 0.2)
            ledger.cause("kill", now())
            adapter.kill()
            if number == KILLS // 2:
                ledger.cause("broker restart", now())
                broker.restart()
            adapter.start()
        wait_for(sink, count)
        assert adapter.stop() == 0
        ledger.read(sink.records())
        check(ledger.report(), kills=KILLS)
        assert lag(broker, topic) == 0, "the stop did not commit everything"


def test_without_a_kill_there_is_no_duplicate(broker: KafkaServer) -> None:
    """A run and an orderly restart in the middle deliver every record exactly once."""
    topic = "quiet"
    broker.admin.create_topic(topic, partitions=PARTITIONS)
    count = RECORDS // 3
    ledger = Ledger("unordered")
    produce(broker, topic, count)
    sent(ledger, count)
    with (
        SinkProcess() as sink,
        AdapterProcess(source(broker, topic, sink.url, ordering="unordered")) as adapter,
    ):
        wait_for(sink, count // 2)
        assert adapter.stop() == 0
        adapter.start()
        wait_for(sink, count)
        assert adapter.stop() == 0
        ledger.read(sink.records())
        report = ledger.report()
        assert report.clean, report
        assert not report.duplicates, report
        assert lag(broker, topic) == 0


def test_adapters_that_join_and_leave_lose_nothing(broker: KafkaServer) -> None:
    """A second adapter joins and leaves twice under load: 0 lost, order kept, none twice."""
    topic = "joins"
    broker.admin.create_topic(topic, partitions=PARTITIONS)
    count = RECORDS // 2
    ledger = Ledger("ordered", slack=5.0)
    sent(ledger, count)
    with (
        SinkProcess() as sink,
        AdapterProcess(source(broker, topic, sink.url)) as first,
        AdapterProcess(source(broker, topic, sink.url)) as second,
    ):
        first.wait_ready()
        second.wait_ready()
        with storm(lambda: produce(broker, topic, count)):
            for part in (3, 5):
                wait_for(sink, count * part // 8)
                ledger.cause("leave", now())
                assert second.stop() == 0
                wait_for(sink, count * (part + 1) // 8)
                ledger.cause("join", now())
                second.start().wait_ready()
        wait_for(sink, count)
        ledger.read(sink.records())
        report = ledger.report()
        assert report.clean, report
        assert len(report.duplicates) <= 4 * CONCURRENCY, report


def test_latest_is_remembered_before_the_first_record(broker: KafkaServer) -> None:
    """Killed before its first ordinary commit, it resumes where `latest` was, not where it is."""
    topic = "latest"
    broker.admin.create_topic(topic, partitions=PARTITIONS)
    produce(broker, topic, 400)
    with (
        SinkProcess() as sink,
        AdapterProcess(source(broker, topic, sink.url, initialOffset="latest")) as adapter,
    ):
        adapter.wait_ready()
        adapter.kill()
        produce(broker, topic, 1000, start=400)
        adapter.start()
        wait_for(sink, 1000)
        ids = {record.id for record in sink.records()}
        assert ids == {
            f"partition:{p}/offset:{o}" for p in range(PARTITIONS) for o in range(100, 350)
        }


def wait_for(sink: SinkProcess, count: int) -> None:
    """Wait until `count` different events were answered 2xx."""
    sink.wait_delivered(count, timeout=120)


def lag(broker: KafkaServer, topic: str) -> int:
    """Records of the topic that the group has not committed."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.bootstrap(), "group.id": f"group-{topic}"})
    try:
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        total = 0
        for place in consumer.committed(places, timeout=20):
            _, high = consumer.get_watermark_offsets(place, timeout=20)
            total += high - max(0, place.offset)
        return total
    finally:
        consumer.close()
