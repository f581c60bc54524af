"""What goes wrong on purpose: a list of faults, the first that fits a request has it.

Faults may be added and taken away at any time; they hold from the next request. Chance comes from
a generator of each fault's own, so the same requests in the same order fail in every run.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self, get_args

from eventing_alibaba.testing.emulators.mns.core.errors import CODES, ServiceError
from eventing_alibaba.testing.emulators.mns.service.routes import OPERATIONS
from eventing_alibaba.testing.http.connection import Cut

_INNER: Final = ("used", "ends", "chance")


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with requests that fit.

    Attributes:
        operation: a name ("DeleteMessage") or a pattern ("*DeleteMessage", "*").
        queue: only requests about this queue.
        error: the code to answer with.
        status: of that answer; None = what the service has for the code.
        message: of that answer; None = the service's sentence.
        delay: seconds before the request is looked at.
        cut: `drop` the connection before the answer, `reset` it, end it after `half` of the answer,
            or `never` answer.
        performed: the operation takes effect all the same, only its answer suffers; with `half` it
            always does, unless there is an `error`.
        items: `error` is for single messages of BatchSendMessage and BatchDeleteMessage; the others
            of the batch succeed.
        early: a receive that would wait is answered at once, as beyond the service's limit of
            waiting receives.
        times: only so many requests (or items).
        seconds: only so long from when the fault was added.
        probability: only this part of the requests (or items).
        seed: of the chance.
        used: how often it was used so far.
    """

    operation: str = "*"
    queue: str | None = None
    error: str | None = None
    status: int | None = None
    message: str | None = None
    delay: float = 0.0
    cut: Cut | None = None
    performed: bool = False
    items: bool = False
    early: bool = False
    times: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    seed: int = 0
    used: int = field(default=0, init=False)
    ends: float | None = field(default=None, init=False)
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not fnmatch.filter(OPERATIONS, self.operation):
            known = ", ".join(sorted(OPERATIONS))
            raise ValueError(f"operation {self.operation!r} fits none of: {known}")
        if self.error is not None and self.error not in CODES and self.status is None:
            known = ", ".join(CODES)
            raise ValueError(f"error {self.error!r} needs a status, it is none of: {known}")
        if self.cut not in (None, *get_args(Cut)):
            raise ValueError(f"cut must be one of {get_args(Cut)}, got {self.cut!r}")
        if not (self.error or self.cut or self.delay or self.early):
            raise ValueError("a fault needs one of error, cut, delay, early: it does nothing")
        if self.items and not self.error:
            raise ValueError("items needs an error, which single messages fail with")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}")
        if self.delay < 0:
            raise ValueError(f"delay must not be negative, got {self.delay}")
        self.chance = random.Random(self.seed)  # noqa: S311 - chance that repeats is the point

    @property
    def refusal(self) -> ServiceError:
        """The error to answer with; an InternalError where only the connection is cut."""
        return ServiceError(self.error or "InternalError", self.message, status=self.status)

    @property
    def instead(self) -> bool:
        """Whether the operation is not performed at all."""
        if self.items or self.performed:
            return False
        return self.error is not None or self.cut in ("drop", "reset", "never")

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

    def find(self, operation: str, queue: str | None, now: float) -> Fault | None:
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
                and fault.queue in (None, queue)
                and (fault.items or fault.strikes())
            ):
                return fault
        return None
