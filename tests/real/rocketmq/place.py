"""One topic with a consumer group of the same name, made for one test."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from tests.real.servers.rocketmq.admin import RocketAdmin, Written
from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.testing.adapter import manifest
from eventing_alibaba.testing.ledger import Ledger

QUEUES: Final = 4
_names: Final = itertools.count(1)


class Place:
    """A topic of a cluster, and its group, which begins with the topic's first message.

    Attributes:
        name: of both.
    """

    def __init__(
        self,
        server: RocketServer,
        prefix: str,
        *,
        fifo: bool = False,
        queues: int = QUEUES,
        retries: int = 16,
    ) -> None:
        self.name = f"{prefix}-{next(_names)}"
        self.fifo = fifo
        self.queues = queues
        self._server = server
        self._written = 0
        self.admin.create_topic(self.name, queues=queues, kind="FIFO" if fifo else "NORMAL")
        self.admin.create_group(self.name, fifo=fifo, retries=retries)
        self.admin.start_at_beginning(self.name, self.name, queues=queues)

    @property
    def admin(self) -> RocketAdmin:
        """The cluster's."""
        return self._server.admin

    def send(self, count: int, *, size: int = 20, **fields: Any) -> list[Written]:
        """Write messages, evenly over the queues; return them in the order of each queue."""
        written = [
            Written(
                b"%d." % number + b"." * (size - len(b"%d." % number)),
                queue=number % self.queues,
                group=f"q{number % self.queues}" if self.fifo else None,
                **fields,
            )
            for number in range(self._written, self._written + count)
        ]
        self._written += count
        self.admin.send(self.name, written)
        return written

    def backlog(self) -> int:
        """Return how many messages are not acknowledged."""
        count = self.admin.unread if self.fifo else self.admin.backlog
        return count(self.name, self.name, queues=self.queues)

    def spec(self, **fields: Any) -> dict[str, Any]:
        """Return the `spec` of a manifest, without a sink."""
        own = {
            "endpoints": self._server.endpoint,
            "topic": self.name,
            "consumerGroup": self.name,
            "invisibleDuration": "PT10S",
        }
        return {**own, **fields}

    def source(self, sink: str, **fields: Any) -> dict[str, Any]:
        """Return a manifest."""
        spec = self.spec(sink={"uri": sink}, **fields)
        return manifest("RocketMQSource", spec, name=self.name)

    def ledger(self, written: Sequence[Written] = (), *, slack: float = 0.5) -> Ledger:
        """Return a ledger that expects these messages, in order if the topic has one."""
        told = Ledger("keyed" if self.fifo else "unordered", slack=slack)
        for message in written:
            told.sent(message.id, lane=str(message.queue) if self.fifo else None)
        return told
