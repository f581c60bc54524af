"""Events that travel together: one batched request, and what is left of it after a refusal.

A consignment has messages of one track, in their order. Several of them may be of one lane: the
place at the lane's head is handed on from each to the next, so the lane's other messages stay
behind the last of them.

It is sent as pieces, one after the other; at first there is one. A piece that is refused for good
is replaced by its halves, so that a few requests find the event that the sink does not want, and
all others are delivered. An event that is left alone with its failure is no longer part of this: it
fails as any single event does, and what follows it in its lane goes back into line behind it, so
that nothing else has to wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.held import Held
from eventing_alibaba.sink.formats.batch import Batch


class Consignment:
    """Pieces to be sent in turn; the first of `pieces` is the next, or the one on its way.

    Attributes:
        pieces: what is not settled yet.
        failures: failed attempts at the first piece that count against `retry`.
        attempts: all failed attempts at the first piece.
        failed: when the first piece last failed, on the flow's clock; 0 = never.
        started: when it was last given to the pool, on the flow's clock.
    """

    __slots__ = ("attempts", "failed", "failures", "pieces", "started")

    def __init__(self) -> None:
        self.pieces: list[Batch[Delivery]] = [Batch()]
        self.attempts = 0
        self.failures = 0
        self.failed = 0.0
        self.started = 0.0

    @property
    def first(self) -> Batch[Delivery]:
        """The piece whose turn it is."""
        return self.pieces[0]

    def members(self) -> Iterator[Delivery]:
        """All that is not settled yet."""
        for piece in self.pieces:
            yield from piece.members

    def tidy(self) -> bool:
        """Leave out what was given up or settled meanwhile; return whether anything is left."""
        for at, piece in enumerate(self.pieces):
            for delivery in piece.members:
                if delivery.abandoned or delivery.done:
                    self.pieces[at] = _only(piece, lambda one: not (one.abandoned or one.done))
                    break
        self._drop_empty()
        return bool(self.pieces)

    def leave_out(self, others: Container[Delivery]) -> None:
        """Leave these out of the first piece: they are dealt with."""
        self.pieces[0] = _only(self.pieces[0], lambda one: one not in others)

    def over(self) -> Batch[Delivery]:
        """Take the first piece away: its events are settled, or somebody else's."""
        self.attempts = self.failures = 0
        self.failed = 0.0
        return self.pieces.pop(0)

    def halve(self) -> None:
        """Replace the first piece by its halves, which share what it has failed.

        So a half that fails as its whole did is halved at once, and its last event has had all the
        attempts that it may have.
        """
        self.pieces[:1] = self.pieces[0].halves()

    def let_follow(self, delivery: Delivery, held: Held) -> None:
        """Put what follows `delivery` in its lane, here, back into line behind it."""
        name = delivery.message.lane
        if name is None:
            return
        followers = [other for other in self.members() if other.message.lane == name]
        if not followers:
            return
        held.line_up(delivery, [one for one in followers if not one.abandoned])
        self.pieces = [_only(piece, lambda one: one.message.lane != name) for piece in self.pieces]
        self._drop_empty()

    def _drop_empty(self) -> None:
        self.pieces = [piece for piece in self.pieces if piece.members]

    def __repr__(self) -> str:
        sizes = "+".join(str(len(piece)) for piece in self.pieces)
        return f"<Consignment of {sizes or 'nothing'} attempts={self.attempts}>"


def _only(piece: Batch[Delivery], wanted: Callable[[Delivery], bool]) -> Batch[Delivery]:
    kept = Batch[Delivery]()
    for delivery, part in zip(piece.members, piece.parts, strict=True):
        if wanted(delivery):
            kept.add(delivery, part)
    return kept
