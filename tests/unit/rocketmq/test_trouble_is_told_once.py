"""What is wrong is reported when it begins and when it ends."""

from __future__ import annotations

from eventing_alibaba.contract.errors import Disconnected, SourceError, Unavailable
from eventing_alibaba.sources.rocketmq.trouble import Trouble


def _watched() -> tuple[Trouble, list[str | None], list[float]]:
    at = [0.0]
    told: list[str | None] = []

    def report(error: SourceError | None) -> None:
        told.append(None if error is None else error.reason)

    trouble = Trouble(lambda: at[0])
    trouble.report = report
    return trouble, told, at


def test_one_cause_is_told_once_and_its_end_too() -> None:
    """However often it is met."""
    trouble, told, _ = _watched()
    for _ in range(3):
        trouble.note("receive a", Disconnected("gone"))
    trouble.well("receive a")
    assert told == ["Disconnected", None]


def test_all_must_be_well() -> None:
    """One broker that answers says nothing of the other."""
    trouble, told, _ = _watched()
    trouble.note("receive a", Disconnected("gone"))
    trouble.note("ack", Unavailable("no"))
    trouble.well("receive a")
    trouble.well("ack")
    assert told == ["Disconnected", "Unavailable", None]


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    """A broker that has left the route does not keep the source ill."""
    trouble, told, at = _watched()
    trouble.note("receive gone", Disconnected("gone"))
    at[0] = 60.0
    trouble.well("receive a")
    assert told == ["Disconnected", None]
