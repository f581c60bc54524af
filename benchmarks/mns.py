"""MNS to HTTP, one POST per message: what a forwarder does and what it costs, beside its peer.

    python -m benchmarks.mns [--messages N] [--peers ours-mns,mns-sdk] [--repeat 3] [--output FILE]

There is no MNS to be had on one's own machine, so the queue is the emulator's, in a process of its
own: figures say what the forwarder costs, and nothing of the service. Each run has a new queue of
messages of 1 KiB in base64. The forwarder has a core for itself; emulator, nginx and this program
share the others. Everything else is as in `benchmarks.kafka`.
"""

from __future__ import annotations

import argparse
import base64
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
from tests.real.servers.tools import MissingToolError

from eventing_alibaba.testing.emulators.mns import EmulatorProcess

RESULTS = Path(__file__).resolve().parent / "results" / "mns.json"
CONCURRENCY = 64
_BATCH = 500


def fill(emulator: EmulatorProcess, count: int) -> str:
    """Return the name of a new queue with so many messages."""
    queue = f"bench-{uuid.uuid4().hex[:8]}"
    emulator.create_queue(queue)
    for first in range(0, count, _BATCH):
        bodies = [
            base64.b64encode(body(time.time_ns())).decode()
            for _ in range(min(_BATCH, count - first))
        ]
        emulator.send(queue, bodies)
    return queue


def run(
    peer: Peer, emulator: EmulatorProcess, sink: NginxSink, *, cores: Cores, count: int, wrk: float
) -> Row:
    """Measure one forwarder once. Raises RunFailedError."""
    queue = fill(emulator, count)
    before = sink.count()
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as name:
        folder = Path(name)
        start = prepare(
            peer,
            folder=folder,
            bootstrap=emulator.endpoint,
            topic=queue,
            group="",
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
    emulator.delete_queue(queue)
    return Row(peer.name, "fast", **asdict(found), wrk_rps=wrk)


def main() -> int:
    """Run the benchmark; returns 1 if a peer failed."""
    given = _arguments()
    cores = divide()
    os.sched_setaffinity(0, cores.others)
    peers = [load(name) for name in given.peers.split(",")]
    runs: list[Row] = []
    failures: list[str] = []
    with EmulatorProcess() as emulator, NginxSink() as sink:
        wrk = posts_per_second(sink.url, connections=CONCURRENCY, core=cores.forwarder)
        for _ in range(given.repeat):
            for peer in peers:
                try:
                    count = given.messages
                    runs.append(run(peer, emulator, sink, cores=cores, count=count, wrk=wrk))
                except RunFailedError as failure:
                    failures.append(f"{peer.name}: {failure}")
                    print(f"FAILED {failures[-1]}", flush=True)
                else:
                    print(table(runs[-1:]), flush=True)
    print(f"\n{table(medians(runs))}\n")
    settings = {
        "messages": given.messages,
        "message_bytes": SIZE,
        "repeat": given.repeat,
        "concurrency": CONCURRENCY,
        "peers": {peer.name: peer.title for peer in peers},
    }
    write(given.output, runs, settings=settings, failures=failures)
    print(f"written to {given.output}")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mns",
        description="Measures forwarders from the MNS emulator to an HTTP sink.",
    )
    parser.add_argument("--messages", type=int, default=100_000, help="in a queue (%(default)s)")
    parser.add_argument("--peers", default="ours-mns,mns-sdk", help="names (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="results as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AbsentPeerError, MissingToolError) as absent:
        sys.exit(f"benchmarks.mns: {absent}")
