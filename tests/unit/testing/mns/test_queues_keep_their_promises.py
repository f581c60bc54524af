"""The queue as a state machine, against a model that is too simple to be wrong.

The model keeps a list and looks at all of it each time; the queue has heaps and settles lazily.
Time jumps by anything from a millisecond to days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.message import Draft, Message
from eventing_alibaba.testing.emulators.mns.core.queue import DeadLetterPolicy
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings, TopicSettings
from eventing_alibaba.testing.emulators.mns.core.topic import Subscription

START: Final = 1_700_000_000_000
VISIBILITY: Final = 30
RETENTION: Final = 3600
MOST: Final = 3


@dataclass(slots=True)
class Kept:
    """A message as the model knows it."""

    id: str
    enqueued: int
    visible_at: int
    priority: int
    group: str
    dequeues: int = 0
    handle: str | None = None


class QueueMachine(RuleBasedStateMachine):
    """Sends, receives, deletes, hides and waits; compares after each step."""

    handles: Bundle[str] = Bundle("handles")

    @initialize(fifo=st.booleans(), burying=st.booleans())
    def begin(self, fifo: bool, burying: bool) -> None:
        self.now = START
        self.account = Account("1", "r")
        self.fifo, self.burying = fifo, burying
        kept = QueueSettings(visibility_timeout=VISIBILITY, message_retention_period=RETENTION)
        self.queue, _ = self.account.create_queue(self.now, "q", kept, fifo=fifo)
        self.dead, _ = self.account.create_queue(self.now, "dead", kept)
        if burying:
            policy = DeadLetterPolicy(target="dead", max_receive_count=MOST)
            self.account.set_dead_letter(self.queue, policy)
        self.model: list[Kept] = []
        self.buried: list[Kept] = []

    @rule(
        target=handles,
        delay=st.sampled_from([None, 0, 0, 1, 20, 4000]),
        priority=st.integers(1, 16),
        group=st.sampled_from("abc"),
    )
    def send(self, delay: int | None, priority: int, group: str) -> str:
        draft = Draft(body="x", delay=delay, priority=priority, group=group)
        message = self.account.send(self.now, self.queue, draft)
        visible_at = self.now + (delay or 0) * 1000
        kept = Kept(message.id, self.now, visible_at, priority, group)
        self.model.append(kept)
        if delay:
            kept.handle = self.queue.handle(message)
        return self.queue.handle(message)

    @rule(target=handles, limit=st.integers(1, 16))
    def receive(self, limit: int) -> str:
        visible = self._receivable()
        got = self.queue.receive(self.now, limit)
        assert len(got) == min(limit, len(visible))
        if not self.fifo:
            best = sorted(kept.priority for kept in visible)[:limit]
            assert [message.draft.priority for message in got] == best
        issued = "1-1.1-00000000"
        for message in got:
            kept = next(kept for kept in visible if kept.id == message.id)
            issued = self._held(kept, message, VISIBILITY, received=True)
        return issued

    @rule(handle=handles)
    def delete(self, handle: str) -> None:
        kept = self._owner(handle)
        if kept is None:
            with pytest.raises(ServiceError, match=r"MessageNotExist|ReceiptHandleError"):
                self.queue.delete(self.now, handle)
        else:
            self.queue.delete(self.now, handle)
            self.model.remove(kept)

    @rule(target=handles, handle=handles, seconds=st.sampled_from([1, 5, 30, 43_200]))
    def hide(self, handle: str, seconds: int) -> str:
        kept = self._owner(handle)
        if kept is None:
            with pytest.raises(ServiceError, match=r"MessageNotExist|ReceiptHandleError"):
                self.queue.change_visibility(self.now, handle, seconds)
            return handle
        message = self.queue.change_visibility(self.now, handle, seconds)
        return self._held(kept, message, seconds, received=False)

    @rule(milliseconds=st.sampled_from([1, 999, 1000, 29_999, 30_000, 60_000, 3_599_999, 10**8]))
    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds
        self._let_time_pass()

    @rule(seconds=st.sampled_from([1, 30, 3600]))
    def age(self, seconds: int) -> None:
        """Age the messages, which is the same as waiting but for the clock."""
        for queue, model in ((self.queue, self.model), (self.dead, self.buried)):
            queue.age(seconds * 1000)
            for kept in model:
                kept.enqueued -= seconds * 1000
                kept.visible_at -= seconds * 1000
        self._let_time_pass()

    @rule(limit=st.integers(1, 16))
    def peek(self, limit: int) -> None:
        visible = {kept.id for kept in self._receivable()}
        seen = [message.id for message in self.queue.peek(self.now, limit)]
        assert set(seen) <= visible
        assert len(seen) == len(set(seen)) == min(limit, len(visible))

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "queue"):
            return
        self.account.settle(self.now, self.dead)
        hidden = [kept for kept in self.model if kept.visible_at > self.now]
        delayed = sum(kept.dequeues == 0 for kept in hidden)
        active = len(self.model) - len(hidden)
        assert self.queue.counts(self.now) == (active, len(hidden) - delayed, delayed)
        origins = {
            p.value
            for message in self.dead
            for p in message.draft.system_properties
            if p.name == "DLQOriginMessageId"
        }
        assert origins == {kept.id for kept in self.buried}
        assert len(self.dead) == len(self.buried)

    def _held(self, kept: Kept, message: Message, seconds: int, *, received: bool) -> str:
        kept.dequeues += received
        kept.visible_at = self.now + seconds * 1000
        assert (message.dequeues, message.visible_at) == (kept.dequeues, kept.visible_at)
        handle = self.queue.handle(message)
        assert handle != kept.handle
        kept.handle = handle
        return handle

    def _owner(self, handle: str) -> Kept | None:
        found = [k for k in self.model if k.handle == handle and k.visible_at > self.now]
        return found[0] if found else None

    def _receivable(self) -> list[Kept]:
        if not self.fifo:
            return [kept for kept in self.model if kept.visible_at <= self.now]
        oldest: dict[str, Kept] = {}
        for kept in self.model:
            oldest.setdefault(kept.group, kept)
        return [kept for kept in oldest.values() if kept.visible_at <= self.now]

    def _let_time_pass(self) -> None:
        for kept in list(self.model):
            due = kept.visible_at <= self.now and kept.dequeues >= MOST
            if self.burying and due:
                self.model.remove(kept)
                self.buried.append(kept)
        for model in (self.model, self.buried):
            model[:] = [k for k in model if k.enqueued + RETENTION * 1000 > self.now]


TestQueues = QueueMachine.TestCase
TestQueues.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_deleted_backlog_leaves_nothing_behind() -> None:
    """What a queue remembers shrinks with its messages, though their times are not up."""
    account = Account("1", "r")
    queue, _ = account.create_queue(START, "q", QueueSettings())
    for _ in range(30):
        for _ in range(200):
            account.send(START, queue, Draft(body="x"))
        while received := queue.receive(START, 16):
            for message in received:
                queue.delete(START, queue.handle(message))
    assert len(queue) == 0
    assert max(len(queue._waiting), len(queue._ages)) < 2000


def test_an_account_has_bounds() -> None:
    """So many queues, so many subscriptions to a topic; what exists may still be made again."""
    account = Account("1", "r")
    for number in range(1000):
        account.create_queue(START, f"q{number}", QueueSettings())
    with pytest.raises(ServiceError, match="1000"):
        account.create_queue(START, "one-more", QueueSettings())
    assert account.create_queue(START, "q0", QueueSettings())[1] is False
    topic, _ = account.create_topic(START, "t", TopicSettings())
    for number in range(100):
        account.subscribe(topic, Subscription(name=f"s{number}", endpoint="http://localhost/"))
    with pytest.raises(ServiceError, match="100"):
        account.subscribe(topic, Subscription(name="one-more", endpoint="http://localhost/"))


def test_a_dead_letter_policy_can_be_taken_away() -> None:
    """Without it, or without its queue, a message stays where it is."""
    account = Account("1", "r")
    account.create_queue(START, "dead", QueueSettings())
    queue, _ = account.create_queue(START, "q", QueueSettings())
    policy = DeadLetterPolicy(target="dead", max_receive_count=1)
    account.set_dead_letter(queue, policy)
    account.set_dead_letter(queue, None)
    account.send(START, queue, Draft(body="x"))
    assert queue.receive(START, 1)
    assert len(queue.receive(START + 30_000, 1)) == 1
    account.set_dead_letter(queue, policy)
    account.delete_queue("dead")
    assert len(queue.receive(START + 60_000, 1)) == 1
