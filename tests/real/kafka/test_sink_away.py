"""A service that is away for long while large records wait, and one that refuses a single record.

The size here is what fits into a continuous integration run; `SOAK=1` is five minutes and a
million records of 64 KiB.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.contract.kafka import KafkaHarness
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.adapter import AdapterProcess, manifest
from eventing_alibaba.testing.contract.expecting import ledger, until
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess

pytestmark = pytest.mark.soak

SOAK: Final = bool(os.environ.get("SOAK"))
RECORDS: Final = 1_000_000 if SOAK else 2_000
OUTAGE: Final = 300.0 if SOAK else 25.0
SIZE: Final = 64 * 1024
PARTITIONS: Final = 4
PATIENCE: Final = 1_800.0 if SOAK else 60.0
MIB: Final = 1024 * 1024
SOON: Final = 2.0


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaServer]:
    """A broker that runs fast rather than starts fast."""
    with started(KafkaServer(quick=False)) as server:
        yield server


def topic(broker: KafkaServer, name: str) -> KafkaHarness:
    broker.admin.create_topic(name, partitions=PARTITIONS)
    bootstrap = broker.bootstrap()
    return KafkaHarness(bootstrap, name, partitions=PARTITIONS, compression="lz4")


def source(kafka: KafkaHarness, sink: SinkProcess, **delivery: Any) -> dict[str, Any]:
    spec = {**kafka.spec("ordered"), "sink": {"uri": sink.url}, "delivery": delivery}
    return manifest(kafka.kind, spec, name=kafka.topic)


def resident(adapter: AdapterProcess) -> int:
    """Bytes of memory that the process has now."""
    pages = Path(f"/proc/{adapter.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def attempts(adapter: AdapterProcess) -> int:
    """Requests that were not answered with 2xx so far."""
    failed: dict[str, int] = adapter.status()["counters"]["failedAttempts"]
    return sum(failed.values())


async def test_an_outage_costs_neither_messages_nor_memory(broker: KafkaServer) -> None:
    """Probed less than once a second, nothing buried, no memory but buffers, back within 2 s."""
    kafka = topic(broker, "away")
    sent = await kafka.produce(RECORDS, size=SIZE)
    told = ledger(sent, "ordered")
    before = min(RECORDS // 2, 10_000)
    with (
        SinkProcess() as graveyard,
        SinkProcess() as sink,
        # Three failures would exhaust an event, if those of a service that is away counted.
        AdapterProcess(
            source(kafka, sink, retry=3, deadLetterSink={"uri": graveyard.url})
        ) as adapter,
    ):
        sink.wait_delivered(before, timeout=PATIENCE)
        sink.refuse()
        adapter.wait_status(lambda status: sum(status["counters"]["failedAttempts"].values()) >= 5)
        probes, since = attempts(adapter), now()
        sizes: list[int] = []
        while now() < since + OUTAGE:
            # In the first fifth the buffers that `flow` and the client are given may still fill.
            if now() >= since + OUTAGE / 5:
                sizes.append(resident(adapter))
            assert adapter.status()["ready"], "a service that is away is no trouble of the source"
            await asyncio.sleep(0.25)
        rate = (attempts(adapter) - probes) / (now() - since)
        seen = sink.stats()["records"]
        sink.accept()
        sink.wait_delivered(RECORDS, timeout=PATIENCE)
        records = list(sink.records())
        told.read(records)
        first = next(r.answered for r in records[seen:] if r.answered is not None)
        soon = sum(r.answered is not None and r.answered < first + SOON for r in records[seen:])
        assert adapter.stop() == 0
        assert graveyard.stats()["records"] == 0
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
    assert 0 < rate < 1.0
    more = (max(sizes) - min(sizes)) / MIB
    assert more < 10, f"{more:.1f} MiB more"
    assert soon > 100, f"only {soon} events in the first {SOON:g} s after the first answer"
    assert await kafka.backlog() == 0
    kafka.close()


async def test_a_poison_record_holds_up_its_partition_alone(broker: KafkaServer) -> None:
    """The other partitions run through; what it is and why is told; mended, it goes on in order."""
    kafka = topic(broker, "poison")
    sent = await kafka.produce(RECORDS)
    told = ledger(sent, "ordered")
    mine = [message for message in sent if message.track == "1"]
    poison = mine[len(mine) // 3]
    free = len(sent) - len(mine) + len(mine) // 3
    refusal = Rule(answer=Answer(status=400), match={"id": poison.id})
    with (
        SinkProcess(rules=[refusal]) as sink,
        AdapterProcess(source(kafka, sink, backoffMax="PT2S")) as adapter,
    ):
        sink.wait_delivered(free, timeout=PATIENCE)
        (blocked,) = adapter.wait_status(lambda status: status["blocked"])["blocked"]
        assert (blocked["origin"], blocked["id"]) == (kafka.topic, poison.id)
        assert blocked["status"] == 400
        await until(
            lambda: _reached(kafka, len(sent) - free), patience=PATIENCE, what="the commits"
        )
        assert sink.stats()["delivered"] == free
        sink.set_rules()
        sink.wait_delivered(len(sent), timeout=PATIENCE)
        adapter.wait_status(lambda status: not status["blocked"])
        assert adapter.stop() == 0
        told.read(sink.records())
    report = told.report()
    assert report.clean, report
    assert not report.duplicates, report
    assert await kafka.backlog() == 0
    kafka.close()


async def _reached(kafka: KafkaHarness, backlog: int) -> bool:
    return await kafka.backlog() == backlog
