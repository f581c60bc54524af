"""What the flow holds, and in which order it may leave.

Every message between the source and its acknowledgement is here, once. Two orders are kept:

*Delivery order* is by lane. The first message of a lane goes to `ready`; the others wait in the
lane's queue, and settling one lets the next one go. A message without a lane is ready at once.

*Settle order* is by track. A track's window has its messages as they were received; a settled one
leaves the window only when all before it have left, so that what is acknowledged is always a
contiguous prefix. What left is in `acks`, for the acknowledging stage to take.

Bounds. `room` says how much more may be received. A track with more than `max_uncommitted` messages
past its first unfinished one, or with more than its share of waiting ones, is paused by itself, so
that one slow partition, or one that is stuck, fills neither the buffer nor the day of the others.
Of a source with leases no more is held than the sink will soon take, because what is held here
waits while another receiver could deliver it.

A message may also leave unsettled, to be delivered again by its broker: `abandon` stops its track
before it, `let_go` takes it out of line as if it had never been received.

No I/O and no clock here: tests drive it with random schedules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.delivery import Delivery, Track

_LEAST_SHARE = 4


class Held:
    """The messages between receive and acknowledge.

    `pause` and `resume` are the source's; `on_room` is called once when there is room again after
    `starve`, `on_acks` once when `acks` is no longer empty.

    Attributes:
        ready: may be sent now, in this order. Entries that are `abandoned` were dropped.
        acks: settled, to be acknowledged; taken by `take_acks`.
        count, size: messages and bytes held: received and not yet settled.
        shut: the sink is away; nothing is received but one message to probe it with.
        leased: messages have leases, so the limit of `set_hold_limit` counts.
    """

    def __init__(
        self,
        *,
        max_buffered: int,
        max_bytes: int,
        max_uncommitted: int,
        pause: Callable[[Iterable[Hashable]], None],
        resume: Callable[[Iterable[Hashable]], None],
    ) -> None:
        self.ready: deque[Delivery] = deque()
        self.acks: list[Message] = []
        self.count = 0
        self.size = 0
        self.shut = False
        self.leased = False
        self.on_room: Callable[[], None] = lambda: None
        self.on_acks: Callable[[], None] = lambda: None
        self._tracks: dict[Hashable, Track] = {}
        self._lanes: dict[Hashable, deque[Delivery]] = {}
        self._max_buffered = max_buffered
        self._max_bytes = max_bytes
        self._max_uncommitted = max_uncommitted
        self._pause = pause
        self._resume = resume
        self._unacked = 0
        self._free: set[Delivery] = set()
        self._starved = False
        self._acks_told = False
        self._hold_limit = self._most = max_buffered
        self._low = _mostly(max_buffered)
        self._low_bytes = max_bytes - max_bytes // 4

    def set_hold_limit(self, limit: int | None = None) -> None:
        """Hold at most `limit` messages where they have leases; None = the last limit given."""
        if limit is not None:
            self._hold_limit = limit
        if self.leased:
            self._most = max(1, min(self._hold_limit, self._max_buffered))
            self._low = _mostly(self._most)
            self._wake()

    def room(self) -> tuple[int, int]:
        """Return how many messages and bytes may be received now; (0, 0) = none."""
        if self.shut and self.count:
            return 0, 0
        if self._unacked + len(self.acks) > self._max_buffered:
            return 0, 0  # acknowledging does not keep up
        if self.count == 0:  # one message is always let in, however large
            return (1 if self.shut else self._most), self._max_bytes
        if self.count > self._low or self.size > self._low_bytes:
            return 0, 0
        return self._most - self.count, self._max_bytes - self.size

    def starve(self) -> None:
        """Ask for one call of `on_room`."""
        self._starved = True

    def admit(self, message: Message) -> Delivery | None:
        """Take a received message. One of a track that was given up is left to its broker: None."""
        size = len(message.body)
        key = message.track
        track = None
        if key is not None:
            track = self._tracks.get(key)
            if track is None:
                self._tracks[key] = track = Track(key)
            elif track.gone:
                return None
        if message.lane is None:
            delivery = Delivery(message, track, None, size)
            self.ready.append(delivery)
        else:
            lane = self._lanes.get(message.lane)
            if lane is None:
                self._lanes[message.lane] = lane = deque()
                delivery = Delivery(message, track, lane, size)
                self.ready.append(delivery)
            else:
                delivery = Delivery(message, track, lane, size)
                lane.append(delivery)
                if track is not None:
                    track.waiting += 1
        self.count += 1
        self.size += size
        if track is None:
            self._free.add(delivery)
        else:
            track.window.append(delivery)
            if not track.paused and (
                len(track.window) > self._max_uncommitted
                or (track.waiting and track.waiting > self._share())
            ):
                track.paused = True
                track.full = len(track.window) > self._max_uncommitted
                self._pause((track.key,))
        return delivery

    def admit_settled(self, message: Message) -> Delivery | None:
        """Take a message that is delivered already: it has its place in its track, and no more."""
        track = None
        if message.track is not None:
            track = self._tracks.get(message.track)
            if track is None:
                self._tracks[message.track] = track = Track(message.track)
            elif track.gone:
                return None
        delivery = Delivery(message, track, None, 0)
        delivery.done = True
        if track is None:
            self.acks.append(message)
        else:
            message.body = b""
            track.window.append(delivery)
            self._advance(track, self.acks)
        self._wake()
        return delivery

    def redelivered(self, delivery: Delivery, message: Message) -> None:
        """Go on with `message`, the same one received again, whatever `delivery` is waiting for.

        It takes the place in its track that the broker gave it now: after all that came before it.
        """
        delivery.message = message
        delivery.lost = False
        track = delivery.track
        if track is not None and not track.gone and delivery in track.window:
            if delivery.done:
                message.body = b""
            track.window.remove(delivery)
            track.window.append(delivery)
            self._advance(track, self.acks)
            self._wake()

    def take_acks(self) -> list[Message]:
        """Return what is to be acknowledged; `acked` follows when that is done."""
        acks, self.acks = self.acks, []
        self._acks_told = False
        self._unacked += len(acks)
        return acks

    def acked(self, count: int) -> None:
        """Count off `count` messages of `take_acks`: acknowledged, or lost to another receiver."""
        self._unacked -= count
        self._wake()

    def settle(self, delivery: Delivery) -> None:
        """Finish a delivery for good: its lane goes on, its track's prefix grows."""
        delivery.done = True
        self.count -= 1
        self.size -= delivery.size
        track = delivery.track
        if track is None:
            self._free.discard(delivery)
            self.acks.append(delivery.message)
        elif track.gone:
            if not track.final:
                self._advance(track, None)
            self._wake()
            return
        else:
            window = track.window
            if window[0] is not delivery:
                # It waits for an earlier one; its body would only take memory meanwhile.
                delivery.message.body = b""
            elif len(window) > 1 and window[1].done:
                self._advance(track, self.acks)
            else:  # the same for one, which most are
                window.popleft()
                track.settled = delivery.message
                self.acks.append(delivery.message)
        if delivery.lane is not None:
            self._next_in_lane(delivery)
        if track is not None and track.paused:
            self._maybe_resume(track)
        if not self._acks_told or (self._starved and self.count <= self._low):
            self._wake()

    def follower(self, delivery: Delivery) -> Delivery:
        """Take what is next in the delivery's lane, to go in one request with it and behind it.

        There is one if `delivery.lane` is not empty. The lane goes on with the follower when that
        is settled, no longer with the delivery.
        """
        lane = delivery.lane
        assert lane
        follower = lane.popleft()
        if follower.track is not None:
            follower.track.waiting -= 1
        delivery.lane = None
        return follower

    def pass_over(self, delivery: Delivery, follower: Delivery) -> None:
        """Take a `follower` out of its lane, which goes on with `delivery` as if it never was."""
        delivery.lane, follower.lane = follower.lane, None

    def line_up(self, delivery: Delivery, followers: Sequence[Delivery]) -> None:
        """Undo `follower`: the lane waits for `delivery` again, these first, in this order.

        Where the lane has gone on without the last of them, they are ready as they are.
        """
        lane = followers[-1].lane if followers else None
        if lane is None:
            self.ready.extend(followers)
            return
        for one in reversed(followers):
            one.lane = lane
            lane.appendleft(one)
            if one.track is not None:
                one.track.waiting += 1
        delivery.lane = lane

    def reopen(self) -> None:
        """Receive again."""
        self.shut = False
        self._wake()

    def _wake(self) -> None:
        if self.acks and not self._acks_told:
            self._acks_told = True
            self.on_acks()
        if self._starved and self.count <= self._low and self.room()[0]:
            self._starved = False
            self.on_room()

    def _advance(self, track: Track, acks: list[Message] | None) -> None:
        window = track.window
        while window and window[0].done:
            message = window.popleft().message
            track.settled = message
            if acks is not None:
                acks.append(message)

    def _next_in_lane(self, delivery: Delivery) -> None:
        lane = delivery.lane
        if lane:
            follower = lane.popleft()
            if follower.track is not None:
                follower.track.waiting -= 1
            self.ready.append(follower)
        else:
            del self._lanes[delivery.message.lane]

    def _share(self) -> int:
        return max(_LEAST_SHARE, self._max_buffered // (2 * len(self._tracks)))

    def _maybe_resume(self, track: Track) -> None:
        # Half must be free of what was used up, so that a track does not pause with each message.
        # One that had only too many waiting may go on to the bound, also past a stuck first one.
        most = self._max_uncommitted // 2 if track.full else self._max_uncommitted
        if len(track.window) <= most and track.waiting <= self._share() // 2:
            track.paused = False
            self._resume((track.key,))

    def drop(self, keys: Iterable[Hashable]) -> list[Track]:
        """Give tracks up: what is not on the wire is forgotten at once and left to the broker.

        Returns the tracks; what is on the wire may still `settle`, which moves `settled` only.
        """
        given_up = []
        for key in keys:
            track = self._tracks.get(key)
            if track is None:
                self._tracks[key] = track = Track(key)
            track.gone = True
            for delivery in track.window:
                if delivery.lane is not None:
                    self._lanes.pop(delivery.message.lane, None)
                if not delivery.wire:
                    self.abandon(delivery)
            given_up.append(track)
        self._wake()
        return given_up

    def abandon(self, delivery: Delivery) -> None:
        """Forget one delivery without settling it: its broker still has it.

        It is never `done`, so the settled prefix of its track ends before it.
        """
        if not (delivery.done or delivery.abandoned):
            delivery.abandoned = True
            self._free.discard(delivery)
            self.count -= 1
            self.size -= delivery.size
            self._wake()  # it may have been the last that was waited for

    def let_go(self, delivery: Delivery) -> bool:
        """Take one delivery out of line: its broker delivers it again, and the others go on.

        Only where the broker orders anew what it delivers again: after this, what was behind it may
        be acknowledged before it. Returns False where it is too late: it is with `acks` already.
        """
        track = delivery.track
        in_line = not delivery.done if track is None else delivery in track.window
        if delivery.abandoned or not in_line:
            return False
        self.abandon(delivery)
        delivery.abandoned = True
        if track is not None and track.gone:
            return True
        if not delivery.done and delivery.lane is not None:
            try:
                delivery.lane.remove(delivery)
            except ValueError:  # it was the lane's first, not one that waited
                self._next_in_lane(delivery)
            else:
                if track is not None:
                    track.waiting -= 1
        if track is not None:
            track.window.remove(delivery)
            self._advance(track, self.acks)
            if track.paused:
                self._maybe_resume(track)
        self._wake()
        return True

    def settled(self, key: Hashable) -> Message | None:
        """Return the last message of the track's settled prefix."""
        track = self._tracks.get(key)
        return None if track is None else track.settled

    def forget(self, key: Hashable) -> None:
        """Drop what is known of a track that was given up."""
        track = self._tracks.get(key)
        if track is not None and track.gone:
            del self._tracks[key]

    def tracks(self) -> Iterator[Track]:
        """All tracks, for those who look."""
        return iter(self._tracks.values())

    def deliveries(self) -> Iterator[Delivery]:
        """All that is held and not settled."""
        yield from tuple(self._free)
        for track in self._tracks.values():
            for delivery in track.window:
                if not (delivery.done or delivery.abandoned):
                    yield delivery

    def __repr__(self) -> str:
        return (
            f"<Held {self.count} messages, {self.size} bytes, ready={len(self.ready)}"
            f" tracks={len(self._tracks)} lanes={len(self._lanes)} acks={len(self.acks)}>"
        )


def _mostly(most: int) -> int:
    # Asking again only when a good part is free keeps the hand-overs few and the batches large.
    return most - max(1, most // 4)
