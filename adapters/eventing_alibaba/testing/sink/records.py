"""What the sink remembers of each request: columns of numbers, 30 bytes a delivery.

Sinks in tests take a million events while a test looks at memory, so a record is not kept as an
object. It is put together when somebody reads it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from eventing_alibaba.testing.identity import EventIds


@dataclass(slots=True, frozen=True)
class Record:
    """One delivery of one event.

    Attributes:
        order: 0, 1, 2, ... as deliveries arrived at this sink; those of a batch in its order.
        id, source: of the event.
        attempt: the how-manieth delivery of this event at this sink, from 1.
        status: what was answered, whole; 0 = nothing (yet): pending, dropped, cut, disconnected.
        arrived: when the request had been read, in seconds of `contract.clock.now()`.
        answered: when the answer was written, same clock; None while `status` is 0.
        connection: number of the connection it came on, from 1.
    """

    order: int
    id: str
    source: str
    attempt: int
    status: int
    arrived: float
    answered: float | None
    connection: int


class Records(Sequence[Record]):
    """All deliveries in order of arrival, grows while the sink runs.

    Attributes:
        events: how many different events arrived.
        delivered: how many of them were answered with a 2xx at least once.
    """

    def __init__(self) -> None:
        self._ids = EventIds()
        self._attempts = array("I")
        self._done = bytearray()
        self._event = array("I")
        self._attempt = array("I")
        self._status = array("H")
        self._arrived = array("d")
        self._answered = array("d")
        self._connection = array("I")
        self.delivered = 0

    @property
    def events(self) -> int:
        """How many different events arrived."""
        return len(self._ids)

    def arrive(self, event_id: str, source: str, at: float, connection: int) -> int:
        """Add a delivery that is not answered yet; return its attempt."""
        event = self._ids.add(source, event_id)
        if event == len(self._attempts):
            self._attempts.append(1)
            self._done.append(0)
            attempt = 1
        else:
            attempt = self._attempts[event] = self._attempts[event] + 1
        self._event.append(event)
        self._attempt.append(attempt)
        self._status.append(0)
        self._arrived.append(at)
        self._answered.append(0.0)
        self._connection.append(connection)
        return attempt

    def answer(self, order: int, status: int, at: float) -> None:
        """Note what a delivery was answered."""
        self._status[order] = status
        self._answered[order] = at
        if 200 <= status < 300:
            event = self._event[order]
            if not self._done[event]:
                self._done[event] = 1
                self.delivered += 1

    def __len__(self) -> int:
        return len(self._event)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self._record(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        return self._record(index % len(self))

    def __iter__(self) -> Iterator[Record]:
        return (self._record(order) for order in range(len(self)))

    def of(self, event_id: str, source: str | None = None) -> list[Record]:
        """Return the deliveries of one event, in order; looks through all."""
        return [r for r in self if r.id == event_id and source in (None, r.source)]

    def _record(self, order: int) -> Record:
        event = self._event[order]
        status = self._status[order]
        return Record(
            order,
            self._ids.id(event),
            self._ids.source(event),
            self._attempt[order],
            status,
            self._arrived[order],
            self._answered[order] if status else None,
            self._connection[order],
        )

    def __repr__(self) -> str:
        return f"<Records {len(self)} of {self.events} events, {self.delivered} delivered>"
