"""One request as an operation sees it, and what kinds of operations there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from google.protobuf.message import Message

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.service.caller import Caller
from eventing_alibaba.testing.emulators.rocketmq.service.proxy import Proxy


class Spoil(Protocol):
    """What goes wrong on purpose while an operation is performed.

    Attributes:
        void: acknowledgements are answered with OK and do nothing.
        digest: received messages have a wrong checksum.
        early: a receive that would wait is answered at once.
        invisible: received messages are hidden only so many seconds.
    """

    void: bool
    digest: bool
    early: bool
    invisible: float | None

    def entry(self) -> ServiceError | None:
        """Return the error of the next entry of a request, None where it is spared."""


@dataclass(slots=True, kw_only=True)
class Call:
    """A request.

    Attributes:
        proxy: that was asked.
        who: asked.
        now: ms since the epoch.
        remaining: seconds until the client gives up; None = it waits for ever.
        spoil: what goes wrong on purpose.
        moved: how many messages were sent, received or settled; set by the operation.
    """

    proxy: Proxy
    who: Caller
    now: int
    remaining: float | None
    spoil: Spoil | None = None
    moved: int = field(default=0)


Perform: TypeAlias = Callable[[Call, Any], Message]
Answered: TypeAlias = Callable[..., Message]


@dataclass(slots=True, frozen=True)
class Operation:
    """An RPC with one answer.

    Attributes:
        request, response: their protobuf classes.
        perform: makes the answer; raises ServiceError for a refusal.
        names: of topic and group in a request, "" for none.
    """

    request: type[Message]
    response: Answered
    perform: Perform
    names: Callable[[Any], tuple[str, str]]
