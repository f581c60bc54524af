"""A topic: queues on each broker, and messages that wait until their time to get into one."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft, Kind, Stored
from eventing_alibaba.testing.emulators.rocketmq.core.spread import bucket


class Topic:
    """A topic.

    Args:
        name: of the topic.
        kind: the messages it takes; None = any (dead-letter topics).
        brokers: names of the brokers that have it.
        queues: how many on each.

    Attributes:
        logs: the messages of each queue in the order of their arrival, by broker.
    """

    def __init__(
        self, name: str, *, kind: Kind | None, brokers: Sequence[str], queues: int
    ) -> None:
        self.name = name
        self.kind = kind
        self.queues = queues
        self.logs: dict[str, list[list[Stored]]] = {
            broker: [[] for _ in range(queues)] for broker in brokers
        }
        self._places = [(broker, queue) for queue in range(queues) for broker in brokers]
        self._ordered = sorted(self._places)
        self._turn = 0
        self._later: list[tuple[int, int, Draft]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return sum(len(log) for logs in self.logs.values() for log in logs)

    @property
    def waiting(self) -> int:
        """How many messages wait for their delivery time."""
        return len(self._later)

    @property
    def next_due(self) -> int | None:
        """When the first of them gets into its queue."""
        return self._later[0][0] if self._later else None

    def check(self, draft: Draft) -> None:
        """Raise ServiceError where the topic takes no such message."""
        if self.kind is not None and draft.kind != self.kind:
            raise ServiceError(
                "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE",
                "TopicMessageType validate failed, the expected type is "
                f"{self.kind}, but actual type is {draft.kind}",
            )

    def add(self, now: int, draft: Draft) -> Stored | None:
        """Put a message in; None when it waits for its time.

        Messages of one group lie in one queue, found as the proxy finds it; others take turns.
        """
        if draft.deliver_at is not None and draft.deliver_at > now:
            heapq.heappush(self._later, (draft.deliver_at, next(self._numbers), draft))
            return None
        return self._append(now, draft)

    def ripen(self, now: int) -> int:
        """Let the messages whose time has come into their queues; return how many."""
        ripe = 0
        while self._later and self._later[0][0] <= now:
            self._append(now, heapq.heappop(self._later)[2])
            ripe += 1
        return ripe

    def hasten(self, milliseconds: int) -> None:
        """Let waiting messages be due so much earlier."""
        self._later = [(at - milliseconds, number, draft) for at, number, draft in self._later]

    def _append(self, now: int, draft: Draft) -> Stored:
        if draft.group:
            broker, queue = self._ordered[bucket(draft.group, len(self._ordered))]
        else:
            broker, queue = self._places[self._turn % len(self._places)]
            self._turn += 1
        log = self.logs[broker][queue]
        stored = Stored(draft, self.name, broker, queue, len(log), now)
        log.append(stored)
        return stored
