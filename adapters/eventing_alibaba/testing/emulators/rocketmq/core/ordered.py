"""A FIFO group, on one topic of one broker: a queue is given out as a whole, or not at all.

What a receive takes of a queue is one *pop*: offsets, each acknowledged or not, each invisible
until some time. While any message of the pop is neither acknowledged nor visible again, nothing
more is given out of that queue. When there is none, the next pop begins at the first message that
was not acknowledged, and replaces this one: acknowledgements after a gap are forgotten, and handles
of the older pop are void, though they are answered with OK.

A message's attempt is one more each time that it is given out again in a pop that follows one that
had it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eventing_alibaba.testing.emulators.rocketmq.core.fate import Tally
from eventing_alibaba.testing.emulators.rocketmq.core.handles import ORDERED, Receipt
from eventing_alibaba.testing.emulators.rocketmq.core.message import Stored
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Counts, Popped, Taken, Wish


@dataclass(slots=True)
class _Pop:
    """What was last given out of a queue."""

    at: int
    attempt_id: str | None
    owner: str | None
    until: dict[int, int]
    acked: set[int] = field(default_factory=set)
    again: dict[int, int] = field(default_factory=dict)

    def frees_at(self) -> int:
        """When the last unacknowledged message is visible again; 0 = now."""
        return max((at for offset, at in self.until.items() if offset not in self.acked), default=0)


class OrderedProgress:
    """See `Progress`; `logs` are the topic's queues on this broker."""

    def __init__(self, logs: Sequence[list[Stored]]) -> None:
        self.tally = Tally()
        self._logs = logs
        self._marks = [0] * len(logs)
        self._pops: list[_Pop | None] = [None] * len(logs)
        self._turn = 0

    def take(self, now: int, wish: Wish) -> Taken:
        """Give out what is first in each queue that is free."""
        taken = Taken([], [])
        queues = len(self._logs)
        self._turn += 1
        for step in range(queues):
            if len(taken.messages) >= wish.limit:
                break
            self._take_of((self._turn + step) % queues, now, wish, taken)
        return taken

    def ack(self, now: int, receipt: Receipt) -> bool:  # noqa: ARG002 - a promise of `Progress`
        """Note it in the pop it belongs to, and move the mark to the first that is not done."""
        if self.find(receipt) is None:
            return False
        queue, offset = receipt.queue, receipt.offset
        pop = self._pops[queue]
        counts = (
            pop is not None
            and offset >= self._marks[queue]
            and pop.at == receipt.popped_at
            and offset in pop.until
            and offset not in pop.acked
        )
        if counts:
            assert pop is not None
            pop.acked.add(offset)
            self._move(queue, pop)
        else:
            self.tally.acked(queue, offset, counts=False)
        return counts

    def change(self, now: int, receipt: Receipt, invisible: int) -> Receipt:
        """Hide one message until another time; the handle's time begins at the pop."""
        if self.find(receipt) is None:
            return receipt
        queue, offset = receipt.queue, receipt.offset
        pop = self._pops[queue]
        if pop is not None and pop.at == receipt.popped_at and offset >= self._marks[queue]:
            pop.until[offset] = now + invisible
            self.tally.extended(queue, offset)
        return receipt._replace(invisible=now + invisible - receipt.popped_at)

    def find(self, receipt: Receipt) -> Stored | None:
        """Return the message at the receipt's place."""
        if not 0 <= receipt.queue < len(self._logs):
            return None
        log = self._logs[receipt.queue]
        return log[receipt.offset] if 0 <= receipt.offset < len(log) else None

    def settle(self, now: int) -> None:
        """Nothing happens by itself: a queue is free or not when somebody asks."""

    def next_due(self) -> int | None:
        """When the next queue that is locked and has messages left is free."""
        times = [
            pop.frees_at()
            for pop, mark, log in zip(self._pops, self._marks, self._logs, strict=True)
            if pop is not None and mark < len(log)
        ]
        return min((at for at in times if at), default=None)

    def leave(self, now: int, owner: str, invisible: int) -> None:
        """Let what a client holds run out soon."""
        self._until(frozenset({owner}), now + invisible)

    def renew(self, now: int, alive: frozenset[str], invisible: int) -> None:
        """Hide what living clients hold for longer."""
        self._until(alive, now + invisible)

    def age(self, milliseconds: int) -> None:
        """Let all held messages be due earlier."""
        for pop in self._pops:
            if pop is not None:
                pop.until = {offset: at - milliseconds for offset, at in pop.until.items()}

    def counts(self, now: int) -> Counts:
        """Return how many messages are in each state; what waits behind a lock is fresh."""
        again = held = behind = 0
        for queue, pop in enumerate(self._pops):
            left = len(self._logs[queue]) - self._marks[queue]
            if pop is not None:
                open_ = [offset for offset in pop.until if offset not in pop.acked]
                waiting = sum(pop.until[offset] > now for offset in open_)
                held += waiting
                again += len(open_) - waiting
                left -= sum(offset >= self._marks[queue] for offset in pop.until)
            behind += max(left, 0)
        return Counts(behind, again, held)

    def _take_of(self, queue: int, now: int, wish: Wish, taken: Taken) -> None:
        last = self._pops[queue]
        repeats = last is not None and last.attempt_id is not None
        repeats = repeats and last is not None and last.attempt_id == wish.attempt_id
        if last is not None and not repeats and last.frees_at() > now:
            return
        room = wish.limit - len(taken.messages)
        found = self._wanted(queue, room, wish)
        if not found:
            self._pops[queue] = None
            return
        pop = _Pop(now, wish.attempt_id, wish.owner, dict.fromkeys(found, now + wish.invisible))
        if last is not None:
            if repeats:
                pop.again = last.again
            else:
                self._replace(queue, last, pop)
        self._pops[queue] = pop
        self._give(queue, pop, wish, taken)

    def _give(self, queue: int, pop: _Pop, wish: Wish, taken: Taken) -> None:
        log, first = self._logs[queue], min(pop.until)
        for offset in pop.until:
            message = log[offset]
            attempt = 1 + message.draft.past + pop.again.get(offset, 0)
            if attempt > wish.most_attempts:
                self.tally.dead(queue, offset)
                taken.dead.append((message, attempt))
                pop.acked.add(offset)
                continue
            place = message.broker, queue, offset
            receipt = Receipt(first, pop.at, wish.invisible, ORDERED, 0, *place, offset)
            self.tally.received(queue, offset)
            taken.messages.append(Popped(message, receipt, attempt))
        if pop.acked:
            self._move(queue, pop)

    def _replace(self, queue: int, last: _Pop, pop: _Pop) -> None:
        """Count again what comes again; what was acknowledged after a gap was in vain."""
        for offset in pop.until:
            if offset in last.until:
                pop.again[offset] = last.again.get(offset, 0) + 1
                if offset in last.acked:
                    self.tally.acked(queue, offset, counts=False)
                else:
                    self.tally.expired(queue, offset)

    def _wanted(self, queue: int, room: int, wish: Wish) -> list[int]:
        """Return the next offsets that a filter passes; what comes before them is passed over."""
        log, at = self._logs[queue], self._marks[queue]
        found: list[int] = []
        while at < len(log) and len(found) < room:
            if wish.wants is None or wish.wants(log[at].draft):
                found.append(at)
            else:
                self.tally.filtered(queue, at)
            at += 1
        if not found:
            self._marks[queue] = at
        return found

    def _move(self, queue: int, pop: _Pop) -> None:
        """Put the mark to the first message that is not done; those before count as acknowledged.

        Only now: an acknowledgement after a gap may yet be in vain.
        """
        open_ = [offset for offset in pop.until if offset not in pop.acked]
        mark = min(open_) if open_ else max(pop.until) + 1
        for offset in pop.until:
            if self._marks[queue] <= offset < mark and not self.tally.of(queue, offset).dead:
                self.tally.acked(queue, offset, counts=True)
        self._marks[queue] = mark

    def _until(self, owners: frozenset[str], until: int) -> None:
        for pop in self._pops:
            if pop is not None and pop.owner in owners:
                pop.until = {o: at if o in pop.acked else until for o, at in pop.until.items()}

    def __repr__(self) -> str:
        locked = [pop.frees_at() if pop else 0 for pop in self._pops]
        return f"<OrderedProgress marks={self._marks} locked until {locked}>"
