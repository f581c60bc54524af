"""Which visible message is received next: by priority, or one at a time per message group.

Both orders are told of the same four things: a message was sent, it can be seen (again), it is
taken, it is gone. Neither knows of time.
"""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import Protocol

from eventing_alibaba.testing.emulators.mns.core.message import Message


class Order(Protocol):
    """What a queue needs of an order."""

    def sent(self, message: Message) -> None:
        """Take note of a new message, visible or not."""

    def show(self, message: Message) -> None:
        """Let a message be received; `shown` is True already."""

    def take(self, limit: int) -> list[Message]:
        """Return the next messages, `shown` being False from now on."""

    def gone(self, message: Message) -> None:
        """Take note that a message is no more in the queue; `shown` is False already."""

    def first(self, limit: int) -> list[Message]:
        """Return what `take` would, and leave everything as it is."""


class ByPriority:
    """A standard queue: priority first, then who became visible first."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Message]] = []
        self._numbers = count()

    def sent(self, message: Message) -> None:
        """Nothing is to be noted."""

    def show(self, message: Message) -> None:
        """Line the message up."""
        heapq.heappush(self._heap, (message.draft.priority, next(self._numbers), message))

    def take(self, limit: int) -> list[Message]:
        """Return the next messages."""
        taken: list[Message] = []
        heap = self._heap
        while heap and len(taken) < limit:
            message = heapq.heappop(heap)[2]
            if message.shown:  # else it expired in the line
                message.shown = False
                taken.append(message)
        return taken

    def gone(self, message: Message) -> None:
        """Leave it in the line, where it is passed over."""

    def first(self, limit: int) -> list[Message]:
        """Return what `take` would."""
        entries: list[tuple[int, int, Message]] = []
        heap = self._heap
        while heap and len(entries) < limit:
            entry = heapq.heappop(heap)
            if entry[2].shown:
                entries.append(entry)
        for entry in entries:
            heapq.heappush(heap, entry)
        return [message for _, _, message in entries]


class ByGroup:
    """A FIFO queue: of each group only the oldest message, and no other until it is gone.

    That holds within a batch too: the documentation lets the next message of a group be pulled
    only when the one before is deleted or visible again. Groups take turns.
    """

    def __init__(self) -> None:
        self._groups: dict[str, deque[Message]] = {}
        self._turns: dict[str, None] = {}

    def sent(self, message: Message) -> None:
        """Put it behind those of its group."""
        self._groups.setdefault(_group(message), deque()).append(message)

    def show(self, message: Message) -> None:
        """Give the group a turn if this is its oldest."""
        group = _group(message)
        if self._groups[group][0] is message:
            self._turns[group] = None

    def take(self, limit: int) -> list[Message]:
        """Return the oldest of each group whose turn it is."""
        taken = self.first(limit)
        for message in taken:
            del self._turns[_group(message)]
            message.shown = False
        return taken

    def gone(self, message: Message) -> None:
        """Let the next of its group come."""
        group = _group(message)
        line = self._groups[group]
        line.remove(message)  # nearly always the first
        self._turns.pop(group, None)
        if not line:
            del self._groups[group]
        elif line[0].shown:
            self._turns[group] = None

    def first(self, limit: int) -> list[Message]:
        """Return what `take` would."""
        groups = [group for group, _ in zip(self._turns, range(limit), strict=False)]
        return [self._groups[group][0] for group in groups]


def _group(message: Message) -> str:
    return message.draft.group or ""
