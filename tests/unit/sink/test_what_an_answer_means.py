"""The table of outcomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from eventing_alibaba.sink.outcome import Verdict, judge, verdict_of
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([200, 201, 202, 204, 206, 299], Verdict.DELIVERED),
        ([429, 502, 503, 504], Verdict.SICK),
        ([404, 408, 409, 500, 501, 505, 599, 600, 999], Verdict.SUSPECT),
        ([101, 300, 301, 302, 304, 307, 308], Verdict.FINAL),
        ([400, 401, 403, 405, 406, 410, 413, 415, 422, 428, 451, 499], Verdict.FINAL),
    ],
)
def test_each_status_has_its_class(statuses: list[int], verdict: Verdict) -> None:
    """Statuses fall into classes as the documentation's table says."""
    assert {s: verdict_of(s) for s in statuses} == dict.fromkeys(statuses, verdict)


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("connect", Verdict.SICK),
        ("connect_timeout", Verdict.SICK),
        ("dns", Verdict.SICK),
        ("tls", Verdict.SICK),
        ("proxy", Verdict.SICK),
        ("credentials", Verdict.SICK),
        ("answer_timeout", Verdict.SUSPECT),
        ("write_timeout", Verdict.SUSPECT),
        ("closed", Verdict.SUSPECT),
        ("protocol", Verdict.SUSPECT),
        ("cut", Verdict.CUT),
    ],
)
def test_no_answer_has_its_class(kind: str, verdict: Verdict) -> None:
    """No connection says the sink is unwell; a connection that ends says the record may be why."""
    outcome = judge(WireError(kind, "x:1 is gone", sent=True))  # type: ignore[arg-type]
    assert (outcome.verdict, outcome.label, outcome.reason) == (verdict, kind, "x:1 is gone")


def retry_after(value: str, status: int = 503) -> float | None:
    return judge(Answer(status, [(b"retry-after", value.encode())], b"")).retry_after


def test_retry_after_is_seconds_or_a_date() -> None:
    """Both forms of RFC 9110 are read; a date in the past means now."""
    assert retry_after("120") == 120
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 55 < soon <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "٣", "Wed, 99 Foo 2015", "9" * 400])
def test_a_senseless_retry_after_does_no_harm(value: str) -> None:
    """What is no delay is ignored, and what is absurdly long stays a number."""
    found = retry_after(value)
    assert found is None or 0 <= found <= 1e9


def test_retry_after_counts_only_where_it_says_come_back() -> None:
    """Only 429 and 503 ask for a pause."""
    assert retry_after("5", 429) == 5
    assert retry_after("5", 500) is None
