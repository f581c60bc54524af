"""The process has one state, reason and sentence, and says since when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventing_alibaba import __version__
from eventing_alibaba.runtime.status import MOST_BYTES, Status


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time that the test says it is."""
        return self.now

    def go(self, seconds: int) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def told(status: Status) -> dict[str, Any]:
    """Return the JSON as an object."""
    found: dict[str, Any] = json.loads(status.json())
    return found


def test_a_new_process_is_starting_and_not_ready() -> None:
    """With everything an operator of any version relies on."""
    status = Status({"kind": "ParcelSource", "namespace": "post", "name": "p"}, clock=Clock())
    assert told(status) == {
        "version": 1,
        "adapterVersion": __version__,
        "kind": "ParcelSource",
        "namespace": "post",
        "name": "p",
        "state": "starting",
        "ready": False,
        "reason": "Starting",
        "message": "",
        "since": "2026-01-01T00:00:00.000Z",
    }


def test_since_is_when_state_readiness_or_reason_changed() -> None:
    """A new sentence about the same reason is no change."""
    clock = Clock()
    status = Status(clock=clock)
    clock.go(1)
    assert status.set("running", ready=True, reason="Running")
    assert status.condition.since == "2026-01-01T00:00:01.000Z"
    clock.go(1)
    assert not status.set(message="partitions 0 to 3")
    assert status.condition.since == "2026-01-01T00:00:01.000Z"
    assert status.condition.message == "partitions 0 to 3"
    clock.go(1)
    assert status.set(ready=False, reason="Disconnected", message="broker-1:9092 is gone")
    assert status.condition.since == "2026-01-01T00:00:03.000Z"


def test_a_message_belongs_to_its_reason() -> None:
    """A change without a message clears the old one."""
    status = Status()
    status.set(reason="Disconnected", message="broker-1 is gone")
    status.set(ready=True, reason="Running")
    assert status.condition.message == ""


def test_what_drains_or_has_stopped_is_not_ready() -> None:
    """Whatever a late report says."""
    status = Status()
    status.set("running", ready=True, reason="Running")
    status.set("draining", reason="Stopping")
    assert not status.condition.ready
    status.set(ready=True)
    assert not status.condition.ready
    status.set("stopped", ready=True, reason="Stopped")
    assert not status.condition.ready


@pytest.mark.parametrize("reason", ["", "not camel", "lower", "With-Dash"])
def test_a_reason_is_a_camel_case_word(reason: str) -> None:
    """It becomes a condition's reason, which Kubernetes checks."""
    status = Status()
    with pytest.raises(ValueError, match="no CamelCase word"):
        status.set(reason=reason)
    assert status.condition.reason == "Starting"


def test_sections_are_asked_when_somebody_reads() -> None:
    """Each under its name, as they are then."""
    status = Status()
    lanes: list[str] = []
    status.add("blockedLanes", lambda: list(lanes))
    assert told(status)["blockedLanes"] == []
    lanes.append("orders/0")
    assert told(status)["blockedLanes"] == ["orders/0"]


def test_long_lists_are_cut_and_counted() -> None:
    """Twenty are enough to see what is wrong."""
    status = Status()
    status.add("blockedLanes", lambda: list(range(1000)))
    assert told(status)["blockedLanes"] == list(range(20))
    assert told(status)["blockedLanesCount"] == 1000


def test_a_section_that_fails_says_so_and_spoils_nothing() -> None:
    """A status must be readable exactly when something is wrong."""
    status = Status()
    status.add("broken", lambda: 1 / 0)
    status.add("odd", lambda: "\ud800")
    status.add("fine", lambda: 1)
    found = told(status)
    assert found["brokenError"] == "ZeroDivisionError"
    assert found["oddError"] == "Unencodable"
    assert found["fine"] == 1


def test_a_section_in_motion_is_read_again() -> None:
    """A dict that changes under the reader is not a failure."""
    status = Status()
    failures = [RuntimeError("dictionary changed size during iteration")] * 2

    def section() -> int:
        if failures:
            raise failures.pop()
        return 1

    status.add("partitions", section)
    assert told(status)["partitions"] == 1
    failures += [RuntimeError()] * 3
    assert told(status)["partitionsError"] == "Busy"


def test_the_whole_is_bounded() -> None:
    """An operator reads 16 KiB; what does not fit is left out and that is told."""
    status = Status()
    status.set(reason="Disconnected", message="x" * 100_000)
    status.add("large", lambda: "y" * 100_000)
    status.add("small", lambda: "z")
    assert len(status.json()) <= MOST_BYTES
    found = told(status)
    assert found["truncated"] is True
    assert "large" not in found
    assert found["small"] == "z"
    assert len(found["message"]) == 1024


def test_a_message_of_any_text_is_told() -> None:
    """Brokers answer in many encodings."""
    status = Status()
    status.set(message="bad \ud800 text")
    assert told(status)["message"] == "bad ? text"
