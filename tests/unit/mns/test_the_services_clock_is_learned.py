"""What time it is at the service, from whole seconds in its answers."""

from __future__ import annotations

import random
from email.utils import formatdate

import pytest

from eventing_alibaba.sources.mns.serverclock import ServerClock


class _Here:
    """This side: the clock of leases, and a wall clock that may be wrong."""

    def __init__(self, *, ahead: float = 0.0) -> None:
        self.time = 1000.0
        self.offset = 1_750_000_000.25  # the service's time minus the clock of leases
        self.clock = ServerClock(
            now=lambda: self.time, wall=lambda: self.time + self.offset - ahead
        )

    def ask(self, took: float, *, answered: float = 0.5) -> None:
        """Exchange a request; `answered` = at which part of it the service wrote its date."""
        sent = self.time
        date = formatdate(int(sent + took * answered + self.offset), usegmt=True)
        self.time += took
        self.clock.learn(date.encode(), sent=sent, received=self.time)


def test_the_own_clock_counts_until_an_answer() -> None:
    """Nothing is known of the service before it has answered."""
    here = _Here(ahead=1200)
    assert not here.clock.known
    assert here.clock.here(1.0) is None
    assert here.clock.time() == pytest.approx(here.time + here.offset - 1200)


def test_a_wrong_clock_is_seen_by_the_first_answer() -> None:
    """Twenty minutes off: the service's time is right to a second."""
    here = _Here(ahead=1200)
    here.ask(0.01)
    assert here.clock.time() == pytest.approx(here.time + here.offset, abs=1.1)
    assert here.clock.skew == pytest.approx(1200, abs=1.1)


def test_many_answers_make_it_precise() -> None:
    """Answers at all parts of a second tell the difference to some hundredths."""
    here = _Here()
    chance = random.Random(1)
    for _ in range(200):
        here.time += chance.uniform(0.0, 1.3)
        here.ask(chance.uniform(0.001, 0.03), answered=chance.random())
    assert here.clock.time() == pytest.approx(here.time + here.offset, abs=0.05)


def test_a_lease_never_ends_later_than_at_the_service() -> None:
    """Whatever the answers, also of long polls, the end that is told is not too late."""
    here = _Here()
    chance = random.Random(2)
    for _ in range(300):
        here.time += chance.uniform(0.0, 2.0)
        here.ask(chance.choice([0.002, 0.2, 9.0]), answered=chance.random())
        end = here.clock.here(here.time + here.offset + 30)
        assert end is not None
        assert here.time + 28.9 < end <= here.time + 30.0


def test_a_clock_that_is_set_is_learned_anew() -> None:
    """An answer that contradicts all before begins anew."""
    here = _Here()
    for _ in range(20):
        here.ask(0.05)
    here.offset -= 3600
    here.ask(0.05)
    assert here.clock.time() == pytest.approx(here.time + here.offset, abs=1.1)


@pytest.mark.parametrize("date", [None, b"", b"yesterday", b"\xff", b"Wed, 99 Mar 2012"])
def test_a_date_that_cannot_be_read_is_none(date: bytes | None) -> None:
    """It changes nothing."""
    here = _Here()
    here.clock.learn(date, sent=1.0, received=2.0)
    assert not here.clock.known
