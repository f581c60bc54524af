"""The ledger of the demo: what it says while messages are on their way, and at the end."""

from __future__ import annotations

from eventing_alibaba.cli.demo.ledger import Ledger, Tally


def _ledger(*numbers: int, line: str | None = "ada") -> Ledger:
    ledger = Ledger()
    for number in numbers:
        ledger.sent(number, line=line, at=float(number))
    return ledger


def test_what_arrives_is_delivered_and_its_time_is_told() -> None:
    """A first arrival counts as delivered and returns the seconds since it was sent."""
    ledger = _ledger(1, 2)
    assert ledger.arrived(1, at=1.5) == 0.5
    assert ledger.tally() == Tally(sent=2, delivered=1, duplicated=0, lost=0)
    assert ledger.tally().waiting == 1


def test_what_arrives_again_is_a_duplicate() -> None:
    """A second arrival changes the duplicates only, long after the first as well as at once."""
    ledger = _ledger(1, 2, 3)
    for number in (1, 2, 3, 3, 1):
        ledger.arrived(number, at=9.0)
    assert ledger.tally() == Tally(sent=3, delivered=3, duplicated=2, lost=0)
    assert ledger.arrived(2, at=9.0) is None


def test_what_is_overtaken_in_its_line_is_lost_until_it_comes() -> None:
    """A message left out of its line is lost at once, and no more when it comes after all."""
    ledger = _ledger(1, 2, 3)
    ledger.arrived(1, at=9.0)
    ledger.arrived(3, at=9.0)
    assert ledger.tally() == Tally(sent=3, delivered=2, duplicated=0, lost=1)
    assert ledger.tally().waiting == 0
    ledger.arrived(2, at=9.0)
    assert ledger.tally() == Tally(sent=3, delivered=3, duplicated=0, lost=0)


def test_other_lines_overtake_freely() -> None:
    """A later message of another line, or of none, says nothing about an earlier one."""
    ledger = _ledger(1)
    ledger.sent(2, line="bao", at=2.0)
    ledger.sent(3, line=None, at=3.0)
    ledger.sent(4, line=None, at=4.0)
    ledger.arrived(2, at=9.0)
    ledger.arrived(4, at=9.0)
    assert ledger.tally() == Tally(sent=4, delivered=2, duplicated=0, lost=0)


def test_at_rest_whatever_is_missing_is_lost() -> None:
    """At the end there is no "on the way": what did not arrive counts as lost."""
    ledger = _ledger(1, 2, 3)
    ledger.arrived(1, at=9.0)
    assert ledger.tally(at_rest=True) == Tally(sent=3, delivered=1, duplicated=0, lost=2)


def test_what_the_broker_refused_was_not_sent() -> None:
    """A message that the broker did not take is neither sent nor lost, and holds up nobody."""
    ledger = _ledger(1, 2)
    ledger.withdrawn(1)
    ledger.withdrawn(1)
    ledger.arrived(2, at=9.0)
    assert ledger.tally(at_rest=True) == Tally(sent=1, delivered=1, duplicated=0, lost=0)


def test_an_unknown_number_changes_nothing() -> None:
    """An event that this run has not sent is counted nowhere."""
    ledger = _ledger(1)
    assert ledger.arrived(7, at=9.0) is None
    assert ledger.tally() == Tally(sent=1, delivered=0, duplicated=0, lost=0)


def test_memory_does_not_grow_with_what_has_arrived() -> None:
    """Of a thousand delivered messages nothing is kept but one number."""
    ledger = _ledger(*range(1, 1001))
    for number in range(1, 1001):
        ledger.arrived(number, at=9.0)
    assert (ledger._floor, len(ledger._arrived), len(ledger._under_way)) == (1000, 0, 0)


def test_what_is_set_aside_is_neither_lost_nor_on_the_way() -> None:
    """A dead letter has a place of its own in the count, once however often it comes."""
    ledger = _ledger(1, 2, 3)
    ledger.arrived(1, at=9.0)
    ledger.put_aside(2)
    ledger.put_aside(2)
    ledger.arrived(3, at=9.0)
    tally = Tally(sent=3, delivered=2, duplicated=0, lost=0, set_aside=1)
    assert ledger.tally() == ledger.tally(at_rest=True) == tally
    assert tally.waiting == 0


def test_a_dead_letter_that_is_accepted_after_all_is_a_duplicate() -> None:
    """After a crash a message may come to both; it is counted where it came first."""
    ledger = _ledger(1, 2)
    ledger.put_aside(1)
    ledger.arrived(1, at=9.0)
    ledger.arrived(2, at=9.0)
    ledger.put_aside(2)
    assert ledger.tally() == Tally(sent=2, delivered=1, duplicated=1, lost=0, set_aside=1)
