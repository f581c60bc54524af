"""Message to request: the source maps it to an event, the sink encodes the event.

Done just before a request is written, not when a message is received, so that only what is on the
wire exists twice in memory.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.outline import Outlining
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.policies.age import too_old
from eventing_alibaba.flow.policies.deadletter import undecodable
from eventing_alibaba.sink.encode import Outlined

log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Chosen:
    """Which events are wanted at all; the others are acknowledged and counted.

    Attributes:
        passes: the filter; None = all pass.
        max_age: seconds; None = any age.
    """

    passes: Callable[[Event], bool] | None = None
    max_age: float | None = None


class Unconvertible(Exception):
    """The message cannot become an event; the text is a sentence that says why."""


class Converter:
    """Makes the next request of a delivery.

    `event` is the source's mapping, `encode` the sink's; `outline` and `outlined` are the short
    road that both may offer beside them (see `contract.outline`). `passes` is the filter, None =
    all pass; it looks at events, so with one there is no short road. `max_age` in seconds, None =
    any age.
    """

    def __init__(
        self,
        event: Callable[[Message], Event | Sequence[Event]],
        encode: Callable[[Event], bytes],
        *,
        outline: Outlining | None = None,
        outlined: Outlined | None = None,
        passes: Callable[[Event], bool] | None = None,
        max_age: float | None = None,
    ) -> None:
        self._event = event
        self._encode = encode
        self._outline = None if passes is not None or outlined is None else outline
        self._outlined = outlined
        self._passes = passes
        self._max_age = max_age

    def dead(self, delivery: Delivery) -> Event:
        """Return the event that a dead-letter sink gets for the delivery's present event."""
        if delivery.message.defect is None:
            try:
                if delivery.rest:
                    return delivery.rest[-1]
                event = self._event(delivery.message)
                if isinstance(event, Event):
                    return event
            except Exception:  # noqa: BLE001, S110 - told when it was to be converted
                pass
        return undecodable(delivery.message)

    def request(self, delivery: Delivery) -> bytes | str:
        """Return the next request, or why there is none, as a word for the counters.

        `empty`: the message maps to no event; `filtered`: its events do not pass the filters;
        `expired`: it is older than `event.maxAge`. Raises Unconvertible.
        """
        message = delivery.message
        if message.defect is not None:
            raise Unconvertible(message.defect)
        if self._max_age is not None and too_old(message, time.time(), self._max_age):
            return "expired"
        passes = self._passes
        try:
            rest = delivery.rest
            if rest is None:
                if self._outline is not None and (found := self._outline(message)) is not None:
                    request = self._outlined(found[0], found[1], message.body)  # type: ignore[misc]
                    if request is not None:
                        return request
                event = self._event(message)
                if event.__class__ is Event:
                    if passes is not None and not passes(event):
                        return "filtered"
                    return self._encode(event)
                # Several events of one message go one after the other, and it is settled with the
                # last; the list is reversed so that the next one is its end. Filtered once, when
                # they are made: encoding puts the overrides on them.
                events: list[Event] = list(reversed(event))  # type: ignore[arg-type]
                rest = events if passes is None else [one for one in events if passes(one)]
                if not rest:
                    return "filtered" if events else "empty"
                delivery.rest = rest
            return self._encode(rest[-1])
        except ValueError as error:
            raise Unconvertible(str(error)) from error
        except Exception as error:
            # Of a source, maybe a stranger's. Let through, it would end the call that delivers, and
            # this message would be neither blocked nor seen. Its text may quote the message.
            place = traceback.extract_tb(error.__traceback__)[-1]
            file = place.filename.replace("\\", "/").rpartition("/")[2]
            defect = f"a defect of the adapter ({type(error).__name__} in {file}:{place.lineno})"
            log.error("mapping failed in a way it should not: %s", defect)  # noqa: TRY400
            raise Unconvertible(defect) from error
