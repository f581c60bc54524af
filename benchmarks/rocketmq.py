"""RocketMQ to HTTP, one POST per message: what a forwarder does and what it costs, beside its peer.

    python -m benchmarks.rocketmq [--messages N] [--peers ours-rocketmq,rocketmq-python]
                                  [--repeat 3] [--output FILE]

Name server, broker and proxy are real ones, each a Java machine. A topic has four queues, and its
group begins with the first message. On two cores that is too little for the cluster, which then
sets the pace: what a message costs is the figure to look at. The rest is told in `queues.py`.
"""

from __future__ import annotations

import time
import uuid
from typing import Final

from benchmarks.queues import Benchmark
from benchmarks.records import body
from tests.real.servers.rocketmq.admin import Written
from tests.real.servers.rocketmq.server import RocketServer

QUEUES: Final = 4
_BATCH: Final = 5_000


class Cluster(RocketServer):
    """Implements `queues.Broker`."""

    def __init__(self) -> None:
        super().__init__(heap="1g", quick=False)

    @property
    def address(self) -> str:
        """The proxy's endpoint."""
        return self.endpoint

    def fill(self, count: int) -> str:
        """Return the name of a new topic with so many messages, which is also a group's name."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        self.admin.create_topic(name, queues=QUEUES)
        self.admin.create_group(name)
        self.admin.start_at_beginning(name, name, queues=QUEUES)
        for first in range(0, count, _BATCH):
            numbers = range(first, min(first + _BATCH, count))
            self.admin.send(name, [Written(body(time.time_ns()), n % QUEUES) for n in numbers])
        return name

    def empty(self, name: str) -> None:
        """Delete a topic."""
        self.admin.delete_topic(name)


if __name__ == "__main__":
    Benchmark("rocketmq", Cluster, "a RocketMQ cluster", "ours-rocketmq,rocketmq-python").main()
