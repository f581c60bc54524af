"""What can go wrong with requests to MNS; when it does is in `emulators/occasion.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from eventing_alibaba.testing.emulators.mns.core.errors import CODES, ServiceError
from eventing_alibaba.testing.emulators.mns.service.routes import OPERATIONS
from eventing_alibaba.testing.emulators.occasion import Occasion, known
from eventing_alibaba.testing.http.connection import Cut


@dataclass(slots=True, kw_only=True)
class Fault(Occasion):
    """One thing that goes wrong with requests that fit.

    Attributes:
        queue: only requests about this queue.
        error: the code to answer with. With `items`, single messages of BatchSendMessage and
            BatchDeleteMessage have it, and the others of the batch succeed.
        status: of that answer; None = what the service has for the code.
        message: of that answer; None = the service's sentence.
        delay: seconds before the request is looked at.
        cut: `drop` the connection before the answer, `reset` it, end it after `half` of the answer,
            or `never` answer.
        performed: the operation takes effect all the same, only its answer suffers; with `half` it
            always does, unless there is an `error`.
        early: a receive that would wait is answered at once, as beyond the service's limit of
            waiting receives.
    """

    queue: str | None = None
    error: str | None = None
    status: int | None = None
    message: str | None = None
    delay: float = 0.0
    cut: Cut | None = None
    performed: bool = False
    early: bool = False

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one `super` knows here.
        Occasion.__post_init__(self)
        known("operation", self.operation, OPERATIONS, pattern=True)
        if self.error is not None and self.error not in CODES and self.status is None:
            codes = ", ".join(CODES)
            raise ValueError(f"error {self.error!r} needs a status, it is none of: {codes}")
        if self.cut not in (None, *get_args(Cut)):
            raise ValueError(f"cut must be one of {get_args(Cut)}, got {self.cut!r}")
        if not (self.error or self.cut or self.delay or self.early):
            raise ValueError("a fault needs one of error, cut, delay, early: it does nothing")
        if self.items and not self.error:
            raise ValueError("items needs an error, which single messages fail with")
        if self.delay < 0:
            raise ValueError(f"delay must not be negative, got {self.delay}")

    def concerns(self, *about: str | None) -> bool:
        """Say whether it is for requests about this queue."""
        (queue,) = about
        return self.queue in (None, queue)

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
