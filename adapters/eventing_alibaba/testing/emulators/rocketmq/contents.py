"""Topics, groups and messages of an emulator, worked without gRPC and without a signature."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.group import BACKOFF, MAX_RETRIES
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft, Kind
from eventing_alibaba.testing.emulators.rocketmq.inspection import (
    counted,
    plain_errors,
    shown_group,
    shown_message,
    shown_topic,
)
from eventing_alibaba.testing.emulators.rocketmq.service.polls import Polls, now

QUEUES: Final = 4
"""How many queues a topic has on each broker unless another number is asked for."""


class Contents:
    """What a cluster has, to be made, filled and looked at by tests.

    Methods raise ValueError with the service's own words where it would refuse, LookupError where
    something does not exist, and RuntimeError while the emulator does not run.

    Attributes:
        cluster: the state behind it.
    """

    cluster: Cluster
    _polls: Polls | None = None
    _ids = itertools.count(1)

    def create_topic(self, name: str, *, kind: Kind = "NORMAL", queues: int = QUEUES) -> None:
        """Create a topic on all brokers.

        Args:
            name: of the topic.
            kind: the messages it takes: NORMAL, FIFO, DELAY or TRANSACTION.
            queues: how many on each broker.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
        if queues < 1:
            raise ValueError(f"queues must be 1 or more, got {queues}")
        with plain_errors():
            self.cluster.create_topic(name, kind=kind, queues=queues)

    def delete_topic(self, name: str) -> None:
        """Delete a topic, with its messages and what groups know of them."""
        with plain_errors():
            self.cluster.delete_topic(name)
        self._running().wake(name)

    def create_group(
        self,
        name: str,
        *,
        fifo: bool = False,
        max_retries: int = MAX_RETRIES,
        backoff: Sequence[float] = BACKOFF,
    ) -> None:
        """Create a consumer group, or set it anew.

        Args:
            name: of the group.
            fifo: it keeps the order of each queue.
            max_retries: so often a message is delivered again before it becomes a dead letter.
            backoff: seconds that push consumers wait before each of them.
        """
        with plain_errors():
            self.cluster.create_group(name, fifo=fifo, max_retries=max_retries, backoff=backoff)

    def delete_group(self, name: str) -> None:
        """Delete a consumer group; the messages stay, and are new to a group of that name."""
        with plain_errors():
            self.cluster.delete_group(name)

    def send(
        self,
        topic: str,
        bodies: Sequence[str],
        *,
        tag: str | None = None,
        keys: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        group: str | None = None,
        delay: float | None = None,
    ) -> list[str]:
        """Send messages; return their ids.

        Args:
            topic: they go to.
            bodies: one message each.
            tag: of all of them.
            keys: of all of them.
            properties: of all of them.
            group: their message group, for FIFO topics.
            delay: seconds until they can be received, for DELAY topics.
        """
        at = now()
        deliver_at = None if delay is None else at + round(delay * 1000)
        drafts = [
            Draft(
                id=self._id(),
                body=body.encode(),
                tag=tag,
                keys=tuple(keys),
                properties=dict(properties or {}),
                group=group,
                deliver_at=deliver_at,
                born_at=at,
                born_host="127.0.0.1",
            )
            for body in bodies
        ]
        with plain_errors():
            for draft in drafts:
                self.cluster.send(at, topic, draft)
        self._running().wake(topic)
        return [draft.id for draft in drafts]

    def messages(self, topic: str, group: str | None = None) -> list[dict[str, Any]]:
        """Return a topic's messages, oldest first in each queue; with their fate in `group`."""
        with plain_errors():
            found = self.cluster.topic(topic)
            progress = (
                {broker: self.cluster.group(group).on(found, broker) for broker in found.logs}
                if group is not None
                else {}
            )
        shown: list[dict[str, Any]] = []
        for broker, logs in found.logs.items():
            for message in itertools.chain.from_iterable(logs):
                place = message.queue, message.offset
                fate = progress[broker].tally.of(*place) if group is not None else None
                shown.append(shown_message(message, fate))
        return shown

    def counts(self, topic: str, group: str) -> dict[str, int]:
        """Return where a group stands with a topic.

        `backlog` (= `fresh` + `again` + `held`) is what is there now: never given out, to be given
        out again, given out. From the beginning count `received`, `redelivered`, `acked`,
        `repeated` (acknowledged once more), `void` (acknowledged in vain), `extended`, `expired`,
        `dead` and `filtered`.
        """
        with plain_errors():
            self.cluster.ripen(now())
            found = self.cluster.topic(topic)
            return counted(self.cluster, self.cluster.group(group), found, now())

    def age(self, seconds: float) -> None:
        """Let so much time pass for delayed and received messages: what is due happens now."""
        self.cluster.age(round(seconds * 1000))
        self._running().wake_all()

    def _shown(self) -> dict[str, Any]:
        topics = {name: shown_topic(topic) for name, topic in self.cluster.topics.items()}
        groups = {name: shown_group(group) for name, group in self.cluster.groups.items()}
        return {"topics": topics, "groups": groups}

    def _running(self) -> Polls:
        if self._polls is None:
            raise RuntimeError("the emulator is not running: use `async with` or start()")
        return self._polls

    def _id(self) -> str:
        sender = f"{os.getpid():012X}"[-12:]
        return f"01{sender}{now() & 0xFFFFFFFFFFFF:012X}{next(self._ids) & 0xFFFFFFFF:08X}"
