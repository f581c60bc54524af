"""Batched mode: ready deliveries are collected, and one request has many of them.

What is ready becomes a part of its track's open consignment. A consignment is due when it is full,
or when its first event has waited for `max_wait`; what is due is sent while the sink has room. Only
when it has, more is collected, so what is encoded ahead of time is bounded.

A 2xx settles all events of a piece. A sink that is unwell, or a failure that may pass, gets the
same piece again. A refusal for good, and retries that are used up, halve it (see `consignment.py`),
down to single events, which fail as in any other mode. An event that has failed by itself goes
alone from then on: in a batch it would make others fail.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.contract.event import Event
from eventing_alibaba.flow.consignment import Consignment
from eventing_alibaba.flow.convert import Converter, Unconvertible
from eventing_alibaba.flow.deliver import Deliverer, Stages
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.sink.formats.batch import Batch
from eventing_alibaba.sink.outcome import Outcome, Verdict, judge
from eventing_alibaba.sink.post import Sink
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

log = logging.getLogger(__name__)

ALONE: Final = b""
"""Stands for the part of an event that cannot be in a batch; every other part has some bytes."""

_STEPS: Final = 256
"""Events one call of `pump` collects at most, besides those that follow one in its lane, so that
probes and timers get their turn."""

_NO_TRACK: Final = object()
_NO_PIECE: Final = Batch[Delivery]()


@dataclass(slots=True, frozen=True)
class Batching:
    """How large a batch may be: events, bytes of its body, and seconds that the first one waits."""

    max_events: int
    max_bytes: int
    max_wait: float


def parts(sink: Sink) -> Callable[[Event], bytes]:
    """Return what encodes an event as a part of a batch, `ALONE` where it cannot be one."""

    def part(event: Event) -> bytes:
        made = sink.part(event)
        return ALONE if made is None else made

    return part


class BatchDeliverer(Deliverer):
    """A `Deliverer` whose `convert` makes parts (`ALONE` for what has none), for `sink.batch`.

    `alone` makes the whole request of an event that has no part.
    """

    def __init__(
        self, stages: Stages, convert: Converter, *, alone: Converter, batching: Batching
    ) -> None:
        self._batching = batching
        self._alone = alone.request
        self._open: dict[Hashable, Consignment] = {}
        self._due: deque[Consignment] = deque()
        super().__init__(stages, convert)

    def pump(self) -> None:
        """Write requests and collect more events while there are some, room, and leave to."""
        ready, pool, valve = self._held.ready, self._pool, self.valve
        if self._owed and valve.may_probe():
            self._probe()
        steps = 0
        while not (self._stopped or valve.shut):
            if self._due:
                if pool.in_flight >= pool.limit:
                    return
                self._ship(self._due.popleft())
            elif not ready:
                break
            elif steps >= _STEPS:
                self._pump_later()
                return
            elif not valve.limited:
                steps += self._gather(_STEPS - steps)
            else:
                steps += 1
                if not valve.spend():
                    return
                if not self._collect(ready.popleft()):
                    valve.refund()
        if self._batching.max_wait == 0 and self._open and not (self._stopped or valve.shut):
            self._due.extend(self._open.values())
            self._open.clear()
            self.pump()

    def _gather(self, most: int) -> int:
        """Collect ready deliveries, up to `most`, until something is due; return how many.

        One loop for what most events are: of no lane, or the only one of it, and never tried. It
        has `Batch.takes` and `Batch.add` written out, since a call for each event is what it saves.
        """
        ready, convert = self._held.ready, self._convert
        max_events, max_bytes = self._batching.max_events, self._batching.max_bytes
        track: object = _NO_TRACK
        piece = _NO_PIECE
        count = 0
        while ready and count < most:
            delivery = ready.popleft()
            count += 1
            if delivery.lane or delivery.attempts or delivery.abandoned:
                self._collect(delivery)
                break
            try:
                made = convert(delivery)
            except Unconvertible as error:
                self.reaction.unconvertible(delivery, str(error))
                break
            if isinstance(made, str):
                self._unsent(delivery, made)
                continue
            if not made:
                self._place(delivery, ALONE)
                break
            if delivery.message.track is not track:
                track = delivery.message.track
                piece = self._open_for(delivery).first
            parts = piece.parts
            if parts and piece.size + len(made) >= max_bytes:
                self._place(delivery, made)
                break
            piece.members.append(delivery)
            parts.append(made)
            piece.size += len(made) + 1
            if len(parts) >= max_events:
                self._close(delivery.message.track)
                break
        return count

    def _collect(self, delivery: Delivery) -> bool:
        """Put a delivery into a consignment; False if it has nothing to send."""
        part = None if delivery.abandoned else self._made(self._convert, delivery)
        if part is None:
            return False
        self._place(delivery, part)
        return True

    def _place(self, delivery: Delivery, part: bytes) -> None:
        """Put what is to be sent for a delivery into a consignment, with what follows it."""
        if part == ALONE or delivery.attempts:
            consignment = Consignment()
            consignment.first.add(delivery, part)
            self._due.append(consignment)
            return
        consignment = self._open_for(delivery)
        if not self._takes(consignment, part):
            self._close(delivery.message.track)
            consignment = self._open_for(delivery)
        consignment.first.add(delivery, part)
        full = self._full(consignment) or not self._follow(consignment, delivery)
        if full and self._open.get(delivery.message.track) is consignment:
            self._close(delivery.message.track)

    def _made(self, convert: Callable[[Delivery], bytes | str], delivery: Delivery) -> bytes | None:
        """Return what `convert` makes of a delivery; None if that is nothing, and dealt with."""
        try:
            made = convert(delivery)
        except Unconvertible as error:
            self.reaction.unconvertible(delivery, str(error))
            return None
        if isinstance(made, str):
            self._unsent(delivery, made)
            return None
        return made

    def _unsent(self, delivery: Delivery, why: str) -> None:
        self._counters.settle(why)
        self._held.settle(delivery)

    def _follow(self, consignment: Consignment, delivery: Delivery) -> bool:
        """Add what follows `delivery` in its lane; return whether there is room for still more."""
        held, valve = self._held, self.valve
        while delivery.lane and not (delivery.rest and len(delivery.rest) > 1):
            if valve.limited and not valve.spend():
                return True
            follower = held.follower(delivery)
            part = self._following(follower)
            if part == ALONE or (isinstance(part, bytes) and not self._takes(consignment, part)):
                held.line_up(delivery, [follower])
                valve.refund()
                return False
            if isinstance(part, str):
                held.pass_over(delivery, follower)
                self._counters.settle(part)
                held.settle(follower)
                valve.refund()
                continue
            consignment.first.add(follower, part)
            delivery = follower
            if self._full(consignment):
                return False
        return True

    def _following(self, follower: Delivery) -> bytes | str:
        """Return its part; `ALONE` where it is to be dealt with when its own turn comes."""
        if follower.attempts:
            return ALONE
        try:
            return self._convert(follower)
        except Unconvertible:
            return ALONE

    def _open_for(self, delivery: Delivery) -> Consignment:
        """Return the open consignment of its track, which is begun if there is none."""
        track = delivery.message.track
        consignment = self._open.get(track)
        if consignment is None:
            self._open[track] = consignment = Consignment()
            if self._batching.max_wait > 0:
                self._timers.after(self._batching.max_wait, self._overdue, (track, consignment))
        return consignment

    def _takes(self, consignment: Consignment, part: bytes) -> bool:
        batching = self._batching
        return consignment.first.takes(
            part, max_events=batching.max_events, max_bytes=batching.max_bytes
        )

    def _full(self, consignment: Consignment) -> bool:
        return len(consignment.first) >= self._batching.max_events

    def _close(self, track: Hashable) -> None:
        self._due.append(self._open.pop(track))

    def _overdue(self, opened: tuple[Hashable, Consignment]) -> None:
        track, consignment = opened
        if self._open.get(track) is consignment:
            self._close(track)
            self.pump()

    def _ship(self, consignment: Consignment) -> bool:
        """Write the request of the first piece; False if nothing of it is left to send."""
        if not consignment.tidy():
            return False
        piece = consignment.first
        if piece.parts == [ALONE]:
            made = self._made(self._alone, piece.members[0])
            if made is None:
                consignment.over()
                return False
            request = made
        else:
            request = self._sink.batch(piece.parts)
        consignment.started = self._clock()
        for delivery in piece.members:
            delivery.wire = True
        if not self._sink.send(request, self._arrived, consignment):
            for delivery in piece.members:
                delivery.wire = False
            self._due.appendleft(consignment)
        return True

    def _arrived(self, consignment: Consignment, result: Answer | WireError) -> None:
        members = consignment.first.members
        for delivery in members:
            delivery.wire = False
        if self._hanging:
            self._no_longer(consignment.started)
        if isinstance(result, Answer) and 200 <= result.status <= 299:
            self._well(consignment.started, len(members))
            consignment.over()
            for delivery in members:
                self._accepted(delivery)
            if consignment.pieces:
                self._due.appendleft(consignment)
        else:
            self._refused(consignment, judge(result))
        if self._stopped:
            self._idle.set()
        else:
            self.pump()

    def _refused(self, consignment: Consignment, outcome: Outcome) -> None:
        reaction = self.reaction
        reaction.note(outcome, consignment.started)
        left = {one for one in consignment.first.members if reaction.left(one, outcome)}
        if left:
            consignment.leave_out(left)
        if not consignment.tidy():
            return
        if len(consignment.first) == 1:
            self._single(consignment, outcome)
            return
        consignment.attempts += 1
        if reaction.counts(outcome, consignment.failed, consignment.started):
            consignment.failures += 1
        consignment.failed = self._clock()
        log.warning(
            "a batch of %d events was not accepted and is kept: %s",
            len(consignment.first),
            outcome.reason,
        )
        if outcome.verdict is Verdict.FINAL or consignment.failures > self._retry.most:
            consignment.halve()
        elif not (outcome.verdict is Verdict.SICK and self.valve.breaker.open):
            self._timers.after(self._retry.wait(consignment.attempts), self._once_more, consignment)
            return
        self._due.appendleft(consignment)

    def _single(self, consignment: Consignment, outcome: Outcome) -> None:
        """Let the only event of the first piece go its own way, and the other pieces theirs."""
        attempts, failures, failed = consignment.attempts, consignment.failures, consignment.failed
        (delivery,) = consignment.over().members
        delivery.attempts = max(delivery.attempts, attempts)
        delivery.failures = max(delivery.failures, failures)
        delivery.failed = delivery.failed or failed
        delivery.started = consignment.started
        consignment.let_follow(delivery, self._held)
        self.reaction.decide(delivery, outcome)
        if consignment.pieces:
            self._due.appendleft(consignment)

    def _once_more(self, consignment: Consignment) -> None:
        self._due.appendleft(consignment)
        self.pump()

    def _probe(self) -> None:
        """Send one piece although the breaker is open, or owe it until there is one to send."""
        self._owed = False
        ready = self._held.ready
        while not self._stopped and self._pool.in_flight < self._pool.limit:
            if self._due:
                if self._ship(self._due.popleft()):
                    return
            elif self._open:
                self._close(next(iter(self._open)))
            elif ready:
                self._collect(ready.popleft())
            else:
                break
        self._owed = True
