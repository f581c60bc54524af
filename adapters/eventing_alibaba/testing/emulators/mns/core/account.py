"""All that one account has in one region: queues, topics, and the ways between them.

Messages go from queue to queue by the dead-letter policy, and from topics to queues by
subscriptions. A queue that is deleted and made again under its name is another queue: handles of
the first one are good for nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.message import Draft, Message, Property
from eventing_alibaba.testing.emulators.mns.core.names import checked
from eventing_alibaba.testing.emulators.mns.core.notification import Notification
from eventing_alibaba.testing.emulators.mns.core.queue import DeadLetterPolicy, Queue
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings, TopicSettings
from eventing_alibaba.testing.emulators.mns.core.topic import Subscription, Topic

_MOST_QUEUES: Final = 1000
_MOST_SUBSCRIPTIONS: Final = 100


@dataclass(slots=True, frozen=True, kw_only=True)
class Published:
    """What became of a published message.

    Attributes:
        id: its MessageId.
        queues: those that a subscription put it into.
        lost: endpoints that could not take it; this service does not try again.
    """

    id: str
    queues: tuple[Queue, ...]
    lost: tuple[str, ...]


class Account:
    """An account's queues and topics in one region.

    Args:
        id: the account's number.
        region: such as `cn-hangzhou`.
    """

    def __init__(self, id: str, region: str) -> None:  # noqa: A002 - its name
        self.id = id
        self.region = region
        self.logging_bucket = ""
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self._sources: dict[str, list[Queue]] = {}  # by the name of their dead-letter queue
        self._incarnations = count(1)
        self._messages = count(1)

    def create_queue(
        self, now: int, name: str, settings: QueueSettings, *, fifo: bool = False
    ) -> tuple[Queue, bool]:
        """Create a queue; return it, and whether it is new: the same one may be made twice.

        Raises ServiceError for a bad name, one queue too many, or other settings than it has.
        """
        checked("queue", name)
        found = self.queues.get(name)
        if found is not None:
            if (found.settings, found.fifo) != (settings, fifo):
                raise ServiceError("QueueAlreadyExist")
            return found, False
        if len(self.queues) >= _MOST_QUEUES:
            text = f"The number of queues should not exceed {_MOST_QUEUES}."
            raise ServiceError("InvalidArgument", text)
        queue = Queue(
            name,
            settings,
            now,
            incarnation=next(self._incarnations),
            fifo=fifo,
            bury=lambda message: self._bury(queue, message),
        )
        self.queues[name] = queue
        return queue, True

    def queue(self, name: str) -> Queue:
        """Return a queue. Raises ServiceError where there is none of this name."""
        try:
            return self.queues[name]
        except KeyError:
            raise ServiceError("QueueNotExist") from None

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages; nothing happens where there is none."""
        queue = self.queues.pop(name, None)
        if queue is not None:
            self.set_dead_letter(queue, None)

    def set_dead_letter(self, queue: Queue, policy: DeadLetterPolicy | None) -> None:
        """Give a queue a dead-letter policy, or take it away.

        Raises ServiceError for a target that does not exist or is the queue itself.
        """
        if policy is not None:
            if policy.target == queue.name or policy.max_receive_count < 1:
                text = "A queue cannot be its own dead-letter queue, and must be received once."
                raise ServiceError("InvalidArgument", text)
            self.queue(policy.target)
        if queue.dead_letter is not None:
            self._sources[queue.dead_letter.target].remove(queue)
        if policy is not None:
            self._sources.setdefault(policy.target, []).append(queue)
        queue.dead_letter = policy

    def settle(self, now: int, queue: Queue) -> None:
        """Do what time has brought to a queue and to those whose dead letters go there."""
        for source in self._sources.get(queue.name, ()):
            source.settle(now)
        queue.settle(now)

    def next_change(self, queue: Queue) -> int | None:
        """Return when a message may become visible in a queue without anybody's doing."""
        moments = [q.next_visible() for q in (queue, *self._sources.get(queue.name, ()))]
        return min((moment for moment in moments if moment is not None), default=None)

    def send(self, now: int, queue: Queue, draft: Draft) -> Message:
        """Put a message into a queue under a new id."""
        return queue.send(now, draft, id=self.new_id(now))

    def create_topic(self, now: int, name: str, settings: TopicSettings) -> tuple[Topic, bool]:
        """Create a topic; return it, and whether it is new. Raises ServiceError as for queues."""
        checked("topic", name)
        found = self.topics.get(name)
        if found is not None:
            if found.settings != settings:
                raise ServiceError("TopicAlreadyExist")
            return found, False
        topic = Topic(name=name, settings=settings, created=now, modified=now)
        self.topics[name] = topic
        return topic, True

    def topic(self, name: str) -> Topic:
        """Return a topic. Raises ServiceError where there is none of this name."""
        try:
            return self.topics[name]
        except KeyError:
            raise ServiceError("TopicNotExist") from None

    def subscribe(self, topic: Topic, subscription: Subscription) -> tuple[Subscription, bool]:
        """Add a subscription; return it, and whether it is new. Raises ServiceError as above."""
        checked("subscription", subscription.name)
        found = topic.subscriptions.get(subscription.name)
        if found is not None:
            if not found.same_as(subscription):
                raise ServiceError("SubscriptionAlreadyExist")
            return found, False
        if len(topic.subscriptions) >= _MOST_SUBSCRIPTIONS:
            text = f"The number of subscriptions should not exceed {_MOST_SUBSCRIPTIONS}."
            raise ServiceError("InvalidArgument", text)
        topic.subscriptions[subscription.name] = subscription
        return subscription, True

    def publish(self, now: int, topic: Topic, draft: Draft) -> Published:
        """Push a message to each subscription whose filter lets it pass."""
        id_ = self.new_id(now)
        queues, lost = [], []
        for subscription in topic.subscriptions.values():
            if not subscription.wants(draft.tag):
                continue
            queue = self.queues.get(subscription.queue(self.region, self.id) or "")
            if queue is None:
                lost.append(subscription.endpoint)
                continue
            notification = Notification(
                topic_owner=self.id,
                topic=topic.name,
                subscriber=self.id,
                subscription=subscription.name,
                message_id=id_,
                body=draft.body,
                tag=draft.tag,
                published=now,
            )
            self.send(now, queue, replace(draft, body=notification.text(subscription.form)))
            queues.append(queue)
        return Published(id=id_, queues=tuple(queues), lost=tuple(lost))

    def new_id(self, now: int) -> str:
        """Return a new message id, of the service's look."""
        number = next(self._messages)
        return f"{0x5F290C92_6D472878 ^ number * 0x9E3779B1:016X}-1-{now:X}-{number:09X}"

    def _bury(self, source: Queue, message: Message) -> bool:
        policy = source.dead_letter
        target = self.queues.get(policy.target) if policy is not None else None
        if target is None:
            return False
        marks = {
            "DLQMessageType": "QUEUE",
            "DLQSourceArn": f"acs:mns:{self.region}:{self.id}:/queues/{source.name}",
            "DLQOriginMessageId": message.id,
        }
        kept = tuple(p for p in message.draft.system_properties if p.name not in marks)
        added = tuple(Property(name, value, "STRING") for name, value in marks.items())
        draft = replace(message.draft, delay=0, system_properties=kept + added)
        # The retention goes on counting where it was, and so the time of sending stays.
        when = message.visible_at
        target.accept(when, draft, id=self.new_id(when), enqueued=message.enqueued)
        return True
