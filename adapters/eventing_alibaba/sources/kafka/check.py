"""What `eventing-alibaba check` asks of Kafka.

Every bootstrap server is asked by a client of its own, because a client that is given several is
content with the first that answers, and the wrong ones are found out on the day that one is down.
Then topics and group are asked by one client for all, which meets the brokers under the addresses
they name themselves.

Rights are tried rather than looked up, because few users may look them up: a topic is read for a
moment at its end, one partition of each broker; the group's offsets are fetched. What only a member
would find out (joining needs more rights than fetching offsets, and the same way of sharing
partitions) is asked of the brokers, where they tell.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import TimeoutError as AnswerTimeoutError
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import (
    ConsumerGroupType,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)

# The package re-exports the first without saying so in the way that mypy wants it said.
from confluent_kafka.admin import AclOperation, AdminClient  # type: ignore[attr-defined]

from eventing_alibaba.contract.check import Step
from eventing_alibaba.contract.errors import SourceError, Unauthorized
from eventing_alibaba.sources.kafka.errors import Names, signal
from eventing_alibaba.sources.kafka.settings import (
    FIXED,
    Secrets,
    connection,
    read_secrets,
    settings,
)
from eventing_alibaba.sources.kafka.visit import PATIENCE, Visit

if TYPE_CHECKING:
    from concurrent.futures import Future

    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

T = TypeVar("T")

_ASSIGNOR: Final = FIXED["partition.assignment.strategy"]


async def check(spec: AliKafkaSourceSpec, context: Context) -> AsyncGenerator[Step, None]:
    """Yield what to ask; see `contract.check`."""
    inquiry = Inquiry(spec, context)

    def step(name: str, ask: Callable[..., str], *arguments: str) -> Step:
        return Step(name, partial(asyncio.to_thread, inquiry.alone, ask, *arguments))

    try:
        yield step("settings", inquiry.prepare)
        if not inquiry.prepared:
            return
        for server in spec.bootstrap_servers:
            yield step(f"broker {server}", inquiry.broker, server)
        if not inquiry.reached:
            return
        for topic in spec.topics:
            yield step(f"topic {topic}", inquiry.topic, topic)
        yield step(f"group {spec.group(context)}", inquiry.group)
        wanted = spec.delivery.dead_letter_sink
        if wanted is not None and wanted.kafka is not None:
            name = wanted.kafka.topic
            yield step(f"dead-letter topic {name}", inquiry.dead_letters, name)
    finally:
        await asyncio.to_thread(inquiry.close)


class Inquiry:
    """The questions, and what their answers have in common. Each blocks, and raises SourceError.

    Attributes:
        prepared: the settings are good for a client.
        reached: some broker has answered.
    """

    def __init__(self, spec: AliKafkaSourceSpec, context: Context) -> None:
        self.prepared = False
        self.reached = False
        self._spec = spec
        self._context = context
        self._names = Names(
            servers=", ".join(spec.bootstrap_servers),
            group=spec.group(context),
            mechanism=spec.net.sasl.type,
        )
        self._secrets = Secrets()
        self._visit: Visit | None = None
        self._asking: AdminClient | None = None
        self._given_up = threading.Event()
        self._asking_now = threading.Lock()
        self._partitions: dict[str, list[int]] = {}
        self._controlled = False

    def alone(self, ask: Callable[..., str], *arguments: str) -> str:
        """Ask one question; `close` waits for its end."""
        with self._asking_now:
            return ask(*arguments)

    def close(self) -> None:
        """Let go of the connections. A question that is being asked is given up."""
        self._given_up.set()
        with self._asking_now:
            if self._visit is not None:
                self._visit.close()

    def prepare(self) -> str:
        """Read the secrets and make a client of them."""
        self._secrets = read_secrets(self._spec.net, self._context.credentials)
        self._visit = self._client()
        self.prepared = True
        sasl, tls = self._spec.net.sasl, self._spec.net.tls
        login = f"login with {sasl.type}" if sasl.enable else "no login"
        return f"{'TLS' if tls.enable else 'no TLS'}, {login}"

    def broker(self, server: str) -> str:
        """Let one of the bootstrap servers say which brokers there are."""
        visit = self._client(**{"bootstrap.servers": server})
        try:
            brokers = len(visit.reach().brokers)
        finally:
            visit.close()
        self.reached = True
        return _number(brokers, "broker")

    def topic(self, topic: str) -> str:
        """See that a topic is there and can be read."""
        visit = self._made()
        cluster = visit.metadata(topic)
        self._controlled = cluster.controller_id in cluster.brokers
        known = cluster.topics[topic]
        if known.error is not None:
            raise signal(known.error, self._names, topic=topic)
        leaders: dict[int, int] = {}
        for number, partition in known.partitions.items():
            if partition.leader not in cluster.brokers:
                error = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)
                raise signal(error, self._names, topic=topic)
            leaders.setdefault(partition.leader, number)
        visit.read(topic, sorted(leaders.values()))
        self._partitions[topic] = sorted(known.partitions)
        return _number(len(known.partitions), "partition")

    def group(self) -> str:
        """See that the group may be used, who is in it, and how far it is."""
        visit = self._made()
        members = self._members() if self._controlled else None
        said = [] if members is None else [_number(members, "member")]
        places = [TopicPartition(t, p) for t, numbers in self._partitions.items() for p in numbers]
        if not places:
            visit.coordinator(self._spec.topics[0])
            return ", ".join(said)
        committed = [one for one in visit.committed(places) if one.offset >= 0]
        if not committed:
            said.append(f"nothing committed yet: it starts at {self._spec.initial_offset}")
        else:
            ends = visit.ends(committed)
            behind = sum(max(0, ends[one.topic, one.partition] - one.offset) for one in committed)
            said.append(f"{_number(behind, 'record')} to deliver")
        return ", ".join(said)

    def dead_letters(self, topic: str) -> str:
        """See that the dead-letter topic is there, and may be written to where brokers tell."""
        cluster = self._made().metadata(topic)
        known = cluster.topics[topic]
        if known.error is not None:
            raise _for_dead_letters(signal(known.error, self._names, topic=topic))
        if cluster.controller_id not in cluster.brokers:
            return _number(len(known.partitions), "partition")
        asked = self._admin().describe_topics(
            TopicCollection([topic]), include_authorized_operations=True, request_timeout=PATIENCE
        )[topic]
        told = self._result(asked)
        rights = None if told is None else told.authorized_operations
        if rights and AclOperation.WRITE not in rights:
            raise forbidden_to_write(topic)
        return _number(len(known.partitions), "partition")

    def _members(self) -> int | None:
        """Return how many members the group has; None where the brokers do not tell."""
        group = self._names.group
        asked = self._admin().describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=PATIENCE
        )[group]
        told = self._result(asked)
        if told is None:
            return None
        rights = told.authorized_operations
        if rights and AclOperation.READ not in rights:
            raise signal(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED), self._names)
        foreign = told.partition_assignor not in ("", _ASSIGNOR)
        if told.members and foreign and told.type != ConsumerGroupType.CONSUMER:
            raise signal(KafkaError(KafkaError.INCONSISTENT_GROUP_PROTOCOL), self._names)
        return len(told.members)

    def _result(self, asked: Future[T]) -> T | None:
        """Return the answer; None where brokers do not know the question or keep it to themselves.

        What is forbidden for good is found out by trying it.
        """
        try:
            return asked.result(PATIENCE + 1)
        except (KafkaException, AnswerTimeoutError):
            return None

    def _client(self, **other: Any) -> Visit:
        told = {**settings(self._spec, self._context, self._secrets), **other}
        return Visit(told, self._names, self._secrets.authority, self._given_up)

    def _admin(self) -> AdminClient:
        # Kept: what was asked of a client that is gone is never answered. And mute: what it has to
        # say about connections, the consumer says too.
        if self._asking is None:
            told = connection(self._spec, self._context, self._secrets)
            self._asking = AdminClient({**told, "log_level": 0})
        return self._asking

    def _made(self) -> Visit:
        assert self._visit is not None, "prepare comes first"
        return self._visit


def forbidden_to_write(topic: str) -> SourceError:
    """Return the error for a topic that this user may only read."""
    return Unauthorized(
        f"this user may not write to topic {topic}; grant it Write, or change spec.net.sasl",
        reason="TopicForbidden",
    )


def _for_dead_letters(error: SourceError) -> SourceError:
    """Name the field that names the topic."""
    field = "spec.delivery.deadLetterSink.kafka.topic"
    return type(error)(str(error).replace("spec.topics", field), reason=error.reason)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
