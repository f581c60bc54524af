"""What is reported of failures that come beside each other."""

from __future__ import annotations

from eventing_alibaba.contract.errors import Disconnected, SourceError, Unauthorized
from eventing_alibaba.sources.trouble import Trouble


class _Told:
    """A trouble with a clock that the test sets, and what was reported of it."""

    def __init__(self) -> None:
        self.time = 100.0
        self.trouble = Trouble(lambda: self.time)
        self.reports: list[str | None] = []
        self.trouble.report = self._report

    def _report(self, error: SourceError | None) -> None:
        self.reports.append(None if error is None else error.reason)


def test_a_cause_is_told_once() -> None:
    """However often it is met, in whatever words; its end is told once, too."""
    told = _Told()
    for number in range(3):
        told.trouble.note("receive", Disconnected(f"request {number}"))
    told.trouble.well("receive")
    told.trouble.well("receive")
    assert told.reports == ["Disconnected", None]


def test_one_kind_does_not_heal_another() -> None:
    """Messages that come in do not make up for those that cannot be deleted."""
    told = _Told()
    told.trouble.note("delete", Unauthorized("x", reason="AccessDenied"))
    told.trouble.note("receive", Disconnected("y"))
    told.trouble.well("receive")
    assert told.reports == ["AccessDenied"]
    told.trouble.well("delete")
    assert told.reports == ["AccessDenied", None]


def test_another_cause_is_told_when_the_first_is_gone() -> None:
    """One thing that is well says nothing of the other, and the last one ends it."""
    told = _Told()
    told.trouble.note("receive a", Disconnected("gone"))
    told.trouble.note("ack", Unauthorized("no", reason="AccessDenied"))
    told.trouble.well("receive a")
    told.trouble.well("ack")
    assert told.reports == ["Disconnected", "AccessDenied", None]


def test_what_is_not_asked_any_more_is_forgotten() -> None:
    """Some seconds after its last failure, when another kind is well."""
    told = _Told()
    told.trouble.note("visibility", Disconnected("x"))
    told.time += 6
    told.trouble.well("receive")
    assert told.reports == ["Disconnected"]
    told.time += 2
    told.trouble.well("receive")
    assert told.reports == ["Disconnected", None]
