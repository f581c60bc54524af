"""Kafka to HTTP, one POST per record: what a forwarder does and what it costs, beside its peers.

    make bench
    python -m benchmarks.kafka [--records N] [--peers ours,camel,...] [--repeat 3]
                               [--cases fast,slow5ms,paced100] [--seconds 60] [--output FILE]

A real Kafka broker holds a topic of 4 partitions with 500,000 records of 1 KiB, a key and two
headers. Each forwarder in turn joins with a group of its own, reads from the beginning and posts
every record to the same sink, at least once. It has a core for itself; broker, sink and this
program share the others.

    fast         nginx, which answers 204 at once; 64 POSTs in flight
    slow5ms      a sink that answers after 5 ms; 64 and then 256 in flight (two rows)
    paced100     100 records a second; how long each has travelled
    flat         only when asked for: as `fast`, with 50,000 and with 1,000,000 records (two rows),
                 whose cost in the second half should be the same

Everything is measured from outside (`forwarder.py`, `throughput.py`, `latency.py`). The peers take
turns within each repetition, so that a machine that drifts drifts for all. A run ends when the
topic is empty, or after `--seconds`; rates hold either way. Which forwarders there are is told by
the descriptors in `benchmarks/peers`.

The machine should have nothing else to do. Needs Java, Maven, nginx, wrk and gcc, which
`tests/real/install.sh` installs; the first run fetches jars.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from benchmarks import latency, throughput
from benchmarks.cores import Cores, divide
from benchmarks.forwarder import Forwarder
from benchmarks.peer import AbsentPeerError, Peer, load, prepare
from benchmarks.records import PARTITIONS, SIZE, Writer, fill
from benchmarks.report import Row, medians, table, write
from benchmarks.sinks.epoll import EpollSink
from benchmarks.throughput import RunFailedError
from benchmarks.wrk import posts_per_second
from confluent_kafka import Consumer, KafkaException, TopicPartition
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.nginx import NginxSink
from tests.real.servers.tools import MissingToolError

RESULTS = Path(__file__).resolve().parent / "results" / "kafka.json"
TOPIC = "records"


class Sink(Protocol):
    """What takes the events and counts them."""

    @property
    def url(self) -> str:
        """Where to POST."""
        ...

    def count(self) -> int:
        """How many POSTs it has answered."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One way to measure throughput."""

    name: str
    delay: float
    concurrency: int
    records: int | None = None
    """In its topic; None = as many as were asked for."""

    def sink(self) -> AbstractContextManager[Sink]:
        """A new sink for it."""
        return EpollSink(delay=self.delay) if self.delay else NginxSink()


CASES = {
    "fast": [Case("fast", 0.0, 64)],
    "slow5ms": [Case("slow5ms-64", 0.005, 64), Case("slow5ms-256", 0.005, 256)],
    "paced100": [Case("paced100", 0.0, 64)],
    "flat": [Case("flat-50k", 0.0, 64, 50_000), Case("flat-1m", 0.0, 64, 1_000_000)],
}
USUAL = ("fast", "slow5ms", "paced100")


@dataclass(slots=True)
class Benchmark:
    """A running broker and what has been measured on it so far."""

    broker: KafkaServer
    cores: Cores
    peers: list[Peer]
    records: int
    seconds: float
    runs: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)

    def throughput(self, case: Case) -> None:
        """Measure each peer once in a case, and the sink itself beforehand."""
        records = case.records or self.records
        topic = self._filled(records)
        with case.sink() as sink:
            wrk = posts_per_second(
                sink.url, connections=case.concurrency, core=self.cores.forwarder
            )
            for peer in self._able(case):
                before = _settled(sink)
                group = f"{case.name}-{peer.name}-{uuid.uuid4().hex[:8]}"
                with self._forwarder(peer, case, topic, sink, group) as forwarder:
                    found = throughput.measure(
                        forwarder,
                        partial(self._committed, group, topic)
                        if peer.batched
                        else lambda before=before: sink.count() - before,  # type: ignore[misc]
                        expected=records,
                        seconds=self.seconds,
                    )
                    self._note(Row(peer.name, case.name, **asdict(found), wrk_rps=wrk))
            if isinstance(sink, NginxSink) and (refused := sink.refused()):
                self._fail(f"{case.name}: nginx has refused requests: {refused[:3]}")

    def latency(self, case: Case) -> None:
        """Measure each peer's latency once."""
        for peer in self._able(case):
            topic = f"paced-{uuid.uuid4().hex[:8]}"
            self.broker.admin.create_topic(topic, partitions=PARTITIONS)
            writer = Writer(self.broker.client(), topic, linger_ms=0)
            with (
                EpollSink(recording=True) as sink,
                self._forwarder(peer, case, topic, sink, f"{topic}-{peer.name}") as forwarder,
            ):
                since, until = latency.pace(forwarder, sink.count, writer)
                peak_rss = forwarder.usage().peak_rss
                sink.stop()
                found = latency.figures(sink.notes(), since=since, until=until, peak_rss=peak_rss)
                self._note(Row(peer.name, case.name, **asdict(found)))

    def _filled(self, records: int) -> str:
        """A topic of so many records, made when it is first asked for."""
        topic = f"{TOPIC}-{records}"
        if topic not in self.topics:
            print(f"writing {records:,} records ...", flush=True)
            self.broker.admin.create_topic(topic, partitions=PARTITIONS)
            fill(self.broker.client(), topic, records)
            self.topics.add(topic)
        return topic

    def _able(self, case: Case) -> Iterator[Peer]:
        for peer in self.peers:
            if peer.batched and case.name != "fast":
                continue
            if case.name == "slow5ms-256" and peer.fixed_concurrency is not None:
                print(f"{case.name:12} {peer.name:10} has {peer.fixed_concurrency} at once always")
            else:
                yield peer

    @contextmanager
    def _forwarder(
        self, peer: Peer, case: Case, topic: str, sink: Sink, group: str
    ) -> Iterator[Forwarder]:
        """A running forwarder; what goes wrong with it is noted and ends this run only."""
        with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as name:
            folder = Path(name)
            start = prepare(
                peer,
                folder=folder,
                bootstrap=self.broker.bootstrap(),
                topic=topic,
                group=group,
                sink=sink.url,
                concurrency=case.concurrency,
            )
            forwarder = Forwarder(start, folder=folder, core=self.cores.forwarder)
            try:
                yield forwarder
            except RunFailedError as failure:
                self._fail(f"{case.name}: {peer.name}: {failure}")
            finally:
                forwarder.stop()

    def _committed(self, group: str, topic: str) -> int:
        """How many records the group has done with; it began with the first of each partition."""
        return sum(max(0, at) for at in self.broker.admin.committed(group, topic).values())

    def _note(self, row: Row) -> None:
        self.runs.append(row)
        found = {name: value for name, value in asdict(row).items() if value is not None}
        del found["peer"], found["case"]
        words = ", ".join(
            f"{name} {value:,.2f}" if isinstance(value, float) else f"{name} {value:,}"
            for name, value in found.items()
        )
        print(f"{row.case:12} {row.peer:10} {words}", flush=True)

    def _fail(self, failure: str) -> None:
        self.failures.append(failure)
        print(f"FAILED {failure}", flush=True)


def _settled(sink: Sink) -> int:
    """The sink's count when nothing is on its way any more, such as the last client's leftovers."""
    before = -1
    while before != (count := sink.count()):
        before = count
        time.sleep(0.1)
    return count


def main() -> int:
    """Run the benchmark; returns 1 if a peer failed or is absent."""
    arguments = _arguments()
    cores = divide()
    os.sched_setaffinity(0, cores.others)
    peers = [load(name) for name in arguments.peers.split(",")]
    cases = [(kind, case) for kind in arguments.cases.split(",") for case in CASES[kind]]
    with KafkaServer(heap="1g", quick=False) as broker:
        _first_group(broker)
        benchmark = Benchmark(broker, cores, peers, arguments.records, arguments.seconds)
        for _ in range(arguments.repeat):
            for kind, case in cases:
                if kind == "paced100":
                    benchmark.latency(case)
                else:
                    benchmark.throughput(case)
    print(f"\n{table(medians(benchmark.runs))}\n")
    settings = {
        "records": arguments.records,
        "record_bytes": SIZE,
        "partitions": PARTITIONS,
        "repeat": arguments.repeat,
        "seconds": arguments.seconds,
        "peers": {peer.name: peer.title for peer in peers},
    }
    write(arguments.output, benchmark.runs, settings=settings, failures=benchmark.failures)
    print(f"written to {arguments.output}")
    return 1 if benchmark.failures else 0


def _first_group(broker: KafkaServer) -> None:
    """Have the topic of offsets made, which a cluster does for its first group; that may wait 3 s.

    The answer ("still loading") does not matter: records are written before it is needed. It is a
    consumer that asks, because this answer ends an admin client's process now and then (librdkafka
    2.16).
    """
    probe = Consumer(broker.client() | {"group.id": "first"})
    with suppress(KafkaException):
        probe.committed([TopicPartition("none", 0)], timeout=5)
    probe.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kafka",
        description="Measures forwarders from a real Kafka to an HTTP sink.",
    )
    parser.add_argument("--records", type=int, default=500_000, help="in the topic (%(default)s)")
    parser.add_argument(
        "--peers", default="ours,ours-batch,camel,aiokafka", help="names (%(default)s)"
    )
    parser.add_argument(
        "--cases", default=",".join(USUAL), help=f"of {', '.join(CASES)} (%(default)s)"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="longest run (%(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="results as JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases.split(",")) - set(CASES):
        parser.error(f"unknown cases {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    return arguments


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AbsentPeerError, MissingToolError) as absent:
        sys.exit(f"benchmarks.kafka: {absent}")
