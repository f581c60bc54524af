"""What the emulator's user sees of the service: plain values, and plain errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.errors import NAMES, ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.fate import Fate
from eventing_alibaba.testing.emulators.rocketmq.core.group import Group
from eventing_alibaba.testing.emulators.rocketmq.core.message import Stored
from eventing_alibaba.testing.emulators.rocketmq.core.topic import Topic

_NOT_THERE = ("TOPIC_NOT_FOUND", "CONSUMER_GROUP_NOT_FOUND", "NOT_FOUND")


def shown_message(message: Stored, fate: Fate | None) -> dict[str, Any]:
    """Return a message as `messages` shows it; times in seconds since the epoch."""
    draft = message.draft
    return {
        "id": draft.id,
        "body": draft.body.decode("utf-8", "replace"),
        "tag": draft.tag,
        "keys": list(draft.keys),
        "properties": dict(draft.properties),
        "group": draft.group,
        "kind": draft.kind,
        "broker": message.broker,
        "queue": message.queue,
        "offset": message.offset,
        "storedAt": message.stored_at / 1000,
        "deadOf": draft.dead_of,
        **({} if fate is None else fate.shown()),
    }


def shown_topic(topic: Topic) -> dict[str, Any]:
    """Return what a topic is, and how many messages it has."""
    return {
        "kind": topic.kind,
        "queues": topic.queues,
        "messages": len(topic),
        "delayed": topic.waiting,
    }


def shown_group(group: Group) -> dict[str, Any]:
    """Return what is set for a group."""
    return {"fifo": group.fifo, "maxRetries": group.max_retries, "backoff": list(group.backoff)}


def counted(cluster: Cluster, group: Group, topic: Topic, now: int) -> dict[str, int]:
    """Return where a group stands with a topic, over all brokers.

    `fresh`, `again` and `held` are what is there now, `backlog` is their sum; the others count from
    the beginning.
    """
    sums = {"fresh": 0, "again": 0, "held": 0, "redelivered": 0, **Fate().shown()}
    for broker in cluster.brokers:
        progress = group.on(topic, broker)
        for name, value in progress.counts(now)._asdict().items():
            sums[name] += value
        sums["redelivered"] += progress.tally.redelivered
        for name, value in progress.tally.total.shown().items():
            sums[name] += value
    return {"backlog": sums["fresh"] + sums["again"] + sums["held"], **sums}


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the service's refusals into LookupError (what does not exist) and ValueError."""
    try:
        yield
    except ServiceError as refusal:
        name = NAMES[refusal.code]
        wrong = LookupError if name in _NOT_THERE else ValueError
        raise wrong(f"{name}: {refusal.message}") from None
