"""Bringing messages back from where a broker has put those that nobody could handle.

A source whose broker has dead-letter queues may have a method of its spec

    def redrive(self, context: Context, wish: Wish) -> AsyncIterator[Progress]

which is found by its name. It is an asynchronous generator that moves messages and yields after
each step; whoever iterates may stop at any time, and closes it then. A message is removed from the
dead-letter queue only when its place of origin has it again. So a process that is killed in between
may leave a message in both, and never in none; begun anew, it goes on with what is left.

It raises SourceError, or `Unredrivable` with a sentence where the wish cannot be fulfilled.
"""

from __future__ import annotations

from dataclasses import dataclass


class Unredrivable(ValueError):
    """What was asked for cannot be had; the text is a sentence that says what can."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to bring back.

    Attributes:
        source: the queue or topic to take from.
        most: messages to move; None = all.
        dry_run: say what would be done, and do nothing.
    """

    source: str
    most: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        moved: messages that are back for good and removed; in a dry run, those that would be.
        left: messages that are not; None where the broker does not tell.
        held: messages that are in somebody's hands and may come again; None likewise.
        repeated: messages that are back, but could not be removed: they will be moved twice.
    """

    moved: int
    left: int | None = None
    held: int | None = None
    repeated: int = 0
