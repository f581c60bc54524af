"""The attributes of an event by name, as the shortest function that finds each."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeAlias

from eventing_alibaba.contract.event import CONTEXT, REQUIRED, AttributeValue, Event

Get: TypeAlias = Callable[[Event], AttributeValue | None]

VERSION: Final = "1.0"
"""The `specversion` of every event here."""


def getter(name: str) -> Get:
    """Return what finds the attribute's value in an event; None is "the event does not have it"."""
    if name == "specversion":
        return lambda _event: VERSION
    if name in CONTEXT:
        return attrgetter(name)
    return lambda event: event.extensions.get(name)


def always(name: str) -> bool:
    """Whether every event has the attribute."""
    return name in REQUIRED
