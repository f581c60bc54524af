"""What goes wrong on purpose: a list of faults, the first that fits a request has it.

Faults may be added and taken away at any time; they hold from the next request. Chance comes from
a generator of each fault's own, so the same requests in the same order fail in every run.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

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

_INNER: Final = ("used", "ends", "chance")


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with requests that fit.

    Attributes:
        operation: a name ("AckMessage") or a pattern ("*Message", "*").
        topic, group: only requests about them.
        error: the service's code to answer with: TOO_MANY_REQUESTS, TOPIC_NOT_FOUND ...
        grpc: the status of gRPC that the call ends with instead: UNAVAILABLE ...
        message: the sentence beside either.
        delay: seconds before the request is looked at.
        late: seconds between its effect and its answer.
        never: it is not answered at all.
        performed: the operation takes effect all the same, only its answer is an error or missing.
        items: `error` is for single entries of SendMessage and AckMessage; the others succeed.
        void: acknowledgements are answered with OK and do nothing.
        half: a receive's stream breaks off in the middle of its messages.
        digest: received messages have a wrong checksum.
        early: a receive that would wait is told at once that there is nothing.
        invisible: received messages are hidden for only so many seconds, whatever the client wants:
            their handles expire in flight.
        times: only so many requests (or entries).
        seconds: only so long from when the fault was added.
        probability: only this part of the requests (or entries).
        seed: of the chance.
        used: how often it was used so far.
    """

    operation: str = "*"
    topic: str | None = None
    group: str | None = None
    error: str | None = None
    grpc: str | None = None
    message: str | None = None
    delay: float = 0.0
    late: float = 0.0
    never: bool = False
    performed: bool = False
    items: bool = False
    void: bool = False
    half: bool = False
    digest: bool = False
    early: bool = False
    invisible: float | None = None
    times: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    seed: int = 0
    used: int = field(default=0, init=False)
    ends: float | None = field(default=None, init=False)
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _known("operation", self.operation, OPERATIONS, pattern=True)
        if self.error is not None:
            _known("error", self.error, tuple(CODES))
        if self.grpc is not None:
            _known("grpc", self.grpc, GRPC)
        if not self._does_something():
            raise ValueError(
                "a fault needs one of error, grpc, delay, late, never, void, half, digest, early, "
                "invisible: it does nothing"
            )
        if self.items and not self.error:
            raise ValueError("items needs an error, which single entries fail with")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}")
        if self.delay < 0 or self.late < 0:
            raise ValueError(f"delay and late must not be negative, got {self.delay}, {self.late}")
        self.chance = random.Random(self.seed)  # noqa: S311 - chance that repeats is the point

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

    def strikes(self) -> bool:
        """Say whether chance and `times` let it happen now; counts it if so."""
        if self.times is not None and self.used >= self.times:
            return False
        if self.probability < 1.0 and self.chance.random() >= self.probability:
            return False
        self.used += 1
        return True

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Make a fault of its JSON form. Raises ValueError naming an unknown field."""
        known = [f.name for f in fields(cls) if f.init]
        for name in value:
            if name not in known:
                raise ValueError(f"a fault has no field {name!r}; it has {', '.join(known)}")
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form of what it was made of, without what is as by default."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in _INNER and getattr(self, f.name) != f.default
        }

    def _does_something(self) -> bool:
        harms = self.error or self.grpc or self.delay or self.late or self.never or self.void
        return bool(harms or self.half or self.digest or self.early or self.invisible is not None)


class Faults:
    """The faults that there are now."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, fault: Fault, now: float) -> None:
        """Add one; `now` and the `now` of the other calls are seconds of one clock."""
        if fault.seconds is not None:
            fault.ends = now + fault.seconds
        self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong."""
        self._faults.clear()

    def find(self, operation: str, topic: str, group: str, now: float) -> Fault | None:
        """Return the fault that has this request, if there is one."""
        if not self._faults:
            return None
        self._faults = [
            f
            for f in self._faults
            if (f.ends is None or now < f.ends) and (f.times is None or f.used < f.times)
        ]
        for fault in self._faults:
            if (
                fnmatch.fnmatchcase(operation, fault.operation)
                and fault.topic in (None, topic)
                and fault.group in (None, group)
                and (fault.items or fault.strikes())
            ):
                return fault
        return None


def _known(what: str, value: str, known: tuple[str, ...], *, pattern: bool = False) -> None:
    fits = fnmatch.filter(known, value) if pattern else value in known
    if not fits:
        raise ValueError(f"{what} {value!r} is none of: {', '.join(sorted(known))}")
