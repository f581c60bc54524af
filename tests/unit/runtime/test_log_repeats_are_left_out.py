"""An outage says the same thing once, then rarely and with a count."""

from __future__ import annotations

import json
import logging

from eventing_alibaba.runtime.logs import JsonLines, Repeats, TextLines


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        """Return the time that the test says it is."""
        return self.now


def record(
    text: str = "sink %s", *, level: int = logging.WARNING, name: str = "a", **extra: object
) -> logging.LogRecord:
    """Return a record with a value of its own."""
    made = logging.LogRecord(name, level, "", 0, text, ("x",), None)
    made.__dict__.update(extra)
    return made


def suppressed(of: logging.LogRecord) -> int:
    """Return how many were left out before."""
    return int(getattr(of, "suppressed", 0))


def test_the_first_is_written_and_the_next_after_a_while_counts_the_rest() -> None:
    """What is between is left out, whatever its values are."""
    clock = Clock()
    repeats = Repeats(10, clock)
    assert repeats.filter(record())
    for step in range(9):
        clock.now = 1001.0 + step
        assert not repeats.filter(record())
    clock.now = 1010.0
    passed = record()
    assert repeats.filter(passed)
    assert suppressed(passed) == 9
    clock.now = 1020.0
    alone = record()
    assert repeats.filter(alone)
    assert suppressed(alone) == 0


def test_messages_of_another_template_logger_or_level_are_no_repeats() -> None:
    """Each has its own first time."""
    repeats = Repeats(10, Clock())
    assert repeats.filter(record())
    assert repeats.filter(record("other %s"))
    assert repeats.filter(record(level=logging.ERROR))
    assert repeats.filter(record(name="b"))
    assert not repeats.filter(record())


def test_debug_messages_and_those_of_a_set_are_all_written() -> None:
    """Who asks for debug wants all; a set's members are not repeats of trouble."""
    repeats = Repeats(10, Clock())
    for _ in range(3):
        assert repeats.filter(record(level=logging.DEBUG))
        assert repeats.filter(record(every=True))


def test_the_table_is_bounded() -> None:
    """Templates made of values cannot fill the memory; recent ones are still known."""
    repeats = Repeats(10, Clock())
    for number in range(2000):
        assert repeats.filter(record(f"value {number} %s"))
    assert len(repeats._seen) <= 512
    assert not repeats.filter(record("value 1999 %s"))


def test_the_count_is_in_the_line() -> None:
    """As a number for collectors and in words for people."""
    one = record(suppressed=41)
    assert json.loads(JsonLines().format(one))["suppressed"] == 41
    assert TextLines().format(one).endswith("sink x (and 41 more like it)")
    assert "every" not in json.loads(JsonLines().format(record(every=True)))
