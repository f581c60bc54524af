"""Topics, users and permissions of a test broker, over librdkafka's admin client.

Kafka's own command line tools start a Java machine for each call, which takes longer than most
tests; this client stays connected and answers in milliseconds. Each call returns only when the
broker shows the effect, so that the line after it can rely on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

# The package re-exports these without saying so in the way that mypy wants it said.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from tests.real.servers.kafka.settings import Option

_PATIENCE = 20.0
_ITERATIONS = 4096  # the fewest that Kafka accepts; a test's password needs no protection
_SCRAM = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}


class KafkaAdmin:
    """Changes a broker from outside; survives the broker's restarts.

    All methods block, at most 20 seconds, and raise `confluent_kafka.KafkaException` when the
    broker refuses.
    """

    def __init__(self, client: Mapping[str, str]) -> None:
        # A broker that a test has killed is no news: librdkafka shall not print it.
        self._client = AdminClient({**client, "log_level": 0})

    def create_topic(self, name: str, *, partitions: int = 4, **config: Option) -> None:
        """Make a topic and wait until each partition has a leader.

        Args:
            name: Its name.
            partitions: How many.
            config: Kafka's topic settings, with `_` for `.`: `retention_ms=1000`.
        """
        topic = NewTopic(name, partitions, 1, config=_settings(config))
        _result(self._client.create_topics([topic])[name])
        self._until(lambda: self._leaders(name) == partitions, f"topic {name} has no leader")

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until it is unknown."""
        _result(self._client.delete_topics([name])[name])
        self._until(lambda: self._leaders(name) == 0, f"topic {name} is still there")

    def configure_topic(self, name: str, **config: Option) -> None:
        """Set settings of a topic, named as in `create_topic`; the others stay as they are."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in _settings(config).items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        _result(self._client.incremental_alter_configs([resource])[resource])

    def add_partitions(self, name: str, *, total: int) -> None:
        """Let a topic have `total` partitions, more than before."""
        _result(self._client.create_partitions([NewPartitions(name, total)])[name])
        self._until(lambda: self._leaders(name) == total, f"{name} lacks new partitions")

    def delete_records(self, topic: str, partition: int, *, before: int) -> None:
        """Delete what is older than offset `before` now, as retention would at its time."""
        until = TopicPartition(topic, partition, before)
        _result(self._client.delete_records([until])[until])

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Committed offsets of a group by partition; a partition without one is absent."""
        answer = self._client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        partitions = _result(answer[group]).topic_partitions
        return {p.partition: p.offset for p in partitions if p.topic == topic and p.offset >= 0}

    def members(self, group: str) -> int:
        """How many members a consumer group has now."""
        return len(_result(self._client.describe_consumer_groups([group])[group]).members)

    def set_scram_user(self, name: str, password: str, *, mechanism: str = "SCRAM-SHA-512") -> None:
        """Make a SCRAM user, or give it another password."""
        info = ScramCredentialInfo(_SCRAM[mechanism], _ITERATIONS)
        change = UserScramCredentialUpsertion(name, info, password.encode())
        _result(self._client.alter_user_scram_credentials([change])[name])
        self._until(lambda: self._has_scram(name, mechanism), f"user {name} is not known yet")

    def delete_scram_user(self, name: str, *, mechanism: str = "SCRAM-SHA-512") -> None:
        """Take a user's credential for one mechanism away."""
        change = UserScramCredentialDeletion(name, _SCRAM[mechanism])
        _result(self._client.alter_user_scram_credentials([change])[name])
        self._until(lambda: not self._has_scram(name, mechanism), f"user {name} is still known")

    def allow(self, user: str, *, topic: str | None = None, group: str | None = None) -> None:
        """Give a user every operation on a topic, on a group, or on both; needs an authorizer."""
        for binding in _bindings(user, topic, group):
            _result(self._client.create_acls([binding])[binding])

    def _leaders(self, topic: str) -> int:
        """Number of the topic's partitions that have a leader; 0 for an unknown topic."""
        # All topics are asked for: a broker may create one that is asked for by name.
        known = self._client.list_topics(timeout=_PATIENCE).topics.get(topic)
        if known is None:
            return 0
        return sum(partition.leader >= 0 for partition in known.partitions.values())

    def _has_scram(self, user: str, mechanism: str) -> bool:
        described: Any = self._client.describe_user_scram_credentials()
        infos = _result(described).get(user)
        wanted = _SCRAM[mechanism]
        return infos is not None and any(
            info.mechanism == wanted for info in infos.scram_credential_infos
        )

    def _until(self, reached: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{otherwise} after {_PATIENCE:.0f} s")
            time.sleep(0.01)


def _result(future: Future[Any]) -> Any:
    return future.result(_PATIENCE)


def _settings(config: Mapping[str, Option]) -> dict[str, str]:
    def text(value: Option) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return {name.replace("_", "."): text(value) for name, value in config.items()}


def _bindings(user: str, topic: str | None, group: str | None) -> list[AclBinding]:
    wanted = ((ResourceType.TOPIC, topic), (ResourceType.GROUP, group))
    return [
        AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            AclOperation.ALL,
            AclPermissionType.ALLOW,
        )
        for kind, name in wanted
        if name is not None
    ]
