"""Queues that are polled for one message at a time, for a message in them is refused for good.

RocketMQ counts each delivery of an ordered message, and locks the queue of what it has handed out.
So what is handed out together is given back together when its first message fails for good, and all
of it has been counted: messages that were never tried would share the attempts of the one that
fails, and go to the dead-letter topic with it. (`suspend`, which should prevent it, is ignored by
RocketMQ 5.4.0: seen there.)

So when messages of a queue are given back, its broker is asked for one message at a time from when
they may come again, until one comes that was never handed out before. Between these times, while
they are invisible, the queue is locked and the others are asked for as ever. A message that waits
behind is counted once for each message before it in its batch that fails for good, and no more.

Where a group allows one or two deliveries there is nothing to share: then it is always one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from eventing_alibaba.sources.rocketmq.connecting import POLL_SECONDS

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message

_FEW_ATTEMPTS: Final = 2
_AHEAD: Final = POLL_SECONDS + 1.0
"""Seconds before the time: a poll that is under way then may bring them."""


class Care:
    """Which queues need it; queues are named by broker and number, as tracks are."""

    def __init__(self) -> None:
        self._due: dict[Hashable, float] = {}

    def given_back(self, tracks: Iterable[Hashable], due: float) -> None:
        """Note that messages of these queues were given back, and when they may come again."""
        for track in tracks:
            self._due[track] = due

    def arrived(self, messages: Sequence[Message]) -> None:
        """Note what a poll brought: the queue is locked until it is settled, or its lease ends."""
        if not self._due:
            return
        for message in messages:
            if message.track in self._due:
                if (message.attempt or 1) <= 1:
                    del self._due[message.track]
                else:
                    self._due[message.track] = message.lease or 0.0

    def acknowledged(self, messages: Sequence[Message]) -> None:
        """Note what was acknowledged: what is behind it may come at once."""
        if not self._due:
            return
        for message in messages:
            if message.track in self._due:
                self._due[message.track] = 0.0

    def most(self, broker: str, now: float, *, attempts: int, usual: int) -> int:
        """Return how many messages a poll of a broker may bring.

        `attempts` is how often the group may be given a message; 0 = it is not told.
        """
        if 0 < attempts <= _FEW_ATTEMPTS:
            return 1
        for track, due in self._due.items():
            if due <= now + _AHEAD and isinstance(track, tuple) and track[0] == broker:
                return 1
        return usual

    def __repr__(self) -> str:
        return f"<Care for {len(self._due)} queues>"
