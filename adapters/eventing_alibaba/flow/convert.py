"""Message to request: the source maps it to an event, the sink encodes the event.

Done just before a request is written, not when a message is received, so that only what is on the
wire exists twice in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.delivery import Delivery


class Unconvertible(Exception):
    """The message cannot become an event; the text is a sentence that says why."""


class Converter:
    """Makes the next request of a delivery.

    `event` is the source's mapping, `encode` the sink's. Call it with a delivery.
    """

    def __init__(
        self,
        event: Callable[[Message], Event | Sequence[Event]],
        encode: Callable[[Event], bytes],
    ) -> None:
        self._event = event
        self._encode = encode

    def __call__(self, delivery: Delivery) -> bytes | None:
        """Return the next request, or None when the message maps to no event at all.

        Raises Unconvertible.
        """
        message = delivery.message
        if message.defect is not None:
            raise Unconvertible(message.defect)
        try:
            rest = delivery.rest
            if rest is None:
                event = self._event(message)
                if event.__class__ is Event:
                    return self._encode(event)
                # Several events of one message go one after the other, and it is settled with the
                # last; the list is reversed so that the next one is its end.
                delivery.rest = rest = list(reversed(event))  # type: ignore[arg-type]
            return self._encode(rest[-1]) if rest else None
        except ValueError as error:
            raise Unconvertible(str(error)) from error
