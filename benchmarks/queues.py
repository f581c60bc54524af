"""What the benchmarks of MNS and RocketMQ share: a queue of messages, emptied once for each run.

Both have one case, `fast`: nginx, which answers 204 at once, and 64 POSTs in flight. Each run has
a new queue of messages of 1 KiB. The forwarder has a core for itself; broker, nginx and this
program share the others. Everything else is as in `benchmarks.kafka`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from benchmarks import throughput
from benchmarks.cores import Cores, divide
from benchmarks.forwarder import Forwarder
from benchmarks.peer import AbsentPeerError, Peer, load, prepare
from benchmarks.records import SIZE
from benchmarks.report import Row, medians, table, write
from benchmarks.throughput import RunFailedError
from benchmarks.wrk import posts_per_second
from tests.real.servers.nginx import NginxSink
from tests.real.servers.tools import MissingToolError

CONCURRENCY: Final = 64
_RESULTS: Final = Path(__file__).resolve().parent / "results"
_LONGEST: Final = 60.0


class Broker(Protocol):
    """A broker that runs, as a benchmark sees it."""

    @property
    def address(self) -> str:
        """Where forwarders find it."""
        ...

    def fill(self, count: int) -> str:
        """Return the name of a new queue with so many messages; a group's name, where it has."""
        ...

    def empty(self, name: str) -> None:
        """Delete a queue."""
        ...


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One broker's benchmark.

    Attributes:
        name: its module's in this package, and its results'.
        broker: starts it.
        what: it is, for the help text.
        peers: names of those that are measured where none are given, with commas.
    """

    name: str
    broker: type[AbstractContextManager[Broker]]
    what: str
    peers: str

    def main(self) -> None:
        """Run it and leave the program: status 1 if a peer failed, a sentence if one is absent."""
        try:
            sys.exit(self._run(self._arguments()))
        except (AbsentPeerError, MissingToolError) as absent:
            sys.exit(f"benchmarks.{self.name}: {absent}")

    def _run(self, given: argparse.Namespace) -> int:
        cores = divide()
        os.sched_setaffinity(0, cores.others)
        peers = [load(name) for name in given.peers.split(",")]
        runs: list[Row] = []
        failures: list[str] = []
        with self.broker() as broker, NginxSink() as sink:
            wrk = posts_per_second(sink.url, connections=CONCURRENCY, core=cores.forwarder)
            for _ in range(given.repeat):
                for peer in peers:
                    try:
                        count = given.messages
                        runs.append(run(peer, broker, sink, cores=cores, count=count, wrk=wrk))
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

    def _arguments(self) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}",
            description=f"Measures forwarders from {self.what} to an HTTP sink.",
        )
        parser.add_argument("--messages", type=int, default=100_000, help="at once (%(default)s)")
        parser.add_argument("--peers", default=self.peers, help="names (%(default)s)")
        parser.add_argument("--repeat", type=int, default=3, help="runs of each (%(default)s)")
        results = _RESULTS / f"{self.name}.json"
        parser.add_argument("--output", type=Path, default=results, help="results as JSON")
        return parser.parse_args()


def run(
    peer: Peer, broker: Broker, sink: NginxSink, *, cores: Cores, count: int, wrk: float
) -> Row:
    """Measure one forwarder once. Raises RunFailedError."""
    queue = broker.fill(count)
    before = sink.count()
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as name:
        folder = Path(name)
        start = prepare(
            peer,
            folder=folder,
            bootstrap=broker.address,
            topic=queue,
            group=queue,
            sink=sink.url,
            concurrency=CONCURRENCY,
        )
        forwarder = Forwarder(start, folder=folder, core=cores.forwarder)
        try:
            found = throughput.measure(
                forwarder, lambda: sink.count() - before, expected=count, seconds=_LONGEST
            )
        finally:
            forwarder.stop()
    broker.empty(queue)
    return Row(peer.name, "fast", **asdict(found), wrk_rps=wrk)
