"""Receives that wait: woken at once, in turn, or when a hidden message comes back.

The waiting itself runs in virtual time, without a network; that it is reached from one is shown by
the two tests at the end.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.testing.mns.desks import Office
from tests.unit.testing.mns.speaking import Speaker, message

from eventing_alibaba.testing.emulators.mns import MnsEmulator
from eventing_alibaba.testing.emulators.mns.clock import Clock
from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.message import Draft
from eventing_alibaba.testing.emulators.mns.core.queue import DeadLetterPolicy, Queue
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings
from eventing_alibaba.testing.emulators.mns.service.call import Poll
from eventing_alibaba.testing.emulators.mns.service.polls import Polls


class Waiting:
    """An account with one queue, receives that wait, and when each of them ended."""

    def __init__(self, visibility: int = 30) -> None:
        self.clock = Clock()
        self.account = Account("1", "r")
        self.polls = Polls(self.account, self.clock.now)
        self.settings = QueueSettings(visibility_timeout=visibility)
        self.queue = self.create("q")
        self.ended: list[tuple[str, int, list[str]]] = []
        self._began = self.clock.now()

    def create(self, name: str) -> Queue:
        """Create a queue."""
        return self.account.create_queue(self.clock.now(), name, self.settings)[0]

    def send(self, *bodies: str) -> None:
        """Send messages and wake who waits."""
        for body in bodies:
            self.account.send(self.clock.now(), self.queue, Draft(body=body))
        self.polls.serve(self.queue)

    def wait(self, name: str, seconds: int, limit: int = 16, queue: Queue | None = None) -> None:
        """Begin to wait; its end is noted with whole seconds and the bodies."""
        self.polls.wait(
            Poll(self.queue if queue is None else queue, limit, True, seconds),
            lambda got: self.ended.append(
                (name, (self.clock.now() - self._began) // 1000, [m.draft.body for m in got])
            ),
        )


@pytest.mark.looptime
async def test_the_end_of_the_wait_is_kept() -> None:
    """Who finds nothing is told when the time is over, not earlier; nothing is left behind."""
    waiting = Waiting()
    waiting.wait("a", 10)
    await asyncio.sleep(9.9)
    assert waiting.ended == []
    await asyncio.sleep(0.2)
    assert waiting.ended == [("a", 10, [])]
    assert len(waiting.polls) == 0


@pytest.mark.looptime
async def test_a_message_wakes_who_came_first() -> None:
    """Each waits in turn, and takes as many as it asked for."""
    waiting = Waiting()
    waiting.wait("a", 10, limit=1)
    waiting.wait("b", 10, limit=2)
    await asyncio.sleep(3)
    waiting.send("1", "2", "3", "4")
    assert waiting.ended == [("a", 3, ["1"]), ("b", 3, ["2", "3"])]


@pytest.mark.looptime
async def test_a_hidden_message_wakes_when_it_comes_back() -> None:
    """Nobody does anything: the time alone brings the message to who waits."""
    waiting = Waiting(visibility=7)
    waiting.send("1")
    assert len(waiting.queue.receive(waiting.clock.now(), 1)) == 1
    waiting.wait("a", 30)
    await asyncio.sleep(29)
    assert waiting.ended == [("a", 7, ["1"])]


@pytest.mark.looptime
async def test_a_dead_letter_wakes_who_waits_for_it() -> None:
    """The queue that takes dead letters is served when they are due, though nobody asks."""
    waiting = Waiting(visibility=7)
    dead = waiting.create("dead")
    policy = DeadLetterPolicy(target="dead", max_receive_count=1)
    waiting.account.set_dead_letter(waiting.queue, policy)
    waiting.send("1")
    waiting.queue.receive(waiting.clock.now(), 1)
    waiting.wait("a", 30, queue=dead)
    await asyncio.sleep(29)
    assert waiting.ended == [("a", 7, ["1"])]


@pytest.mark.looptime
async def test_a_wait_can_be_given_up() -> None:
    """Who has gone gets nothing, and the next in line gets the message."""
    waiting = Waiting()
    gone: list[object] = []
    leave = waiting.polls.wait(Poll(waiting.queue, 1, True, 30), gone.append)
    waiting.wait("b", 30)
    leave()
    waiting.send("1")
    assert waiting.ended == [("b", 0, ["1"])]
    assert gone == []


@pytest.mark.looptime
async def test_a_dead_letter_is_heard_of_while_others_wait() -> None:
    """A receive from one queue tells who waits at its dead-letter queue when to look again."""
    for waiting in ("", "?waitseconds=30"):
        office = Office()
        work, dead = office.queue("work", visibility=7), office.queue("dead")
        office.account.set_dead_letter(work, DeadLetterPolicy(target="dead", max_receive_count=1))
        letter = office.ask("GET", "/queues/dead/messages?waitseconds=30")
        if waiting:
            taken = office.ask("GET", f"/queues/work/messages{waiting}")
        office.ask("POST", "/queues/work/messages", message("x"))
        if not waiting:
            taken = office.ask("GET", "/queues/work/messages")
        assert taken.answer.startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(40)
        assert letter.after == 7
        assert b"DLQOriginMessageId" in letter.answer
        assert len(dead) == 1


@pytest.mark.looptime
async def test_a_dead_letter_is_heard_of_after_a_second_receipt() -> None:
    """The time alone gives a message to a second receiver; its end as a dead letter is seen too."""
    office = Office()
    work, _ = office.queue("work", visibility=7), office.queue("dead")
    office.account.set_dead_letter(work, DeadLetterPolicy(target="dead", max_receive_count=2))
    letter = office.ask("GET", "/queues/dead/messages?waitseconds=30")
    office.ask("POST", "/queues/work/messages", message("x"))
    office.ask("GET", "/queues/work/messages")
    second = office.ask("GET", "/queues/work/messages?waitseconds=30")
    await asyncio.sleep(40)
    assert (second.after, letter.after) == (7, 14)


async def waiters(mns: MnsEmulator, count: int) -> None:
    """Let the loop run until so many wait for messages of "q"."""
    async with asyncio.timeout(10):
        while mns.counts("q")["waiting"] != count:  # noqa: ASYNC110 - the loop itself is waited for
            await asyncio.sleep(0)


async def test_a_client_that_leaves_takes_no_message(mns: MnsEmulator) -> None:
    """A connection that ends during its wait does not swallow the next message."""
    async with Speaker(mns.endpoint) as leaving:
        await leaving.send("GET", "/queues/q/messages?waitseconds=30")
        await waiters(mns, 1)
    await waiters(mns, 0)
    mns.send("q", ["x"])
    assert mns.counts("q")["active"] == 1


async def test_a_queue_s_own_wait_holds_where_none_is_named(
    mns: MnsEmulator, speaker: Speaker
) -> None:
    """PollingWaitSeconds makes a plain receive wait, and waitseconds=0 makes it not."""
    mns.create_queue("patient", polling_wait_seconds=30)
    target = "/queues/patient/messages"
    assert (await speaker.ask("GET", f"{target}?waitseconds=0")).code == "MessageNotExist"
    await speaker.send("GET", target)
    async with Speaker(mns.endpoint) as sender:
        assert (await sender.ask("POST", target, message("x"))).status == 201
    assert (await speaker.read()).one("MessageBody") == "x"


async def test_a_deleted_queue_ends_the_wait(mns: MnsEmulator, speaker: Speaker) -> None:
    """Who waits for messages of a queue that goes is told so, not kept."""
    await speaker.send("GET", "/queues/q/messages?waitseconds=30")
    await waiters(mns, 1)
    mns.recreate_queue("q")
    assert (await speaker.read()).code == "QueueNotExist"


async def test_too_many_waits_are_answered_at_once(mns: MnsEmulator, speaker: Speaker) -> None:
    """Beyond the limit a receive is told at once that there is nothing."""
    mns.limit_polls(0)
    reply = await speaker.ask("GET", "/queues/q/messages?waitseconds=30")
    assert reply.code == "MessageNotExist"
