"""What can go wrong with calls to RocketMQ; when it does is in `emulators/occasion.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eventing_alibaba.testing.emulators.occasion import Occasion, known
from eventing_alibaba.testing.emulators.rocketmq.core.errors import CODES, ServiceError

OPERATIONS: Final = (
    "QueryRoute",
    "QueryAssignment",
    "Telemetry",
    "Heartbeat",
    "SendMessage",
    "ReceiveMessage",
    "AckMessage",
    "ChangeInvisibleDuration",
    "ForwardMessageToDeadLetterQueue",
    "NotifyClientTermination",
)

GRPC: Final = (
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The statuses of gRPC itself that an RPC can end with."""


@dataclass(slots=True, kw_only=True)
class Fault(Occasion):
    """One thing that goes wrong with requests that fit.

    Attributes:
        topic, group: only requests about them.
        error: the service's code to answer with: TOO_MANY_REQUESTS, TOPIC_NOT_FOUND ... With
            `items`, single entries of SendMessage and AckMessage have it, and the others succeed.
        grpc: the status of gRPC that the call ends with instead: UNAVAILABLE ...
        message: the sentence beside either.
        delay: seconds before the request is looked at.
        late: seconds between its effect and its answer.
        never: it is not answered at all.
        performed: the operation takes effect all the same, only its answer is an error or missing.
        void: acknowledgements are answered with OK and do nothing.
        half: a receive's stream breaks off in the middle of its messages.
        digest: received messages have a wrong checksum.
        early: a receive that would wait is told at once that there is nothing.
        invisible: received messages are hidden for only so many seconds, whatever the client wants:
            their handles expire in flight.
    """

    topic: str | None = None
    group: str | None = None
    error: str | None = None
    grpc: str | None = None
    message: str | None = None
    delay: float = 0.0
    late: float = 0.0
    never: bool = False
    performed: bool = False
    void: bool = False
    half: bool = False
    digest: bool = False
    early: bool = False
    invisible: float | None = None

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one `super` knows here.
        Occasion.__post_init__(self)
        known("operation", self.operation, OPERATIONS, pattern=True)
        if self.error is not None:
            known("error", self.error, CODES)
        if self.grpc is not None:
            known("grpc", self.grpc, GRPC)
        if not self._does_something():
            raise ValueError(
                "a fault needs one of error, grpc, delay, late, never, void, half, digest, early, "
                "invisible: it does nothing"
            )
        if self.items and not self.error:
            raise ValueError("items needs an error, which single entries fail with")
        if self.delay < 0 or self.late < 0:
            raise ValueError(f"delay and late must not be negative, got {self.delay}, {self.late}")

    def concerns(self, *about: str | None) -> bool:
        """Say whether it is for requests about this topic and this group."""
        topic, group = about
        return self.topic in (None, topic) and self.group in (None, group)

    @property
    def refusal(self) -> ServiceError:
        """The service's error to answer with."""
        return ServiceError(self.error or "INTERNAL_SERVER_ERROR", self.message)

    @property
    def answers(self) -> bool:
        """Whether the answer is another one than the operation's own."""
        return (self.error is not None and not self.items) or self.grpc is not None or self.never

    @property
    def instead(self) -> bool:
        """Whether the operation is not performed at all."""
        return self.answers and not self.performed

    def entry(self) -> ServiceError | None:
        """Return the error of the next entry of a request, None where it is spared."""
        return self.refusal if self.items and self.strikes() else None

    def _does_something(self) -> bool:
        harms = self.error or self.grpc or self.delay or self.late or self.never or self.void
        return bool(harms or self.half or self.digest or self.early or self.invisible is not None)
