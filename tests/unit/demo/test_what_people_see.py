"""The demo's lines, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest

from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.orders import number_of, order
from eventing_alibaba.cli.demo.show import Show
from eventing_alibaba.cli.demo.stage import Arrival
from eventing_alibaba.testing.sink import ReceivedEvent


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _arrival(data: bytes, seconds: float | None = 0.0123, **attributes: str) -> Arrival:
    known = {"id": "1", "source": "s", "type": "t", "subject": "partition:0#1", **attributes}
    return Arrival(ReceivedEvent(known, data, "binary", ()), seconds)


def test_an_event_is_one_line_of_type_subject_data_and_time() -> None:
    """What arrived is told on one line, with the milliseconds it took."""
    out = io.StringIO()
    Show(out).arrivals([_arrival(b'{"order":1}', type="dev.knative.kafka.event")])
    assert out.getvalue().split() == [
        "dev.knative.kafka.event",
        "partition:0#1",
        '{"order":1}',
        "12.3",
        "ms",
    ]


def test_data_cannot_move_the_cursor() -> None:
    """Control characters of an event, in its data or its attributes, do not reach the terminal."""
    out = io.StringIO()
    show = Show(out)
    show.arrivals([_arrival(b"a\x1b[2Jb\nc", type="t\x1b[1m", subject="\r")])
    show.troubles(["\x1b]0;title\x07"])
    assert out.getvalue().count("\n") == 2
    assert not set(out.getvalue()) & {"\x1b", "\r", "\x07"}


def test_a_flood_is_cut_short_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many events at once a few are shown, and the number of the others; NO_COLOR holds."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = _Terminal()
    Show(out).arrivals([_arrival(b"x") for _ in range(50)])
    assert out.getvalue().count("partition:0#1") == 8
    assert "... and 42 more" in out.getvalue()
    assert "\x1b[2m" not in out.getvalue()


def test_counts_stay_on_the_last_line_of_a_terminal() -> None:
    """A line that is written takes the place of the counts, which follow it again."""
    out = _Terminal()
    show = Show(out)
    show.counts(Tally(3, 2, 1, 0))
    show.troubles(["not ready"])
    counts = "sent 3   delivered 2   on the way 1   duplicated 1   lost 0"
    assert out.getvalue().split("\r\x1b[K")[1:] == [counts, "adapter: not ready\n", counts]


def test_counts_are_lines_once_in_a_while_elsewhere() -> None:
    """In a pipe the counts are written as a line, and not again a moment later."""
    out = io.StringIO()
    show = Show(out)
    show.counts(Tally(3, 2, 0, 0))
    show.counts(Tally(4, 2, 0, 0))
    assert out.getvalue().count("sent") == 1


def test_an_order_is_found_again_by_its_number() -> None:
    """The number that is judged by comes back from the data; anything else has none."""
    assert number_of(order(41).body) == 41
    assert order(41) == order(41)
    for data in (None, b"", b"[]", b"{", b'{"order": true}', b'{"order": "1"}'):
        assert number_of(data) is None
