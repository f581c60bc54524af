"""RocketMQ to HTTP, one POST per message: what a forwarder does and what it costs, beside its peer.

    python -m benchmarks.rocketmq [--messages N] [--peers ours-rocketmq,rocketmq-python]
                                  [--repeat 3] [--output FILE]

Name server, broker and proxy are real ones, each a Java machine. Each run has a new topic of four
queues with messages of 1 KiB, and a group that begins with the first of them. The forwarder has a
core for itself; the cluster, nginx and this program share the others. On two cores that is too
little for the cluster, which then sets the pace: what a message costs is the figure to look at.
Everything else is as in `benchmarks.kafka`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path

from benchmarks import throughput
from benchmarks.cores import Cores, divide
from benchmarks.forwarder import Forwarder
from benchmarks.peer import AbsentPeerError, Peer, load, prepare
from benchmarks.records import SIZE, body
from benchmarks.report import Row, medians, table, write
from benchmarks.throughput import RunFailedError
from benchmarks.wrk import posts_per_second
from tests.real.servers.nginx import NginxSink
from tests.real.servers.rocketmq.admin import Written
from tests.real.servers.rocketmq.server import RocketServer
from tests.real.servers.tools import MissingToolError

RESULTS = Path(__file__).resolve().parent / "results" / "rocketmq.json"
CONCURRENCY = 64
QUEUES = 4
_BATCH = 5_000


def fill(server: RocketServer, count: int) -> str:
    """Return the name of a new topic with so many messages, which is also a group's name."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    server.admin.create_topic(name, queues=QUEUES)
    server.admin.create_group(name)
    server.admin.start_at_beginning(name, name, queues=QUEUES)
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        server.admin.send(name, [Written(body(time.time_ns()), n % QUEUES) for n in numbers])
    return name


def run(
    peer: Peer, server: RocketServer, sink: NginxSink, *, cores: Cores, count: int, wrk: float
) -> Row:
    """Measure one forwarder once. Raises RunFailedError."""
    topic = fill(server, count)
    before = sink.count()
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as name:
        folder = Path(name)
        start = prepare(
            peer,
            folder=folder,
            bootstrap=server.endpoint,
            topic=topic,
            group=topic,
            sink=sink.url,
            concurrency=CONCURRENCY,
        )
        forwarder = Forwarder(start, folder=folder, core=cores.forwarder)
        try:
            found = throughput.measure(
                forwarder, lambda: sink.count() - before, expected=count, seconds=60.0
            )
        finally:
            forwarder.stop()
    server.admin.delete_topic(topic)
    return Row(peer.name, "fast", **asdict(found), wrk_rps=wrk)


def main() -> int:
    """Run the benchmark; returns 1 if a peer failed."""
    given = _arguments()
    cores = divide()
    os.sched_setaffinity(0, cores.others)
    peers = [load(name) for name in given.peers.split(",")]
    runs: list[Row] = []
    failures: list[str] = []
    with RocketServer(heap="1g", quick=False) as server, NginxSink() as sink:
        wrk = posts_per_second(sink.url, connections=CONCURRENCY, core=cores.forwarder)
        for _ in range(given.repeat):
            for peer in peers:
                try:
                    count = given.messages
                    runs.append(run(peer, server, sink, cores=cores, count=count, wrk=wrk))
                except RunFailedError as failure:
                    failures.append(f"{peer.name}: {failure}")
                    print(f"FAILED {failures[-1]}", flush=True)
                else:
                    print(table(runs[-1:]), flush=True)
    print(f"\n{table(medians(runs))}\n")
    settings = {
        "messages": given.messages,
        "message_bytes": SIZE,
        "queues": QUEUES,
        "repeat": given.repeat,
        "concurrency": CONCURRENCY,
        "peers": {peer.name: peer.title for peer in peers},
    }
    write(given.output, runs, settings=settings, failures=failures)
    print(f"written to {given.output}")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rocketmq",
        description="Measures forwarders from a RocketMQ cluster to an HTTP sink.",
    )
    parser.add_argument("--messages", type=int, default=100_000, help="in a topic (%(default)s)")
    known = "ours-rocketmq,rocketmq-python"
    parser.add_argument("--peers", default=known, help="names (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="results as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AbsentPeerError, MissingToolError) as absent:
        sys.exit(f"benchmarks.rocketmq: {absent}")
