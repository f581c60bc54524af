"""What users may set on a queue or a topic, with the bounds and defaults of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from eventing_alibaba.testing.emulators.mns.core.errors import out_of_range

LONGEST_VISIBILITY: Final = 43_200
"""Seconds: the most that a message may be invisible at a time."""

LONGEST_DELAY: Final = 604_800
"""Seconds: the most that a message may be delayed."""

LONGEST_POLL: Final = 30
"""Seconds: the most that a receive may wait."""

_BOUNDS: Final = {
    "DelaySeconds": (0, LONGEST_DELAY, "seconds"),
    "MaximumMessageSize": (1024, 65_536, "bytes"),
    "MessageRetentionPeriod": (60, 604_800, "seconds"),
    "VisibilityTimeout": (1, LONGEST_VISIBILITY, "seconds"),
    "PollingWaitSeconds": (0, LONGEST_POLL, "seconds"),
}


@dataclass(slots=True, frozen=True, kw_only=True)
class _Settings:
    """Values by the names of the XML's elements."""

    @classmethod
    def elements(cls) -> dict[str, str]:
        """Return the element's name of each field."""
        return {
            "".join(word.capitalize() for word in field.name.split("_")): field.name
            for field in fields(cls)
        }

    def changed(self, given: Mapping[str, Any]) -> Self:
        """Return these settings with some replaced, by element name.

        Raises ServiceError for a value outside its bounds; what is no setting is left out.
        """
        known = self.elements()
        for element, value in given.items():
            if element in known and element in _BOUNDS:
                low, high, unit = _BOUNDS[element]
                if not low <= value <= high:
                    raise out_of_range(element, low, high, unit)
        return replace(self, **{known[e]: value for e, value in given.items() if e in known})

    def shown(self) -> dict[str, int | bool]:
        """Return the values by element name."""
        return {element: getattr(self, name) for element, name in self.elements().items()}


@dataclass(slots=True, frozen=True, kw_only=True)
class QueueSettings(_Settings):
    """Of a queue; times in seconds, sizes in bytes."""

    delay_seconds: int = 0
    maximum_message_size: int = 65_536
    message_retention_period: int = 345_600
    visibility_timeout: int = 30
    polling_wait_seconds: int = 0
    logging_enabled: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class TopicSettings(_Settings):
    """Of a topic; the retention is fixed."""

    maximum_message_size: int = 65_536
    logging_enabled: bool = False
