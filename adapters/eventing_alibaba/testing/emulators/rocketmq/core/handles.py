"""Receipt handles: which pop of which message, readable as the real one is.

A real handle is nine numbers and words with blanks between them, and carries all that the broker
needs: first offset of the pop, its time, the invisible duration, the revive queue (999 for FIFO),
a mark for redeliveries, broker, queue, offset, and the place in the commit log. The last one is
here the number of the pop of this one message, which is what it is known by.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError

ORDERED: Final = 999
"""The revive queue that marks a handle as one of a FIFO group."""

_LEAST: Final = 8


class Receipt(NamedTuple):
    """What a handle stands for; times in ms."""

    start: int
    popped_at: int
    invisible: int
    revive: int
    again: int
    broker: str
    queue: int
    offset: int
    number: int

    @property
    def ends(self) -> int:
        """When the message is visible again, as far as this handle knows."""
        return self.popped_at + self.invisible

    def write(self) -> str:
        """Return the handle."""
        return " ".join(map(str, self))


def read(handle: str) -> Receipt:
    """Return what a handle stands for.

    Raises ServiceError (INTERNAL_SERVER_ERROR, as a real proxy answers) for what is no handle.
    """
    parts = handle.split(" ")
    if len(parts) < _LEAST:
        raise ServiceError("INTERNAL_SERVER_ERROR", f"Parse failed, dataList size {len(parts)}")
    try:
        numbers = [int(part) for part in (*parts[:5], *parts[6:9])]
    except ValueError as error:
        raise ServiceError("INTERNAL_SERVER_ERROR", f"Parse failed, {error}") from None
    start, popped_at, invisible, revive, again, queue, offset, *last = numbers
    number = last[0] if last else -1
    return Receipt(start, popped_at, invisible, revive, again, parts[5], queue, offset, number)
