"""When leases are extended, and who may touch a message meanwhile.

A broker with leases (a visibility timeout, an invisible duration) gives a message to somebody else
when the lease ends. So every lease is extended for as long as its message is held, however long the
service takes: at a third of its time, and at least 5 s before its end. It counts from before the
request that got it, so it never ends later here than at the broker.

Extending voids the receipt and brings a new one. An acknowledgement that crosses it would carry the
void one, and some brokers say "OK" to that and forget it. Therefore a message is in one call at a
time, of acknowledging, releasing and extending; what else is to be done with it waits for that call
and then uses the newest receipt.

Messages of one track, or of one lane where there are no tracks, are a *group*: their broker hands
out a FIFO queue as a whole and takes it back as a whole, so the whole of it is extended together.
A group with a message that was held for `max_hold` is not extended any more.

There is no timer for a message. What is held is bounded, and one walk through it tells what is due;
what is due within the next second or so goes with the same call.

A table without clock and I/O: `now` is always given, on the clock of `Message.lease`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Final, TypeAlias

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.delivery import Delivery

_PART: Final = 3
"""Leases are extended when this part of their time is over ..."""
_MARGIN: Final = 5.0
"""... and this many seconds before their end ..."""
_LEAST_PART: Final = 6
"""... but never before this part of it is over: one of 5 s must not be extended all the time."""

_SLACK: Final = 1.0
_SLACK_PART: Final = 30
"""What is due within a second, or a thirtieth of a lease, is extended by the same call."""

Key: TypeAlias = tuple[str, str, "Hashable | None", "float | None"]


def identity(message: Message) -> Hashable:
    """Return what names a message wherever it comes again.

    Not its id alone: a dead letter that is sent back may keep that, and is to be delivered.
    """
    return message.origin, message.id, message.time


def key_of(message: Message) -> Key:
    """Return what names a message among those that are held.

    A producer that tries again may put the same one into another queue; each has its own place.
    """
    return message.origin, message.id, _group(message), message.time


def _group(message: Message) -> Hashable | None:
    return message.lane if message.track is None else message.track


def renewal(start: float, end: float) -> float:
    """Return when to extend a lease that is known to run from `start` to `end`."""
    left = end - start
    return start + max(min(left / _PART, left - _MARGIN), left / _LEAST_PART)


class Call(Enum):
    """What a source is being asked to do with a message."""

    ACK = "ack"
    RELEASE = "release"
    EXTEND = "extend"


class Lease:
    """The lease of one message.

    Attributes:
        key: names the message across redeliveries.
        message: as last received or extended: its receipt is the newest one.
        group: messages with the same one are extended, lost and released together; None = alone.
        delivery: where the flow has it.
        since: when it was received.
        serial: counts what is received; acknowledgements of a group are in this order.
        due: when it is to be extended; infinite once it was held for too long.
        ends: when the broker gives it to somebody else.
        busy: the call that has it; the lease is not touched until that is back.
        releasing: the release that it waits for, or that is under way; None = it is kept.
        doubtful: the broker may know another receipt as the valid one, so that an acknowledgement
            that succeeds proves nothing.
    """

    __slots__ = (
        "busy",
        "delivery",
        "doubtful",
        "due",
        "ends",
        "group",
        "key",
        "message",
        "releasing",
        "serial",
        "since",
    )

    def __init__(
        self, key: Key, message: Message, delivery: Delivery, now: float, serial: int
    ) -> None:
        self.key = key
        self.busy: Call | None = None
        self.restart(message, delivery, now, serial)
        self.doubtful = False

    def restart(self, message: Message, delivery: Delivery, now: float, serial: int) -> None:
        """Begin anew with a redelivery. A call that is under way may have changed the receipt."""
        self.delivery = delivery
        self.since = now
        self.serial = serial
        self.releasing: object | None = None
        self.doubtful = True
        self.renew(message, now)

    def renew(self, message: Message, start: float) -> None:
        """Take the newest receipt, valid from `start`, a time before the request that got it."""
        self.message = message
        self.group = _group(message)
        self.ends = math.inf if message.lease is None else message.lease
        self.due = renewal(start, self.ends)

    @property
    def free(self) -> bool:
        """It may be extended: nothing else is done with it or is to be."""
        return (
            self.busy is None
            and self.releasing is None
            and not self.delivery.lost
            and not self.delivery.abandoned
        )

    def __repr__(self) -> str:
        released = self.releasing is not None
        state = "releasing" if released else "doubtful" if self.doubtful else "held"
        return (
            f"<Lease {self.key} {state} busy={self.busy} due={self.due:.1f} ends={self.ends:.1f}>"
        )


class Leases:
    """All leases of the process.

    Attributes:
        span: seconds, the longest lease that the broker gave; what is extended gets this much.
    """

    __slots__ = ("_by_key", "_max_hold", "_received", "span")

    def __init__(self, *, max_hold: float) -> None:
        self.span = 1.0
        self._max_hold = max_hold
        self._by_key: dict[Key, Lease] = {}
        self._received = 0

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Lease]:
        return iter(tuple(self._by_key.values()))

    def find(self, message: Message) -> Lease | None:
        """Return the lease of a message, by whichever of its receipts."""
        return self._by_key.get(key_of(message))

    def add(self, message: Message, delivery: Delivery, now: float) -> Lease:
        """Note a message that was received, or received again."""
        self._received += 1
        if message.lease is not None:
            self.span = max(self.span, float(math.ceil(message.lease - now)))
        key = key_of(message)
        lease = self._by_key.get(key)
        if lease is None:
            lease = self._by_key[key] = Lease(key, message, delivery, now, self._received)
        else:
            lease.restart(message, delivery, now, self._received)
        return lease

    def forget(self, lease: Lease) -> None:
        """Drop a lease that no call has."""
        self._by_key.pop(lease.key, None)

    def together(self, lease: Lease) -> list[Lease]:
        """Return the leases of its group in the order they were received, or it alone."""
        if lease.group is None:
            return [lease]
        return [other for other in self._by_key.values() if other.group == lease.group]

    def take_due(self, now: float) -> list[Lease]:
        """Return what is to be extended now, marked as busy with that."""
        soon = now + min(_SLACK, self.span / _SLACK_PART)
        held_since = now - self._max_hold
        due: set[Hashable] = set()
        tired: set[Hashable] = set()
        for lease in self._by_key.values():
            if lease.since <= held_since:
                tired.add(_unit(lease))
            elif lease.due <= soon and lease.free:
                due.add(_unit(lease))
        if not due and not tired:
            return []
        batch = []
        for lease in self._by_key.values():
            unit = _unit(lease)
            if unit in tired:
                lease.due = math.inf
            elif unit in due and lease.free:
                lease.busy = Call.EXTEND
                batch.append(lease)
        return batch

    def ended(self, now: float) -> list[Lease]:
        """Return the leases whose time is over. While it is settled, the answer to that decides."""
        return [
            lease
            for lease in self._by_key.values()
            if lease.ends <= now
            and not lease.delivery.lost
            and (lease.busy is None or lease.busy is Call.EXTEND)
        ]

    def next(self) -> float:
        """Return when something is due or ends next; infinite = never."""
        return min(
            (
                min(lease.due, lease.ends) if lease.free else lease.ends
                for lease in self._by_key.values()
                if not lease.delivery.lost and (lease.busy is None or lease.busy is Call.EXTEND)
            ),
            default=math.inf,
        )

    def __repr__(self) -> str:
        return f"<Leases {len(self._by_key)} of up to {self.span:g} s>"


def _unit(lease: Lease) -> Hashable:
    return lease if lease.group is None else lease.group
