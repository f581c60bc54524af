"""A group without order, on one topic of one broker.

The broker keeps a mark for each queue, up to which messages have been given out, and a *checkpoint*
for each message given out and not acknowledged. A checkpoint whose time is up puts its message into
a line of its own, the group's retry topic, from where it is given out again with one attempt more.

Only the newest handle means a checkpoint that is there. An acknowledgement with an older one finds
none and is answered with OK all the same. A change with an older one makes a *second* checkpoint of
the same message, which then comes twice; that too is as the real broker has it, and why a client
must never change what it has changed already by the older handle.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from eventing_alibaba.testing.emulators.rocketmq.core.fate import Tally
from eventing_alibaba.testing.emulators.rocketmq.core.handles import Receipt
from eventing_alibaba.testing.emulators.rocketmq.core.message import Stored
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Counts, Popped, Taken, Wish

_AGAIN_FIRST: Final = 5
"""Each fifth receive begins with what is given out again; the others only end with it."""

_SLACK: Final = 1000


@dataclass(slots=True)
class _Checkpoint:
    message: Stored
    until: int
    attempt: int
    owner: str | None


class FreeProgress:
    """See `Progress`; `logs` are the topic's queues on this broker."""

    def __init__(self, logs: Sequence[list[Stored]]) -> None:
        self.tally = Tally()
        self._logs = logs
        self._marks = [0] * len(logs)
        self._turn = 0
        self._receives = 0
        self._numbers = count(1)
        self._again: deque[tuple[Stored, int]] = deque()
        self._held: dict[int, _Checkpoint] = {}
        self._due: list[tuple[int, int]] = []

    def take(self, now: int, wish: Wish) -> Taken:
        """Give messages out, of all queues in turns."""
        self.settle(now)
        taken = Taken([], [])
        self._receives += 1
        if self._receives % _AGAIN_FIRST == 0:
            self._take_again(now, wish, taken)
        self._take_fresh(now, wish, taken)
        self._take_again(now, wish, taken)
        return taken

    def ack(self, now: int, receipt: Receipt) -> bool:
        """Remove the checkpoint, if there is one."""
        self.settle(now)
        checkpoint = self._held.pop(receipt.number, None)
        if self.find(receipt) is not None:
            counts = checkpoint is not None
            self.tally.acked(receipt.queue, receipt.offset, counts=counts)
        return checkpoint is not None

    def change(self, now: int, receipt: Receipt, invisible: int) -> Receipt:
        """Make a new checkpoint, and remove the one of the receipt, if there is one."""
        self.settle(now)
        message = self.find(receipt)
        if message is None:
            return receipt
        old = self._held.pop(receipt.number, None)
        self.tally.extended(receipt.queue, receipt.offset)
        attempt = old.attempt if old is not None else 1
        return self._hold(now, message, invisible, attempt, again=receipt.again)

    def find(self, receipt: Receipt) -> Stored | None:
        """Return the message at the receipt's place."""
        if not 0 <= receipt.queue < len(self._logs):
            return None
        log = self._logs[receipt.queue]
        return log[receipt.offset] if 0 <= receipt.offset < len(log) else None

    def settle(self, now: int) -> None:
        """Line up what ran out."""
        due = self._due
        while due and due[0][0] <= now:
            until, number = heapq.heappop(due)
            checkpoint = self._held.get(number)
            if checkpoint is None or checkpoint.until != until:
                continue
            del self._held[number]
            message = checkpoint.message
            self.tally.expired(message.queue, message.offset)
            self._again.append((message, checkpoint.attempt + 1))

    def next_due(self) -> int | None:
        """When the next checkpoint may run out."""
        return self._due[0][0] if self._due else None

    def leave(self, now: int, owner: str, invisible: int) -> None:
        """Let what a client holds run out soon."""
        self._until(self._of(frozenset({owner})), now + invisible)

    def renew(self, now: int, alive: frozenset[str], invisible: int) -> None:
        """Hide what living clients hold for longer; their handles stay good."""
        self._until(self._of(alive), now + invisible)

    def age(self, milliseconds: int) -> None:
        """Let all held messages be due earlier."""
        for checkpoint in self._held.values():
            checkpoint.until -= milliseconds
        self._due = [(c.until, number) for number, c in self._held.items()]
        heapq.heapify(self._due)

    def counts(self, now: int) -> Counts:
        """Return how many messages are in each state."""
        self.settle(now)
        fresh = sum(len(log) - mark for log, mark in zip(self._logs, self._marks, strict=True))
        return Counts(fresh, len(self._again), len(self._held))

    def _take_fresh(self, now: int, wish: Wish, taken: Taken) -> None:
        queues = len(self._logs)
        self._turn += 1
        for step in range(queues):
            queue = (self._turn + step) % queues
            log, at = self._logs[queue], self._marks[queue]
            while at < len(log) and len(taken.messages) < wish.limit:
                message = log[at]
                at += 1
                if wish.wants is None or wish.wants(message.draft):
                    taken.messages.append(
                        self._give(now, message, wish, 1 + message.draft.past, again=0)
                    )
                else:
                    self.tally.filtered(queue, message.offset)
            self._marks[queue] = at

    def _take_again(self, now: int, wish: Wish, taken: Taken) -> None:
        while self._again and len(taken.messages) < wish.limit:
            message, attempt = self._again.popleft()
            if attempt > wish.most_attempts:
                self.tally.dead(message.queue, message.offset)
                taken.dead.append((message, attempt))
            elif wish.wants is None or wish.wants(message.draft):
                taken.messages.append(self._give(now, message, wish, attempt, again=1))
            else:
                self.tally.filtered(message.queue, message.offset)

    def _give(self, now: int, message: Stored, wish: Wish, attempt: int, *, again: int) -> Popped:
        self.tally.received(message.queue, message.offset)
        receipt = self._hold(now, message, wish.invisible, attempt, again=again, owner=wish.owner)
        return Popped(message, receipt, attempt)

    def _hold(
        self,
        now: int,
        message: Stored,
        invisible: int,
        attempt: int,
        *,
        again: int,
        owner: str | None = None,
    ) -> Receipt:
        number = next(self._numbers)
        self._held[number] = _Checkpoint(message, now + invisible, attempt, owner)
        due = self._due
        heapq.heappush(due, (now + invisible, number))
        if len(due) > 2 * len(self._held) + _SLACK:
            self._due = [(c.until, n) for n, c in self._held.items()]
            heapq.heapify(self._due)
        place = message.broker, message.queue, message.offset
        return Receipt(message.offset, now, invisible, 0, again, *place, number)

    def _of(self, owners: frozenset[str]) -> Iterator[tuple[int, _Checkpoint]]:
        return ((n, c) for n, c in self._held.items() if c.owner in owners)

    def _until(self, found: Iterator[tuple[int, _Checkpoint]], until: int) -> None:
        for number, checkpoint in list(found):
            checkpoint.until = until
            heapq.heappush(self._due, (until, number))

    def __repr__(self) -> str:
        held, again = len(self._held), len(self._again)
        return f"<FreeProgress marks={self._marks} {held} held, {again} again>"
