"""All that there is: brokers, topics, groups, and the ways of messages between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eventing_alibaba.testing.emulators.rocketmq.core import names
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.group import BACKOFF, MAX_RETRIES, Group
from eventing_alibaba.testing.emulators.rocketmq.core.handles import Receipt
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft, Kind, Stored
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Popped, Wish
from eventing_alibaba.testing.emulators.rocketmq.core.topic import Topic


class Cluster:
    """Brokers with the same topics. All times are ms since the epoch.

    Args:
        brokers: their names.
        make_groups: a group that nobody has created is made when it is first asked for, as Apache's
            broker does by default and Alibaba Cloud's does not.

    Attributes:
        topics, groups: by name.
    """

    def __init__(self, brokers: Sequence[str], *, make_groups: bool = True) -> None:
        self.brokers = tuple(brokers)
        self.make_groups = make_groups
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}

    def create_topic(self, name: str, *, kind: Kind | None, queues: int) -> Topic:
        """Make a topic, or return the one that is just like it.

        Raises ServiceError for an illegal name, and where there is another one of that name.
        """
        names.check_topic(name)
        there = self.topics.get(name)
        if there is not None:
            if (there.kind, there.queues) == (kind, queues):
                return there
            raise ServiceError("BAD_REQUEST", f"there is a topic {name} with other settings")
        self.topics[name] = topic = Topic(name, kind=kind, brokers=self.brokers, queues=queues)
        return topic

    def delete_topic(self, name: str) -> None:
        """Remove a topic, and what groups know of it. Raises ServiceError where there is none."""
        self.topic(name)
        del self.topics[name]
        for group in self.groups.values():
            for broker in self.brokers:
                group.progress.pop((name, broker), None)

    def create_group(
        self,
        name: str,
        *,
        fifo: bool = False,
        max_retries: int = MAX_RETRIES,
        backoff: Sequence[float] = BACKOFF,
    ) -> Group:
        """Make a group, or set it anew; a group that becomes FIFO, or is no more, starts again."""
        names.check_group(name)
        there = self.groups.get(name)
        made = Group(name=name, fifo=fifo, max_retries=max_retries, backoff=tuple(backoff))
        if there is not None and there.fifo == fifo:
            made.progress = there.progress
        self.groups[name] = made
        return made

    def delete_group(self, name: str) -> None:
        """Remove a group. Raises ServiceError where there is none."""
        if self.groups.pop(name, None) is None:
            raise _no_group(name)

    def topic(self, name: str) -> Topic:
        """Return a topic. Raises ServiceError where there is none."""
        topic = self.topics.get(name)
        if topic is None:
            raise ServiceError(
                "TOPIC_NOT_FOUND",
                f"CODE: 17  DESC: No topic route info in name server for the topic: {name}",
            )
        return topic

    def group(self, name: str) -> Group:
        """Return a group. Raises ServiceError where there is none and none is made."""
        group = self.groups.get(name)
        if group is None:
            if not self.make_groups:
                raise _no_group(name)
            group = self.groups[name] = Group(name=name)
        return group

    def settings(self, name: str) -> Group:
        """Return a group, or what a group is by default where there is none and none is made."""
        try:
            return self.group(name)
        except ServiceError:
            return Group(name=name)

    def send(self, now: int, topic: str, draft: Draft) -> Stored | None:
        """Put a message into a topic; None when it waits for its time.

        Raises ServiceError where there is no such topic, or it takes no such message.
        """
        found = self.topic(topic)
        found.check(draft)
        return found.add(now, draft)

    def receive(
        self, now: int, *, group: str, topic: str, broker: str, wish: Wish
    ) -> tuple[list[Popped], int]:
        """Give messages out; return them, and how many went to the dead-letter topic instead."""
        taken = self.group(group).on(self.topic(topic), broker).take(now, wish)
        for message, attempt in taken.dead:
            self._bury(now, group, message, attempt)
        return taken.messages, len(taken.dead)

    def ack(self, now: int, *, group: str, topic: str, receipt: Receipt) -> bool:
        """Let a message be done; say whether it took effect."""
        progress = self.group(group).on(self.topic(topic), self._broker(receipt))
        return progress.ack(now, receipt)

    def change(
        self,
        now: int,
        *,
        group: str,
        topic: str,
        receipt: Receipt,
        invisible: int,
    ) -> Receipt:
        """Hide a message for another time; return its new receipt."""
        progress = self.group(group).on(self.topic(topic), self._broker(receipt))
        return progress.change(now, receipt, invisible)

    def bury(self, now: int, *, group: str, topic: str, receipt: Receipt) -> None:
        """Move a message to the group's dead-letter topic, and let it be done."""
        progress = self.group(group).on(self.topic(topic), self._broker(receipt))
        message = progress.find(receipt)
        if message is None:
            raise ServiceError("INTERNAL_SERVER_ERROR", "look message by offset failed")
        self._bury(now, group, message, 1)
        progress.tally.dead(message.queue, message.offset)
        progress.ack(now, receipt)

    def ripen(self, now: int) -> list[str]:
        """Let delayed messages into their queues; return the topics that got some."""
        return [name for name, topic in self.topics.items() if topic.ripen(now)]

    def age(self, milliseconds: int) -> None:
        """Let everything that waits be due so much earlier."""
        for topic in self.topics.values():
            topic.hasten(milliseconds)
        for group in self.groups.values():
            for progress in group.progress.values():
                progress.age(milliseconds)

    def _broker(self, receipt: Receipt) -> str:
        if receipt.broker not in self.brokers:
            raise ServiceError("INTERNAL_SERVER_ERROR", f"no broker {receipt.broker!r}")
        return receipt.broker

    def _bury(self, now: int, group: str, message: Stored, attempts: int) -> None:
        name = names.dead_letter_topic(group)
        if name not in self.topics:
            self.topics[name] = Topic(name, kind=None, brokers=self.brokers, queues=1)
        dead = replace(message.draft, deliver_at=None, dead_of=message.topic, past=attempts)
        self.topics[name].add(now, dead)

    def __repr__(self) -> str:
        return f"<Cluster {list(self.brokers)} {len(self.topics)} topics {len(self.groups)} groups>"


def _no_group(name: str) -> ServiceError:
    return ServiceError("CONSUMER_GROUP_NOT_FOUND", f"subscription group [{name}] does not exist")
