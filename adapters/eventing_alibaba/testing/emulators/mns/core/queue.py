"""One queue: a state machine over messages that are delayed, visible, invisible, or gone.

Nothing happens by itself. Each call first does what time has brought since the last one (`settle`):
messages whose time is up become visible, or go to the dead-letter queue if they have been received
too often; those older than the retention period are dropped.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from eventing_alibaba.testing.emulators.mns.core import handles
from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError, out_of_range
from eventing_alibaba.testing.emulators.mns.core.message import Draft, Message
from eventing_alibaba.testing.emulators.mns.core.order import ByGroup, ByPriority, Order
from eventing_alibaba.testing.emulators.mns.core.settings import LONGEST_VISIBILITY, QueueSettings

_SLACK: Final = 1000


@dataclass(slots=True, frozen=True, kw_only=True)
class DeadLetterPolicy:
    """After `max_receive_count` receipts in vain a message moves to the queue `target`."""

    target: str
    max_receive_count: int


class Counts(NamedTuple):
    """How many messages are visible, received but not deleted, not yet visible for the first time.

    The service's names are ActiveMessages, InactiveMessages, DelayMessages.
    """

    active: int
    inactive: int
    delayed: int


class Queue:
    """A queue; all times are milliseconds since the epoch.

    Args:
        name: of the queue.
        settings: what users set.
        now: when it is created.
        incarnation: a number that no other queue of the account has, of the same name or not.
        fifo: keep the order of each message group.
        bury: takes a message that was received too often; False = it cannot, the message stays.
    """

    def __init__(
        self,
        name: str,
        settings: QueueSettings,
        now: int,
        *,
        incarnation: int,
        fifo: bool = False,
        bury: Callable[[Message], bool] = lambda _: False,
    ) -> None:
        self.name = name
        self.settings = settings
        self.fifo = fifo
        self.created = self.modified = now
        self.incarnation = incarnation
        self.dead_letter: DeadLetterPolicy | None = None
        self._bury = bury
        self._order: Order = ByGroup() if fifo else ByPriority()
        self._messages: dict[int, Message] = {}
        self._waiting: list[tuple[int, int, int]] = []  # (visible_at, serial, receipt)
        self._ages: list[tuple[int, int]] = []  # (enqueued, serial)
        self._serial = 0
        self._shown = 0
        self._delayed = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages.values())

    def change_settings(self, now: int, settings: QueueSettings) -> None:
        """Replace the settings; they hold for the messages that are there, too."""
        self.settings = settings
        self.modified = now

    def send(self, now: int, draft: Draft, *, id: str) -> Message:  # noqa: A002 - its name
        """Put a message in; a delayed one gets a handle at once."""
        delay = self.settings.delay_seconds if draft.delay is None else draft.delay
        return self.accept(now, draft, id=id, enqueued=now, delay=delay)

    def accept(
        self,
        now: int,
        draft: Draft,
        *,
        id: str,  # noqa: A002 - its name
        enqueued: int,
        delay: int = 0,
    ) -> Message:
        """Put a message in that may be older than its stay in this queue."""
        self._serial += 1
        message = Message(self._serial, id, draft, enqueued, now + delay * 1000)
        self._messages[message.serial] = message
        heapq.heappush(self._ages, (enqueued, message.serial))
        self._order.sent(message)
        if delay:
            message.receipt = 1
            self._delayed += 1
            heapq.heappush(self._waiting, (message.visible_at, message.serial, 1))
        else:
            self._show(message)
        return message

    def receive(self, now: int, limit: int) -> list[Message]:
        """Take up to `limit` messages, each with a new handle; [] if none is visible."""
        self.settle(now)
        taken = self._order.take(limit)
        self._shown -= len(taken)
        hidden_until = now + self.settings.visibility_timeout * 1000
        for message in taken:
            message.dequeues += 1
            if message.dequeues == 1:
                message.first_dequeued = now
            self._hide(message, hidden_until)
        return taken

    def peek(self, now: int, limit: int) -> list[Message]:
        """Return up to `limit` of the messages that `receive` would take, leaving them there."""
        self.settle(now)
        return self._order.first(limit)

    def delete(self, now: int, handle: str) -> None:
        """Remove a message. Raises ServiceError where the handle is not good."""
        self._remove(self._held(now, handle))

    def change_visibility(self, now: int, handle: str, seconds: int) -> Message:
        """Hide a message for `seconds` from now, under a new handle.

        Raises ServiceError where the handle is not good, or the time out of bounds.
        """
        message = self._held(now, handle)
        if not 1 <= seconds <= LONGEST_VISIBILITY:
            raise out_of_range("VisibilityTimeout", 1, LONGEST_VISIBILITY, "seconds")
        self._hide(message, now + seconds * 1000)
        return message

    def handle(self, message: Message) -> str:
        """Return the newest handle of a message."""
        return handles.issue(self.incarnation, message.serial, message.receipt)

    def counts(self, now: int) -> Counts:
        """Return how many messages there are in each state."""
        self.settle(now)
        hidden = len(self._messages) - self._shown - self._delayed
        return Counts(self._shown, hidden, self._delayed)

    def next_visible(self) -> int | None:
        """Return when the next hidden message may become visible; never too late."""
        return self._waiting[0][0] if self._waiting else None

    def settle(self, now: int) -> None:
        """Do what time has brought."""
        waiting, messages = self._waiting, self._messages
        while waiting and waiting[0][0] <= now:
            _, serial, receipt = heapq.heappop(waiting)
            message = messages.get(serial)
            if message is None or message.receipt != receipt or message.shown:
                continue
            if message.dequeues == 0:
                self._delayed -= 1
            policy = self.dead_letter
            if policy and message.dequeues >= policy.max_receive_count and self._bury(message):
                self._forget(message)
            else:
                self._show(message)
        oldest = now - self.settings.message_retention_period * 1000
        while self._ages and self._ages[0][0] <= oldest:
            found = messages.get(heapq.heappop(self._ages)[1])
            if found is not None:
                self._remove(found)

    def age(self, milliseconds: int) -> None:
        """Make everything so much older: as if all that happened had happened earlier."""
        for message in self._messages.values():
            message.enqueued -= milliseconds
            message.visible_at -= milliseconds
            message.first_dequeued -= milliseconds if message.first_dequeued else 0
            message.rendered = None
        self._waiting = [(at - milliseconds, *rest) for at, *rest in self._waiting]  # type: ignore[misc]
        self._ages = [(at - milliseconds, serial) for at, serial in self._ages]

    def _held(self, now: int, handle: str) -> Message:
        receipt = handles.read(handle)
        self.settle(now)
        message = self._messages.get(receipt.message)
        if (
            message is None
            or receipt.queue != self.incarnation
            or message.receipt != receipt.number
            or message.visible_at <= now
        ):
            raise ServiceError("MessageNotExist")
        return message

    def _show(self, message: Message) -> None:
        message.shown = True
        self._shown += 1
        self._order.show(message)

    def _hide(self, message: Message, until: int) -> None:
        message.visible_at = until
        message.receipt += 1
        waiting = self._waiting
        heapq.heappush(waiting, (until, message.serial, message.receipt))
        if len(waiting) > 2 * len(self._messages) + _SLACK:
            self._waiting = [e for e in waiting if self._waits(e[1], e[2])]
            heapq.heapify(self._waiting)

    def _waits(self, serial: int, receipt: int) -> bool:
        message = self._messages.get(serial)
        return message is not None and message.receipt == receipt and not message.shown

    def _remove(self, message: Message) -> None:
        if message.shown:
            message.shown = False
            self._shown -= 1
        elif message.dequeues == 0:
            self._delayed -= 1
        self._forget(message)

    def _forget(self, message: Message) -> None:
        del self._messages[message.serial]
        self._order.gone(message)
        if len(self._ages) > 2 * len(self._messages) + _SLACK:
            self._ages = [e for e in self._ages if e[1] in self._messages]
            heapq.heapify(self._ages)

    def __repr__(self) -> str:
        kind = "FIFO queue" if self.fifo else "queue"
        hidden = len(self._messages) - self._shown - self._delayed
        return (
            f"<{kind} {self.name}: {self._shown} visible, {hidden} held, {self._delayed} delayed>"
        )
