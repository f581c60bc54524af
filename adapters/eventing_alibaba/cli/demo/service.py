"""The service of the demo: the recording sink of the test kit, and what it has accepted, in order.

An event counts as accepted when the service has done its work, which is when the whole 2xx has been
written. An answer that is cut in the middle is the other way round: the work was done and only the
word of it is lost. So such an event counts too, and the adapter, which cannot know, brings it
again: the duplicate that at-least-once delivery owes to everybody.

A demo runs for as long as somebody watches, and the sink's records grow with every delivery. They
are begun anew once in a while; a request that is still being answered keeps the old ones alive.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.sink import Answer, ReceivedEvent, RecordingSink, Records
from eventing_alibaba.testing.sink.decode import Headers
from eventing_alibaba.testing.sink.server import Receipt

_MOST_RECORDS: Final = 100_000
_MOST_OPEN: Final = 4_096
"""More requests than any adapter has on the wire; the oldest of more were cut."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event and when (`contract.now()`) the service was done with it."""

    event: ReceivedEvent
    at: float


class Service(RecordingSink):
    """A sink whose accepted events are taken from `accepted`, oldest first."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port, keep=_MOST_OPEN)
        self.accepted: deque[Accepted] = deque()
        # Being answered: event by identity of the records and order in them.
        self._answering: dict[tuple[int, int], ReceivedEvent] = {}

    def receive(
        self, method: bytes, url: bytes, headers: Headers, body: bytes, connection: int
    ) -> tuple[Answer, Receipt]:
        """Record a request, and remember its events until it is answered."""
        if len(self.records) >= _MOST_RECORDS:
            self.records = Records()
        answer, receipt = super().receive(method, url, headers, body, connection)
        records, first, count = receipt
        for order in range(count):
            event = self.events[order - count]
            if answer.fault is None:
                self._answering[id(records), first + order] = event
            elif answer.fault == "half" and 200 <= answer.status < 300:
                self.accepted.append(Accepted(event, now()))
        while len(self._answering) > _MOST_OPEN:
            del self._answering[next(iter(self._answering))]
        return answer, receipt

    def answered(self, receipt: Receipt, status: int) -> None:
        """Take what was answered with a 2xx as accepted."""
        super().answered(receipt, status)
        records, first, count = receipt
        at = now()
        for order in range(first, first + count):
            event = self._answering.pop((id(records), order), None)
            if event is not None and 200 <= status < 300:
                self.accepted.append(Accepted(event, at))
