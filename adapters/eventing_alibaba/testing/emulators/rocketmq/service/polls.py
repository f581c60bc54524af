"""Receives that wait, and what wakes them: a message, a lease that ended, a queue that is free.

One timer is set to the earliest time at which something may change for somebody who waits. Who
came first is served first.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Popped, Wish

Place: TypeAlias = tuple[str, str, str]
"""Group, topic, broker."""


class Served(NamedTuple):
    """What a receive got, and how many messages it met that became dead letters."""

    messages: list[Popped]
    dead: int


@dataclass(slots=True, eq=False)
class Poll:
    """A receive that waits; the result is None when its time is up."""

    wish: Wish
    result: asyncio.Future[Served | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Polls:
    """Those who wait.

    Attributes:
        most: so many may wait at one place; None = no limit.
    """

    def __init__(self, cluster: Cluster, most: int | None) -> None:
        self.most = most
        self._cluster = cluster
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Place, deque[Poll]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def wait(self, place: Place, wish: Wish, seconds: float) -> Served | None:
        """Wait for messages; None when there were none for so long.

        Raises ServiceError when the topic is deleted meanwhile, or too many wait already. What was
        served to a receive that is cancelled at that very moment is given back.
        """
        line = self._waiting.setdefault(place, deque())
        if self.most is not None and len(line) >= self.most:
            raise ServiceError("TOO_MANY_REQUESTS", "polling full")
        poll = Poll(wish)
        line.append(poll)
        self.set_alarm()
        ends = self._loop.call_later(seconds, self._end, poll)
        try:
            return await poll.result
        except asyncio.CancelledError:
            if poll.result.done() and not poll.result.cancelled() and poll.result.result():
                self._give_back(place, poll.result.result())
            raise
        finally:
            ends.cancel()
            if poll in line:
                line.remove(poll)

    def wake(self, topic: str) -> None:
        """Serve those who wait for messages of a topic."""
        for place in list(self._waiting):
            if place[1] == topic:
                self._serve(place)
        self.set_alarm()

    def wake_all(self) -> None:
        """Do what is due, and serve everybody."""
        self._cluster.ripen(now())
        for place in list(self._waiting):
            self._serve(place)
        self.set_alarm()

    def close(self) -> None:
        """Let nobody wait any longer."""
        if self._alarm is not None:
            self._alarm.cancel()
        for line in self._waiting.values():
            for poll in line:
                self._end(poll)

    def set_alarm(self) -> None:
        """Set the timer to what happens next."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due := self._next_due():
            delay = max(due - now(), 1) / 1000
            self._alarm = self._loop.call_later(delay, self.wake_all)

    def _next_due(self) -> int | None:
        cluster = self._cluster
        due = [topic.next_due for topic in cluster.topics.values()]
        for (group, topic, broker), line in self._waiting.items():
            if line and group in cluster.groups and topic in cluster.topics:
                due.append(cluster.groups[group].on(cluster.topics[topic], broker).next_due())
        return min((at for at in due if at is not None), default=None)

    def _serve(self, place: Place) -> None:
        line = self._waiting[place]
        while line:
            group, topic, broker = place
            poll = line[0]
            if poll.result.done():  # its time is up, or its client has left
                line.popleft()
                continue
            try:
                messages, dead = self._cluster.receive(
                    now(), group=group, topic=topic, broker=broker, wish=poll.wish
                )
            except ServiceError as error:
                line.popleft()
                poll.result.set_exception(error)
                continue
            if not messages and not dead:
                return
            line.popleft()
            poll.result.set_result(Served(messages, dead))
        del self._waiting[place]

    def _give_back(self, place: Place, served: Served | None) -> None:
        group, topic, _ = place
        for popped in served.messages if served else ():
            self._cluster.change(
                now(), group=group, topic=topic, receipt=popped.receipt, invisible=1000
            )

    @staticmethod
    def _end(poll: Poll) -> None:
        if not poll.result.done():
            poll.result.set_result(None)


def now() -> int:
    """Return the time in ms since the epoch."""
    return time.time_ns() // 1_000_000
