"""Queues, topics and messages of an emulator, worked without HTTP and without a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventing_alibaba.testing.emulators.mns.clock import Clock
from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.message import Draft
from eventing_alibaba.testing.emulators.mns.core.notification import Format
from eventing_alibaba.testing.emulators.mns.core.queue import DeadLetterPolicy, Queue
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings, TopicSettings
from eventing_alibaba.testing.emulators.mns.core.topic import Subscription
from eventing_alibaba.testing.emulators.mns.desk import Desk
from eventing_alibaba.testing.emulators.mns.inspection import plain_errors, shown_message

_QUEUE: Final[Mapping[str, str]] = QueueSettings.elements()


class Contents:
    """What an account has, to be made, filled and looked at by tests.

    Methods raise ValueError with the service's own words where it would refuse, LookupError where
    something does not exist, and RuntimeError while the emulator does not run.

    Attributes:
        account: the state behind it.
    """

    account: Account
    _desk: Desk | None = None
    _clock: Clock | None = None

    def create_queue(
        self,
        name: str,
        *,
        fifo: bool = False,
        dead_letter: str | None = None,
        max_receive_count: int = 3,
        **settings: int | bool,
    ) -> None:
        """Create a queue, in a way that only the console of the real service has.

        Args:
            name: of the queue.
            fifo: keep the order of each message group.
            dead_letter: name of the queue that takes what was received too often.
            max_receive_count: how often that is.
            settings: by the names of `QueueSettings`: `visibility_timeout=5`.
        """
        with plain_errors():
            elements = {e: settings.pop(n) for e, n in _QUEUE.items() if n in settings}
            if settings:
                raise ValueError(f"a queue has no {', '.join(settings)}; it has {_known()}")
            wanted = QueueSettings().changed(elements)
            queue, _ = self.account.create_queue(self._now(), name, wanted, fifo=fifo)
            if dead_letter is not None:
                policy = DeadLetterPolicy(target=dead_letter, max_receive_count=max_receive_count)
                self.account.set_dead_letter(queue, policy)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages; who waits there is told that it does not exist."""
        queue = self._queue(name)
        self.account.delete_queue(name)
        self._wake(queue)

    def recreate_queue(self, name: str) -> None:
        """Delete a queue and make it anew: empty, and the old handles are good for nothing."""
        old = self._queue(name)
        policy = old.dead_letter
        self.delete_queue(name)
        new, _ = self.account.create_queue(self._now(), name, old.settings, fifo=old.fifo)
        self.account.set_dead_letter(new, policy)

    def send(self, queue: str, bodies: Sequence[str], **draft: Any) -> list[str]:
        """Put messages into a queue and return their ids; `draft` as the fields of `Draft`."""
        target = self._queue(queue)
        now = self._now()
        sent = [self.account.send(now, target, Draft(body=body, **draft)) for body in bodies]
        self._wake(target)
        return [message.id for message in sent]

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """Return what is in a queue, oldest first, whatever its state."""
        found = self._queue(queue)
        self.account.settle(self._now(), found)
        return [shown_message(message) for message in found]

    def counts(self, queue: str) -> dict[str, int]:
        """Return how many messages are `active`, `inactive` and `delayed`, and polls `waiting`."""
        found = self._queue(queue)
        self.account.settle(self._now(), found)
        waiting = self._running()[0].polls.waiting(found)
        return {**found.counts(self._now())._asdict(), "waiting": waiting}

    def create_topic(self, name: str) -> None:
        """Create a topic."""
        with plain_errors():
            self.account.create_topic(self._now(), name, TopicSettings())

    def subscribe(
        self,
        topic: str,
        name: str,
        queue: str,
        *,
        form: Format = "XML",
        filter_tag: str | None = None,
    ) -> None:
        """Have what is published on a topic put into a queue; `form` is NotifyContentFormat."""
        endpoint = f"acs:mns:{self.account.region}:{self.account.id}:queues/{queue}"
        now = self._now()
        with plain_errors():
            wanted = Subscription(
                name=name,
                endpoint=endpoint,
                form=form,
                filter_tag=filter_tag,
                created=now,
                modified=now,
            )
            self.account.subscribe(self.account.topic(topic), wanted)

    def publish(self, topic: str, body: str, *, tag: str | None = None) -> str:
        """Publish a message on a topic and return its id."""
        with plain_errors():
            published = self.account.publish(
                self._now(), self.account.topic(topic), Draft(body=body, tag=tag)
            )
        for queue in published.queues:
            self._wake(queue)
        return published.id

    def _now(self) -> int:
        return self._running()[1].now()

    def _queue(self, name: str) -> Queue:
        with plain_errors():
            return self.account.queue(name)

    def _wake(self, queue: Queue) -> None:
        self._running()[0].wake(queue)

    def _running(self) -> tuple[Desk, Clock]:
        if self._desk is None or self._clock is None:
            raise RuntimeError("the emulator is not running: use `async with` or start()")
        return self._desk, self._clock


def _known() -> str:
    return ", ".join(_QUEUE.values())
