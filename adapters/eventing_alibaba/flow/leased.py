"""Messages with a lease: known by their ids, so that none is delivered twice by this process.

What is received passes here first. A message that is new goes into `Held` and its lease into the
table. One that is known is a *redelivery*: the broker gave it out a second time, because its lease
ended or an answer of ours got lost. Its receipt is the newest one and replaces the old one:

    on its way        the POST under way, or the retry that waits, goes on and counts for it
    delivered         it is acknowledged at once, without a POST
    being released    it is a message like any other, and a release that still waits is dropped

A lease is *lost* when its time is over or when the broker says so. A message that waits is then
dropped, with its whole group: the broker delivers all of them again, in order. One on the wire
stays, because its POST cannot be called back: a 2xx puts its id into the table of the delivered, a
failure lets it go.

Brokers that answer "OK" to a void receipt cannot be believed where another receipt may be the valid
one. A message whose acknowledgement proves nothing is remembered as delivered, too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Hashable, Iterable

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.delivered import Delivered
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.policies.lease import Lease, Leases, identity

log = logging.getLogger(__name__)


class Leased:
    """What is held with a lease.

    `on_received` is called with each new lease, `on_free` when messages may wait for a call that
    is over, `on_dropped` when deliveries were let go, `on_lost` with tracks of which they were.

    Attributes:
        leases: all of them.
        delivered: the ids that are acknowledged when they come again.
        now: the clock of leases.
    """

    def __init__(
        self,
        *,
        held: Held,
        counters: Counters,
        max_hold: float,
        now: Callable[[], float],
        delivered: Delivered | None = None,
    ) -> None:
        self.leases = Leases(max_hold=max_hold)
        self.delivered = Delivered() if delivered is None else delivered
        self.on_received: Callable[[Lease], None] = lambda _lease: None
        self.on_dropped: Callable[[], None] = lambda: None
        self.on_lost: Callable[[Iterable[Hashable]], None] = lambda _tracks: None
        self.on_free: list[Callable[[], None]] = []
        self._held = held
        self._counters = counters
        self.now = now

    def admit(self, message: Message) -> None:
        """Take a received message that has a lease."""
        now = self.now()
        if not self._held.leased:
            self._held.leased = True
            self._held.set_hold_limit()
        if message.lease is not None and message.lease <= now:
            self._counters.settle("lost")
        elif not self.recognise(message):
            delivery = self._held.admit(message)
            if delivery is not None:
                self._watch(message, delivery, now)

    def recognise(self, message: Message) -> bool:
        """Take a redelivery of a message that is held or delivered; return whether it is one."""
        now = self.now()
        lease = self.leases.find(message)
        if lease is not None and self.tidy(lease):
            lease = None
        if lease is None or lease.releasing is not None or lease.delivery.abandoned:
            return self.delivered.has(identity(message), now) and self._settled(message, now)
        self._watch(message, lease.delivery, now)
        self._held.redelivered(lease.delivery, message)
        return True

    def lose(self, lost: Iterable[Lease]) -> None:
        """Note that leases are lost, and with each one its group."""
        names: list[str] = []
        tracks: set[Hashable] = set()
        for one in lost:
            if one.delivery.lost:
                continue
            group = [lease for lease in self.leases.together(one) if not lease.delivery.lost]
            for lease in group:
                lease.delivery.lost = True
                lease.doubtful = True  # also if extending it brings it back: others of it are gone
                self._counters.settle("letGo" if lease.due == math.inf else "lost")
                names.append(lease.message.id)
            if one.message.track is not None:
                tracks.add(one.message.track)
            for lease in reversed(group):
                if not lease.delivery.wire:
                    self._let_go(lease)
        if tracks:
            self.on_lost(tracks)
        if names:
            log.warning(
                "the leases of %d messages ended before they were settled; their broker delivers"
                " them again (the first is %s)",
                len(names),
                names[0],
            )
            self.on_dropped()
            self._tell_free()

    def sweep(self) -> None:
        """Forget what no longer concerns anybody here."""
        for lease in self.leases:
            if lease.delivery.lost and not lease.delivery.wire:
                self._let_go(lease)
            self.tidy(lease)

    def renewed(self, lease: Lease, message: Message, start: float) -> None:
        """Take the receipt that extending brought; `start` is a time before the request."""
        lease.renew(message, start)
        delivery = lease.delivery
        delivery.message = message
        delivery.lost = False
        if delivery.done:
            message.body = b""

    def acknowledged(self, lease: Lease, sent: Message, *, lost: bool) -> bool:
        """Note the end of an acknowledgement with the receipt of `sent`.

        Returns False when a newer receipt came meanwhile, which is to be acknowledged, too.
        """
        if lease.message is not sent:
            return False
        if lost or lease.doubtful or lease.ends <= self.now():
            self.remember(lease)
            # Were it void, so would be those behind it in a queue: they came after a gap.
            for other in self.leases.together(lease):
                other.doubtful = True
        self.leases.forget(lease)
        return True

    def remember(self, lease: Lease) -> None:
        """Acknowledge the message when it comes again."""
        self.delivered.add(identity(lease.message), self.now())

    def called(self, leases: Iterable[Lease]) -> None:
        """Note that a call which had `leases` is back."""
        for lease in leases:
            lease.busy = None
            self.tidy(lease)
        self._tell_free()

    def tidy(self, lease: Lease) -> bool:
        """Forget a lease whose message left the flow, once no call has it; return whether so."""
        delivery = lease.delivery
        given_up = delivery.done and delivery.track is not None and delivery.track.gone
        over = (delivery.abandoned or given_up) and lease.releasing is None
        if lease.busy is not None or not over:
            return False
        if given_up:
            self.remember(lease)
        self.leases.forget(lease)
        return True

    def _watch(self, message: Message, delivery: Delivery, now: float) -> None:
        self.on_received(self.leases.add(message, delivery, now))

    def _settled(self, message: Message, now: float) -> bool:
        delivery = self._held.admit_settled(message)
        if delivery is None:
            return False
        self._watch(message, delivery, now)
        # It may come once more: this acknowledgement may be lost as well.
        self.delivered.add(identity(message), now)
        return True

    def _let_go(self, lease: Lease) -> None:
        delivery = lease.delivery
        if self._held.let_go(delivery):
            if delivery.done:
                self.remember(lease)
            self.tidy(lease)

    def _tell_free(self) -> None:
        for tell in self.on_free:
            tell()

    def __repr__(self) -> str:
        return f"<Leased {self.leases!r} {self.delivered!r}>"
