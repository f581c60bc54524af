"""What queues, topics and subscriptions may be called."""

from __future__ import annotations

import re
from typing import Final, Literal

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError

Kind = Literal["queue", "topic", "subscription"]

_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_LONGEST: Final = 120
_CODES: Final[dict[Kind, tuple[str, str]]] = {
    "queue": ("QueueNameLengthError", "InvalidQueueName"),
    "topic": ("TopicNameLengthError", "TopicNameInvalid"),
    "subscription": ("SubscriptionNameLengthError", "SubscriptionNameInvalid"),
}


def checked(kind: Kind, name: str) -> str:
    """Return the name. Raises ServiceError where the service would not take it."""
    too_long, invalid = _CODES[kind]
    if not 1 <= len(name) <= _LONGEST:
        raise ServiceError(too_long)
    if _PATTERN.fullmatch(name) is None:
        raise ServiceError(invalid)
    return name
