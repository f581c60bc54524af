"""Receives that wait: who is next, and who has waited long enough.

A queue's waiters are served in the order in which they came. They are looked at when a message
arrives, and when the earliest hidden message of the queue becomes visible; as long as nobody waits,
nothing runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.message import Message
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.service.call import Poll


@dataclass(slots=True, eq=False)
class _Waiter:
    poll: Poll
    done: Callable[[list[Message]], None]
    timer: asyncio.TimerHandle | None = None


class Polls:
    """The waiting receives of an account.

    Args:
        account: whose queues they are.
        now: the time by which messages live, in ms since the epoch.
    """

    def __init__(self, account: Account, now: Callable[[], int]) -> None:
        self._account = account
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Queue, deque[_Waiter]] = {}
        self._alarms: dict[Queue, tuple[int, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return sum(len(line) for line in self._waiting.values())

    def waiting(self, queue: Queue) -> int:
        """Return how many wait for messages of a queue."""
        return len(self._waiting.get(queue, ()))

    def wait(self, poll: Poll, done: Callable[[list[Message]], None]) -> Callable[[], None]:
        """Call `done` once: with messages, or with [] when the time is over or the queue gone.

        Returns a function that gives the wait up without calling `done`.
        """
        waiter = _Waiter(poll, done)
        self._waiting.setdefault(poll.queue, deque()).append(waiter)
        waiter.timer = self._loop.call_later(poll.seconds, self._end, waiter)
        self._set_alarm(poll.queue)
        return lambda: self._leave(waiter)

    def serve(self, queue: Queue) -> None:
        """Give what can be received now to those who wait."""
        line = self._waiting.get(queue)
        if not line:
            return
        if self._account.queues.get(queue.name) is not queue:
            while line:
                self._end(line[0])
            return
        now = self._now()
        self._account.settle(now, queue)
        while line:
            messages = queue.receive(now, line[0].poll.limit)
            if not messages:
                self._set_alarm(queue)
                return
            self._finish(line[0], messages)

    def close(self) -> None:
        """Forget all who wait."""
        for line in list(self._waiting.values()):
            for waiter in list(line):
                self._leave(waiter)

    def _end(self, waiter: _Waiter) -> None:
        self._finish(waiter, [])

    def _finish(self, waiter: _Waiter, messages: list[Message]) -> None:
        self._leave(waiter)
        waiter.done(messages)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.timer is not None:
            waiter.timer.cancel()
        queue = waiter.poll.queue
        line = self._waiting.get(queue)
        if line and waiter in line:
            line.remove(waiter)
        if not line:
            self._waiting.pop(queue, None)
            _, alarm = self._alarms.pop(queue, (0, None))
            if alarm is not None:
                alarm.cancel()

    def _set_alarm(self, queue: Queue) -> None:
        """Be back when the next hidden message becomes visible."""
        due = self._account.next_change(queue)
        at, alarm = self._alarms.get(queue, (0, None))
        if alarm is not None:
            if at == due:
                return
            alarm.cancel()
            del self._alarms[queue]
        if due is not None:
            # One ms more: times are whole milliseconds, and an alarm that comes early is in vain.
            wait = max(0, due - self._now() + 1) / 1000
            self._alarms[queue] = due, self._loop.call_later(wait, self._ring, queue)

    def _ring(self, queue: Queue) -> None:
        self._alarms.pop(queue, None)
        self.serve(queue)
