"""What the emulator's user sees of the service: plain values, and plain errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.message import Message
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.core.topic import Topic


def shown_message(message: Message) -> dict[str, Any]:
    """Return a message as `MnsEmulator.messages` shows it; times in seconds since the epoch."""
    return {
        "id": message.id,
        "body": message.draft.body,
        "group": message.draft.group,
        "visible": message.shown,
        "dequeues": message.dequeues,
        "enqueuedAt": message.enqueued / 1000,
        "visibleAt": message.visible_at / 1000,
        "properties": {p.name: p.value for p in message.draft.user_properties},
        "systemProperties": {p.name: p.value for p in message.draft.system_properties},
    }


def shown_queue(queue: Queue) -> dict[str, Any]:
    """Return what is set on a queue; settings by the names that the service's XML has."""
    policy = queue.dead_letter
    return {
        "fifo": queue.fifo,
        "deadLetter": None if policy is None else policy.target,
        "maxReceiveCount": None if policy is None else policy.max_receive_count,
        **queue.settings.shown(),
    }


def shown_topic(topic: Topic) -> dict[str, Any]:
    """Return where a topic's messages go."""
    return {
        "subscriptions": {
            name: {"endpoint": one.endpoint, "form": one.form, "filterTag": one.filter_tag}
            for name, one in topic.subscriptions.items()
        }
    }


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the service's refusals into LookupError (what does not exist) and ValueError."""
    try:
        yield
    except ServiceError as refusal:
        wrong = LookupError if refusal.status == 404 else ValueError
        raise wrong(f"{refusal.code}: {refusal.message}") from None
