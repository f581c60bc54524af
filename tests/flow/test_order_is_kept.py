"""`Held` against a model, driven by random schedules of receives, sends, answers and revokes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.delivery import Delivery
from eventing_alibaba.flow.held import Held

MAX_BUFFERED = 24
MAX_UNCOMMITTED = 10


class HeldMachine(RuleBasedStateMachine):
    """Random schedules; `self.received` is what a broker would remember."""

    def __init__(self) -> None:
        super().__init__()
        self.paused: set[object] = set()
        self.held = Held(
            max_buffered=MAX_BUFFERED,
            max_bytes=1 << 20,
            max_uncommitted=MAX_UNCOMMITTED,
            pause=self.paused.update,
            resume=self.paused.difference_update,
        )
        self.epoch: dict[str, int] = defaultdict(int)
        self.received: dict[Any, list[Any]] = defaultdict(list)
        self.acked: dict[Any, list[Message]] = defaultdict(list)
        self.wire: list[Delivery] = []
        self.waiting: list[Delivery] = []
        self.answered: set[Message] = set()
        self.gone: set[Any] = set()
        self.settled_of_gone: dict[Any, Message | None] = {}

    def track(self, partition: str) -> tuple[str, int]:
        return partition, self.epoch[partition]

    @rule(partition=st.sampled_from("ab"), lane=st.sampled_from(["none", "track", "x", "y"]))
    def receive(self, partition: str, lane: str) -> None:
        """A source hands out a message unless the flow has no room or paused its track."""
        if self.held.room()[0] == 0:
            return
        track = self.track(partition)
        if track in self.paused:
            return
        number = len(self.received[track])
        lanes = {"none": None, "track": track}
        message = Message(
            id=f"{track}/{number}",
            body=b"x" * 10,
            attributes=(),
            origin="t",
            track=track,
            lane=lanes.get(lane, (track, lane)),
            receipt=number,
        )
        self.received[track].append(message)
        self.held.admit(message)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def receive_late(self, data: st.DataObject) -> None:
        """A message of a track that was given up comes late: it is left to its broker."""
        track = data.draw(st.sampled_from(sorted(self.gone)))
        held = self.held.count
        self.held.admit(
            Message(id="late", body=b"x", attributes=(), origin="t", track=track, receipt=10**6)
        )
        assert self.held.count == held

    @precondition(lambda self: self.held.ready)
    @rule()
    def send(self) -> None:
        """The deliverer takes the next ready one."""
        delivery = self.held.ready.popleft()
        if delivery.abandoned:
            return
        message: Any = delivery.message
        lane = message.lane
        if lane is not None:
            assert all(d.message.lane != lane or d.message.track in self.gone for d in self.wire)
            before = [
                m
                for m in self.received[message.track]
                if m.lane == lane and m.receipt < message.receipt
            ]
            assert set(before) <= self.answered, "an earlier message of the lane is unfinished"
        delivery.wire = True
        self.wire.append(delivery)

    @precondition(lambda self: self.wire)
    @rule(data=st.data(), success=st.booleans())
    def answer(self, data: st.DataObject, *, success: bool) -> None:
        """The sink answers one of the requests on the wire."""
        delivery = data.draw(st.sampled_from(self.wire))
        self.wire.remove(delivery)
        delivery.wire = False
        if success:
            self.answered.add(delivery.message)
            self.held.settle(delivery)
        elif delivery.message.track in self.gone:
            self.held.abandon(delivery)
        else:
            self.waiting.append(delivery)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """A backoff ends."""
        delivery = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(delivery)
        if not delivery.abandoned:
            self.held.ready.appendleft(delivery)

    @rule()
    def acknowledge(self) -> None:
        """The settling stage takes what may be acknowledged."""
        taken = self.held.take_acks()
        for message in taken:
            self.acked[message.track].append(message)
        self.held.acked(len(taken))

    @rule(partition=st.sampled_from("ab"))
    def revoke(self, partition: str) -> None:
        """The source loses a track and gets the partition back as a new one."""
        track = self.track(partition)
        self.acknowledge()
        self.held.drop([track])
        self.gone.add(track)
        self.paused.discard(track)
        self.epoch[partition] += 1

    @rule(partition=st.sampled_from("ab"))
    def finish_drain(self, partition: str) -> None:
        """After a drain `settled` must never move again."""
        for track in [t for t in self.gone if t[0] == partition]:
            for known in self.held.tracks():
                if known.key == track and not known.final:
                    known.final = True
                    self.settled_of_gone[track] = self.held.settled(track)

    @invariant()
    def acks_are_a_contiguous_answered_prefix(self) -> None:
        """What is acknowledged, or settled at a revoke, is a prefix and every bit was answered."""
        for track, messages in self.acked.items():
            assert messages == self.received[track][: len(messages)]
            assert set(messages) <= self.answered
        for known in self.held.tracks():
            if known.settled is not None:
                last: Any = known.settled.receipt
                prefix = self.received[known.key][: last + 1]
                assert set(prefix) <= self.answered
        for track, message in self.settled_of_gone.items():
            assert self.held.settled(track) is message

    @invariant()
    def counts_are_true_and_bounded(self) -> None:
        """Count and bytes are those of the unsettled, and stay within the bounds."""
        unsettled = list(self.held.deliveries())
        late = [d for d in self.wire if d.message.track in self.gone and not d.abandoned]
        count = len({*unsettled, *late})
        assert self.held.count == count <= MAX_BUFFERED
        assert self.held.size == 10 * count
        for known in self.held.tracks():
            assert len(known.window) <= MAX_UNCOMMITTED + 1
            assert known.waiting >= 0
            finished = [d for d in known.window if d.done and not known.gone]
            assert not any(d.message.body for d in finished), "a finished body takes memory"

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Every received message of a live track is ready, waiting, on the wire or settled."""
        reachable = {d.message for d in (*self.held.ready, *self.wire, *self.waiting)}
        for known in self.held.tracks():
            if known.gone:
                continue
            for delivery in known.window:
                if not delivery.done and delivery.message not in reachable:
                    assert delivery.lane is not None
                    assert delivery in delivery.lane, "it is nowhere"

    def teardown(self) -> None:
        """When all is answered, all is acknowledged and every pause is lifted."""
        for _ in range(10_000):
            if self.held.ready:
                self.send()
            elif self.wire:
                delivery = self.wire.pop()
                delivery.wire = False
                self.answered.add(delivery.message)
                self.held.settle(delivery)
            elif self.waiting:
                delivery = self.waiting.pop()
                if not delivery.abandoned:
                    self.held.ready.appendleft(delivery)
            else:
                break
        self.acknowledge()
        for track, messages in self.received.items():
            if track not in self.gone:
                assert self.acked[track] == messages
        assert self.held.count == self.held.size == 0
        assert not {t for t in self.paused if t not in self.gone}


TestOrderIsKept = HeldMachine.TestCase
TestOrderIsKept.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)


def test_more_is_asked_for_only_when_a_good_part_is_free() -> None:
    """Room shows when a quarter of the buffer is free, so that batches stay large."""
    held = Held(
        max_buffered=8,
        max_bytes=1 << 20,
        max_uncommitted=100,
        pause=lambda tracks: None,
        resume=lambda tracks: None,
    )
    for number in range(8):
        held.admit(Message(id=str(number), body=b"x", attributes=(), origin="t"))
    rooms = []
    called = []
    held.on_room = lambda: called.append(held.count)
    held.starve()
    while held.ready:
        rooms.append(held.room()[0])
        held.settle(held.ready.popleft())
    assert rooms == [0, 0, 2, 3, 4, 5, 6, 7]
    assert called == [6]
