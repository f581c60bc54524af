"""Whether a topic is still the one it was.

A topic that is deleted and made anew under its name is another log, whose offsets begin at zero
again. When its end is before our position the broker says so; when enough was written into it
meanwhile, nothing does: the consumer would go on in the middle, and what is before would never be
delivered. Topics have an id since Kafka 2.8, so it is asked for every few seconds, through an admin
client of the session's own (a few threads and one connection; the consumer does not give ids away).

Ids also go into the note of each commit (see `offsets`), for a process that ends before it has
noticed. Brokers without ids, or without an answer, leave things as they are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

EVERY: Final = 2.0
_FIRST: Final = 3.0
_PATIENCE: Final = 10.0
_NONE: Final = "AAAAAAAAAAAAAAAAAAAAAA"
log: Final = logging.getLogger(__name__)


class TopicIds:
    """Watches the ids of topics; used in the consumer's thread.

    Attributes:
        ids: what is known, by topic, as text.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        topics: Sequence[str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ids: dict[str, str] = {}
        # What it has to say about connections, the consumer says too.
        self._settings = {**settings, "log_level": 0}
        self._client: AdminClient | None = None
        self._topics = topics
        self._now = now
        self._asked: dict[str, Future[Any]] = {}
        self._next = 0.0

    def learn(self) -> None:
        """Begin to watch: ask for all ids and wait some seconds for the answer."""
        self._client = AdminClient(self._settings)
        self._ask(self._client)
        for topic, answer in self._asked.items():
            try:
                self._take(topic, answer.result(_FIRST))
            except (KafkaException, TimeoutError) as error:
                log.debug("the id of topic %s is not known: %s", topic, error)
        self._asked = {}

    def tend(self) -> tuple[list[str], list[str]]:
        """Return the topics that are new under their name, and those that are missing.

        Never waits: what was asked for is looked at when it is there. Before `learn`: none.
        """
        renewed: list[str] = []
        missing: list[str] = []
        if self._asked:
            if not all(answer.done() for answer in self._asked.values()):
                return renewed, missing
            for topic, answer in self._asked.items():
                error = answer.exception()
                if error is None:
                    if self._take(topic, answer.result()):
                        renewed.append(topic)
                elif _is_missing(error):
                    missing.append(topic)
            self._asked = {}
        elif self._client is not None and self._now() >= self._next:
            self._ask(self._client)
        return renewed, missing

    def login(self, user: str, password: str) -> None:
        """Use other credentials from the next login on."""
        if self._client is not None:
            self._client.set_sasl_credentials(user, password)

    def _ask(self, client: AdminClient) -> None:
        self._next = self._now() + EVERY
        try:
            self._asked = client.describe_topics(
                TopicCollection(list(self._topics)), request_timeout=_PATIENCE
            )
        except KafkaException as error:
            log.debug("ids of topics cannot be asked for: %s", error)

    def _take(self, topic: str, found: Any) -> bool:
        """Keep an id; say whether it replaces another one."""
        identity = str(found.topic_id)
        if identity == _NONE:
            return False
        before = self.ids.get(topic)
        self.ids[topic] = identity
        return before is not None and before != identity


def _is_missing(error: BaseException) -> bool:
    cause = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return isinstance(cause, KafkaError) and cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
