"""A consumer group: what is set for it, and how far it has come with each topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from eventing_alibaba.testing.emulators.rocketmq.core.free import FreeProgress
from eventing_alibaba.testing.emulators.rocketmq.core.ordered import OrderedProgress
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Progress
from eventing_alibaba.testing.emulators.rocketmq.core.topic import Topic

MAX_RETRIES: Final = 16

BACKOFF: Final = (
    *(1.0, 5.0, 10.0, 30.0),
    *(60.0 * minutes for minutes in range(1, 11)),
    *(1200.0, 1800.0, 3600.0, 7200.0),
)
"""Seconds until the next delivery that a push consumer asks for, by attempt; the broker's own."""


@dataclass(slots=True, kw_only=True)
class Group:
    """A consumer group.

    Attributes:
        name: of the group.
        fifo: it keeps the order of each queue.
        max_retries: so often a message is delivered again before it becomes a dead letter.
        backoff: what push consumers are told to wait, in seconds, by attempt.
        progress: by topic and broker.
    """

    name: str
    fifo: bool = False
    max_retries: int = MAX_RETRIES
    backoff: tuple[float, ...] = BACKOFF
    progress: dict[tuple[str, str], Progress] = field(default_factory=dict)

    @property
    def most_attempts(self) -> int:
        """How often a message is delivered at most."""
        return self.max_retries + 1

    def on(self, topic: Topic, broker: str) -> Progress:
        """Return how far it has come; at its beginning when it has never asked."""
        place = (topic.name, broker)
        progress = self.progress.get(place)
        if progress is None:
            logs = topic.logs[broker]
            progress = OrderedProgress(logs) if self.fifo else FreeProgress(logs)
            self.progress[place] = progress
        return progress

    def __repr__(self) -> str:
        kind = "FIFO group" if self.fifo else "group"
        return f"<{kind} {self.name} {list(self.progress)}>"
