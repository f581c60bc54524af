"""The topics as the brokers have them: whether they can be read, and how many partitions they have.

The numbers are kept, because a rebalance needs them where it must not ask: `list_topics` within a
callback makes the client forget which call the callback belongs to, and it aborts the process at
the next thing it has to say. A number that is out of date does no harm (see `offsets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventing_alibaba.sources.kafka.errors import Names, signal

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from eventing_alibaba.contract.errors import SourceError


class Topics:
    """Asks the brokers for topics; used in the consumer's thread, never within its callbacks.

    Attributes:
        sizes: number of partitions of each topic when it was last asked for.
        controlled: the brokers have a controller; an admin client waits for one in vain otherwise.
    """

    def __init__(self, topics: Sequence[str], names: Names) -> None:
        self.sizes: dict[str, int] = {}
        self.controlled = False
        self._topics = topics
        self._names = names

    def look(self, consumer: Consumer, *, timeout: float) -> SourceError | None:
        """Return what is wrong with the first topic that cannot be read; None if all can.

        Raises KafkaException when no broker answers within `timeout` seconds.
        """
        for topic in self._topics:
            cluster = consumer.list_topics(topic, timeout=timeout)
            self.controlled = cluster.controller_id in cluster.brokers
            known = cluster.topics[topic]
            if known.error is not None:
                return signal(known.error, self._names, topic=topic)
            self.sizes[topic] = len(known.partitions)
        return None
