"""What a source raises: one class for each *reaction* of the flow, not for each cause.

A source maps every error of its client to one of these in a single table; the message is a sentence
that a user reads in `/status`: it names what was seen and what to do, and holds no secret.

    Disconnected      open again, with backoff
    Throttled         wait, then go on with the same session
    Unavailable       not ready; ask again for ever, every 5 to 30 s
    Unauthorized      the same, with credentials read anew
    Misconfigured     stop with exit code 78: nothing outside the manifest can cure it
    PartialFailure    some of a batch of acknowledgements did not succeed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message


class SourceError(Exception):
    """Base of everything a source raises on purpose.

    `reason` is a CamelCase word for conditions and metrics; the text is a sentence for people.
    """

    reason = "SourceError"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class Disconnected(SourceError):
    """The session is gone: the flow calls `open` again, with backoff."""

    reason = "Disconnected"


class Throttled(SourceError):
    """The broker asks for a pause of `delay` seconds; the session is still good."""

    reason = "Throttled"

    def __init__(self, message: str, *, delay: float, reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.delay = delay


class Unavailable(SourceError):
    """Topic, queue or group is missing or the broker cannot serve: not ready, retried for ever."""

    reason = "Unavailable"


class Unauthorized(SourceError):
    """Credentials are missing, refused or expired: read anew and retried for ever."""

    reason = "Unauthorized"


class Misconfigured(SourceError):
    """Only a change of the manifest can cure it: the process exits with 78."""

    reason = "Misconfigured"


class PartialFailure(SourceError):
    """Some acknowledgements of a batch failed.

    Attributes:
        again: messages whose acknowledgement may be tried again with the same receipt.
        lost: messages whose receipt is void: the broker will deliver them again.
    """

    reason = "PartialFailure"

    def __init__(
        self, message: str, *, again: Sequence[Message] = (), lost: Sequence[Message] = ()
    ) -> None:
        super().__init__(message)
        self.again = again
        self.lost = lost
