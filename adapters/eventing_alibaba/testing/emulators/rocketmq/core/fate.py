"""What became of a message in one group, counted, so that a test can prove what it claims.

The counts tell apart what a client cannot: whether an acknowledgement that was answered with OK
took effect, was a repetition of one that had, or was void.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Fate:
    """One message in one group.

    Attributes:
        received: how often it was given out.
        acked: acknowledgements that took effect.
        repeated: acknowledgements of what was acknowledged before.
        void: acknowledgements that were answered with OK and did nothing.
        extended: times that its invisible time was changed.
        expired: times that its invisible time ran out.
        dead: it was moved to the dead-letter topic.
        filtered: it was passed over, because no subscription wants it.
    """

    received: int = 0
    acked: int = 0
    repeated: int = 0
    void: int = 0
    extended: int = 0
    expired: int = 0
    dead: int = 0
    filtered: int = 0

    def shown(self) -> dict[str, int]:
        """Return the counts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(slots=True)
class Tally:
    """The same over all messages of a topic, and the fates that it adds up, by message place.

    Attributes:
        redelivered: messages that were given out again; part of `received`.
        fates: of each message that was given out, by (queue, offset).
    """

    total: Fate = field(default_factory=Fate)
    redelivered: int = 0
    fates: dict[tuple[int, int], Fate] = field(default_factory=dict)

    def of(self, queue: int, offset: int) -> Fate:
        """Return a message's fate."""
        place = (queue, offset)
        fate = self.fates.get(place)
        if fate is None:
            fate = self.fates[place] = Fate()
        return fate

    def received(self, queue: int, offset: int) -> None:
        """Count a message that is given out."""
        fate = self.of(queue, offset)
        self.redelivered += fate.received > 0
        fate.received += 1
        self.total.received += 1

    def acked(self, queue: int, offset: int, *, counts: bool) -> None:
        """Count an acknowledgement."""
        fate = self.of(queue, offset)
        if counts:
            fate.acked += 1
            self.total.acked += 1
        elif fate.acked or fate.dead:
            fate.repeated += 1
            self.total.repeated += 1
        else:
            fate.void += 1
            self.total.void += 1

    def expired(self, queue: int, offset: int) -> None:
        """Count an invisible time that ran out."""
        self.of(queue, offset).expired += 1
        self.total.expired += 1

    def extended(self, queue: int, offset: int) -> None:
        """Count a change of the invisible time."""
        self.of(queue, offset).extended += 1
        self.total.extended += 1

    def dead(self, queue: int, offset: int) -> None:
        """Count a message that went to the dead-letter topic."""
        self.of(queue, offset).dead += 1
        self.total.dead += 1

    def filtered(self, queue: int, offset: int) -> None:
        """Count a message that nobody wants."""
        self.of(queue, offset).filtered += 1
        self.total.filtered += 1
