"""A partition while it is assigned to this process, and how far it is settled.

Each assignment of a partition is a track of its own: when a partition is lost and comes back,
answers to events of the first time must not move the mark of the second. So tracks are compared by
identity, and `epoch` is there for people to tell them apart.

Two threads look at a track without a lock, because each field has one writer and is one word: the
event loop writes `acked`, everything else belongs to the consumer's thread.
"""

from __future__ import annotations

from collections import deque


class Track:
    """One assignment of one partition.

    Attributes:
        topic, partition: what was assigned.
        epoch: counts the assignments of this process.
        number: the partition as text.
        prefix: what record ids of this partition begin with.
        metadata: text committed beside each offset (see `offsets`).
        live: still assigned.
        acked: offset after the last acknowledged record; written by `ack` alone.
        next: offset after the last record handed out, or the start.
        stored: what is known to be committed.
    """

    __slots__ = (
        "_gaps",
        "acked",
        "epoch",
        "live",
        "metadata",
        "next",
        "number",
        "partition",
        "prefix",
        "stored",
        "topic",
    )

    def __init__(
        self, topic: str, partition: int, *, epoch: int, start: int, metadata: str
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.number = b"%d" % partition
        self.prefix = f"partition:{partition}/offset:"
        self.metadata = metadata
        self.live = True
        self.acked = start
        self.next = start
        self.stored = start
        self._gaps: deque[tuple[int, int]] = deque()

    def __repr__(self) -> str:
        lost = "" if self.live else " given up"
        return f"<{self.topic}[{self.partition}]#{self.epoch} at {self.acked}..{self.next}{lost}>"

    @property
    def safe(self) -> bool:
        """Where it starts is committed, or something after it."""
        return self.stored >= 0

    def ended(self, offset: int) -> None:
        """Take note that only control and compacted records lie between `next` and `offset`.

        They are never handed out, so no acknowledgement would ever carry the mark over them.
        """
        if offset > self.next:
            if self._gaps and self._gaps[-1][0] == self.next:
                self._gaps.pop()
            self._gaps.append((self.next, offset))

    def mark(self) -> int:
        """Return the offset that may be committed: all before it are settled or never come."""
        acked, gaps = self.acked, self._gaps
        while gaps and gaps[0][0] < acked:
            gaps.popleft()
        return gaps[0][1] if gaps and gaps[0][0] == acked else acked
