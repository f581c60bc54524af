"""What an operation is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError, out_of_range
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.service.documents import number
from eventing_alibaba.testing.emulators.mns.service.routes import Route
from eventing_alibaba.testing.http import Request


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, admitted.

    Attributes:
        now: the time by which messages live, in ms since the epoch.
        shift: what the service's clock shows more than that, in ms; added to all times shown.
        host: scheme and host as the client wrote it, for Location and URLs.
        spoil: asked per item of a batch; an error that this item is to fail with.
        arrived: queues that got a message; whoever waits there is to be woken.
        moved: how many messages were sent, received or deleted.
        lost: subscribers that could not be reached.
    """

    account: Account
    request: Request
    route: Route
    now: int
    shift: int
    host: str
    spoil: Callable[[], ServiceError | None] | None = None
    arrived: list[Queue] = field(default_factory=list)
    moved: int = 0
    lost: int = 0

    def queue(self) -> Queue:
        """Return the queue it is about. Raises ServiceError."""
        return self.account.queue(self.route.names[0])

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """Return a number of the query. Raises ServiceError."""
        text = self.route.query.get(name.lower())
        if text is None:
            return default
        value = number(name, text)
        if not low <= value <= high:
            raise out_of_range(name, low, high, "")
        return value

    def check_item(self) -> None:
        """Let a fault have this item of a batch. Raises ServiceError."""
        failure = self.spoil() if self.spoil is not None else None
        if failure is not None:
            raise failure


@dataclass(slots=True, frozen=True)
class Answer:
    """What is answered.

    Attributes:
        status: of the answer.
        body: a document, b"" = none.
        location: of what was created.
        code: why some items of a batch were refused, of the first of them.
    """

    status: int
    body: bytes = b""
    location: str | None = None
    code: str = ""


@dataclass(slots=True, frozen=True)
class Poll:
    """A receive that found nothing and is willing to wait `seconds`."""

    queue: Queue
    limit: int
    batch: bool
    seconds: int


Operation: TypeAlias = Callable[[Call], Answer | Poll]
