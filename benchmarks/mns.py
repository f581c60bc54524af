"""MNS to HTTP, one POST per message: what a forwarder does and what it costs, beside its peer.

    python -m benchmarks.mns [--messages N] [--peers ours-mns,mns-sdk] [--repeat 3] [--output FILE]

There is no MNS to be had on one's own machine, so the queue is the emulator's, in a process of its
own: figures say what the forwarder costs, and nothing of the service. Messages are in base64. The
rest is told in `queues.py`.
"""

from __future__ import annotations

import base64
import time
import uuid
from typing import Final

from benchmarks.queues import Benchmark
from benchmarks.records import body

from eventing_alibaba.testing.emulators.mns import EmulatorProcess

_BATCH: Final = 500


class Emulator(EmulatorProcess):
    """Implements `queues.Broker`."""

    @property
    def address(self) -> str:
        """The account's endpoint."""
        return self.endpoint

    def fill(self, count: int) -> str:
        """Return the name of a new queue with so many messages."""
        queue = f"bench-{uuid.uuid4().hex[:8]}"
        self.create_queue(queue)
        for first in range(0, count, _BATCH):
            some = range(first, min(first + _BATCH, count))
            self.send(queue, [base64.b64encode(body(time.time_ns())).decode() for _ in some])
        return queue

    def empty(self, name: str) -> None:
        """Delete a queue."""
        self.delete_queue(name)


if __name__ == "__main__":
    Benchmark("mns", Emulator, "the MNS emulator", "ours-mns,mns-sdk").main()
