"""How far a group has come with one topic on one broker: what both kinds of groups promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from eventing_alibaba.testing.emulators.rocketmq.core.fate import Tally
from eventing_alibaba.testing.emulators.rocketmq.core.handles import Receipt
from eventing_alibaba.testing.emulators.rocketmq.core.message import Stored
from eventing_alibaba.testing.emulators.rocketmq.core.tag import Filter


@dataclass(slots=True)
class Popped:
    """A message as it is given out: with its receipt, and which delivery of it this is."""

    message: Stored
    receipt: Receipt
    attempt: int


@dataclass(slots=True, kw_only=True)
class Wish:
    """What a receive asks for.

    Attributes:
        limit: so many messages at most.
        invisible: for so long, in ms.
        wants: the filter; None = all.
        most_attempts: what was delivered so often goes to the dead-letter topic instead.
        attempt_id: a FIFO receive that repeats one whose answer was lost has its id.
        owner: the client whose life keeps the messages invisible (push consumers), None = time.
    """

    limit: int
    invisible: int
    wants: Filter | None = None
    most_attempts: int = 17
    attempt_id: str | None = None
    owner: str | None = None


class Taken(NamedTuple):
    """What a receive brought.

    Attributes:
        messages: to be given out.
        dead: those delivered too often, each with the number of the delivery it would have been.
    """

    messages: list[Popped]
    dead: list[tuple[Stored, int]]


class Counts(NamedTuple):
    """How many messages were never given out, are to be given out again, are held."""

    fresh: int
    again: int
    held: int


class Progress(Protocol):
    """One group on one topic of one broker. All times are ms since the epoch."""

    tally: Tally

    def take(self, now: int, wish: Wish) -> Taken:
        """Give messages out."""

    def ack(self, now: int, receipt: Receipt) -> bool:
        """Let a message be done; False where the receipt is no good, which nobody is told."""

    def change(self, now: int, receipt: Receipt, invisible: int) -> Receipt:
        """Hide a message for another time, and return its new receipt."""

    def find(self, receipt: Receipt) -> Stored | None:
        """Return the message of a receipt, good or not; None where there never was one."""

    def settle(self, now: int) -> None:
        """Do what time has brought."""

    def next_due(self) -> int | None:
        """When more can be taken than now; never too late."""

    def leave(self, now: int, owner: str, invisible: int) -> None:
        """Let what a client holds run out soon: it has gone."""

    def renew(self, now: int, alive: frozenset[str], invisible: int) -> None:
        """Hide what living clients hold for longer."""

    def age(self, milliseconds: int) -> None:
        """Let all held messages be due so much earlier."""

    def counts(self, now: int) -> Counts:
        """Return how many messages there are in each state."""
