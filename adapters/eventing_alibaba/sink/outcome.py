"""What an answer, or its absence, means for the message: one table.

    class      what                                              reaction of the flow
    delivered  2xx                                               acknowledge
    sick       no connection, 429, 502, 503, 504, no OIDC token  retry; the sink is unwell, not the
               or other credential to show                       message
    suspect    404, 408, 409, 500, other 5xx, no answer in       retry with backoff; counts
               time, connection lost, what is no HTTP
    final      1xx, 3xx (never followed), other 4xx              exhausted at once
    cut        we ended the exchange ourselves                   the message stays with its broker

The split is Knative's (specs/eventing/data-plane.md), with one class more: a service that is down,
full or restarting says nothing about the message, so it must not use up the message's retries.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

SICK_STATUS: Final = frozenset({429, 502, 503, 504})
SUSPECT_STATUS: Final = frozenset({404, 408, 409})
RETRY_AFTER_STATUS: Final = frozenset({429, 503})
_NEVER_SENT: Final = frozenset({"connect", "dns", "tls", "connect_timeout", "proxy", "credentials"})


class Verdict(enum.Enum):
    """The classes of the table."""

    DELIVERED = "delivered"
    SICK = "sick"
    SUSPECT = "suspect"
    FINAL = "final"
    CUT = "cut"


@dataclass(slots=True, eq=False)
class Outcome:
    """What came of one POST that was not a plain success.

    Attributes:
        verdict: the class.
        label: short and bounded, for metrics: `4xx`, `answer_timeout`.
        reason: a sentence for people.
        status: the HTTP status, if there was an answer.
        retry_after: seconds the sink asked to be left alone, as it said it, uncapped.
        body: the first bytes of the answer's body.
    """

    verdict: Verdict
    label: str
    reason: str
    status: int | None = None
    retry_after: float | None = None
    body: bytes = b""


def judge(result: Answer | WireError) -> Outcome:
    """Return what a result of the wire means."""
    if isinstance(result, WireError):
        if result.kind == "cut":
            verdict = Verdict.CUT
        elif result.kind in _NEVER_SENT:
            verdict = Verdict.SICK
        else:
            verdict = Verdict.SUSPECT
        return Outcome(verdict, result.kind, str(result))
    status = result.status
    return Outcome(
        verdict_of(status),
        f"{status // 100}xx",
        f"the service answered {status}",
        status,
        _retry_after(result) if status in RETRY_AFTER_STATUS else None,
        result.body,
    )


def verdict_of(status: int) -> Verdict:
    """Return the class of an HTTP status."""
    if 200 <= status <= 299:
        return Verdict.DELIVERED
    if status in SICK_STATUS:
        return Verdict.SICK
    if status in SUSPECT_STATUS or status >= 500:
        return Verdict.SUSPECT
    return Verdict.FINAL


def _retry_after(answer: Answer) -> float | None:
    """Seconds (RFC 9110 section 10.2.3: a number or a date), None where it says nothing usable."""
    for name, value in answer.headers:
        if name == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isascii() and text.isdigit():
                return float(text[:9])
            try:
                when = parsedate_to_datetime(text)
            except (ValueError, TypeError, OverflowError):
                return None
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return None
