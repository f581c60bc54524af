"""Which messages were sent, delivered, duplicated, lost: known at any moment of a run.

Both ways to run the demo, and whatever shows one, ask this ledger and none other.

`testing.ledger` judges a run that has ended; this one is looked at ten times a second while
messages are on their way, and runs for as long as somebody watches. So it keeps only what is still
on its way, and of what has arrived no more than the numbers that are out of line.

When is a message lost that may still come? Messages of one *line* (a customer) are delivered in the
order they were sent. One that is overtaken in its line was left out: it counts as lost, and no
longer if it comes after all. What is on its way when everything has come to rest is lost too; that
is for `tally(at_rest=True)` to say. A message that the service refused for good and the dead-letter
sink has is *set aside*: it has arrived where its owner finds it, and is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """The state of a run.

    Attributes:
        sent: messages that the broker has, or was given.
        delivered: different messages that the service has accepted.
        duplicated: deliveries of messages that it had accepted before.
        lost: see the module's text.
        set_aside: different messages that the dead-letter sink has and the service refused.
    """

    sent: int
    delivered: int
    duplicated: int
    lost: int
    set_aside: int = 0

    @property
    def waiting(self) -> int:
        """How many are on their way."""
        return self.sent - self.delivered - self.lost - self.set_aside


class Ledger:
    """Takes note of each message that is sent and each that arrives; times are in seconds."""

    def __init__(self) -> None:
        self._sent = 0
        self._delivered = 0
        self._duplicated = 0
        self._set_aside = 0
        # On their way, by number: the line, and when they were sent.
        self._under_way: dict[int, tuple[str | None, float]] = {}
        self._lines: dict[str, dict[int, None]] = {}
        self._overtaken: set[int] = set()
        # Arrived: all numbers up to `_floor`, and these.
        self._floor = 0
        self._arrived: set[int] = set()

    def sent(self, number: int, *, line: str | None, at: float) -> None:
        """Note a message; numbers are 1, 2, 3, ... `line` None: it has no order to keep."""
        self._sent += 1
        self._under_way[number] = (line, at)
        if line is not None:
            self._lines.setdefault(line, {})[number] = None

    def withdrawn(self, number: int) -> None:
        """Note that the broker did not take a message after all."""
        if self._forget(number) is not None:
            self._sent -= 1
            self._settle(number)

    def arrived(self, number: int, *, at: float) -> float | None:
        """Note a delivery that was accepted; return the seconds it took, None for a duplicate."""
        if self._known(number):
            self._duplicated += 1
            return None
        sent_at = self._take(number)
        if sent_at is None:  # not of this run
            return None
        self._delivered += 1
        return at - sent_at

    def put_aside(self, number: int) -> None:
        """Note that the dead-letter sink has a message; nothing, if it had arrived before."""
        if self._take(number) is not None:
            self._set_aside += 1

    def tally(self, *, at_rest: bool = False) -> Tally:
        """Return the counts; `at_rest`: nothing that is on its way will come any more."""
        missing = self._sent - self._delivered - self._set_aside
        lost = missing if at_rest else len(self._overtaken)
        return Tally(self._sent, self._delivered, self._duplicated, lost, self._set_aside)

    def _known(self, number: int) -> bool:
        return number <= self._floor or number in self._arrived

    def _take(self, number: int) -> float | None:
        """Take a message off the way, and note whom it overtook; return when it was sent."""
        line = self._lines.get((self._under_way.get(number) or (None,))[0] or "", {})
        if number in line:
            for earlier in line:
                if earlier == number:
                    break
                self._overtaken.add(earlier)
            for earlier in self._overtaken & line.keys():
                del line[earlier]
        sent_at = self._forget(number)
        if sent_at is not None:
            self._settle(number)
        return sent_at

    def _forget(self, number: int) -> float | None:
        """Take a message off the way; return when it was sent."""
        line, at = self._under_way.pop(number, (None, None))
        self._overtaken.discard(number)
        if line is not None:
            self._lines[line].pop(number, None)
        return at

    def _settle(self, number: int) -> None:
        self._arrived.add(number)
        while self._floor + 1 in self._arrived:
            self._floor += 1
            self._arrived.discard(self._floor)

    def __repr__(self) -> str:
        return f"<Ledger {self.tally()}>"
