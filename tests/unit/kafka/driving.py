"""A Kafka source driven as the flow drives it, for tests against the emulator and real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import confluent_kafka.cimpl
from confluent_kafka import Consumer, Producer, TopicPartition

from eventing_alibaba.contract.errors import SourceError, Unauthorized
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import Context, EventOptions, SecretReference
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka.session import Session
from eventing_alibaba.sources.kafka.source import KafkaSource
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.sources.kafka.tracks import Track

PATIENCE = 20.0
MIB = 1 << 20

T = TypeVar("T")
_numbers = itertools.count(1)


class MemorySecrets:
    """Secrets by name and key; change them, or take them away, under way."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def read(self, reference: SecretReference, *, field: str) -> str:
        """Return the value, as `SecretResolver` does."""
        assert reference.secret_key_ref is not None
        key = reference.secret_key_ref.key
        if key not in self.values:
            raise Unauthorized(f"{field}: there is no key `{key}`", reason="SecretMissing")
        return self.values[key]


def secret(key: str) -> dict[str, Any]:
    """A reference to `key`, as manifests write it."""
    return {"secretKeyRef": {"name": "kafka", "key": key}}


@dataclass
class FakeFlow:
    """A `FlowControl` that remembers; `settle` says what `settled` answers."""

    settle: dict[Hashable, Message] = field(default_factory=dict)
    drained: list[tuple[Sequence[Hashable], bool]] = field(default_factory=list)
    forgotten: list[Hashable] = field(default_factory=list)
    reports: list[Exception | None] = field(default_factory=list)
    draining: Callable[[Sequence[Hashable]], Any] | None = None

    async def drain(self, tracks: Iterable[Hashable], *, lost: bool, timeout: float) -> None:
        chosen = list(tracks)
        self.drained.append((chosen, lost))
        if self.draining is not None and not lost:
            async with asyncio.timeout(timeout):
                await self.draining(chosen)

    def settled(self, track: Hashable) -> Message | None:
        return self.settle.get(track)

    def forget(self, track: Hashable) -> None:
        self.forgotten.append(track)

    def report(self, error: Exception | None) -> None:
        self.reports.append(error)


class Driver:
    """One source with its flow; `async with` opens and closes it."""

    def __init__(
        self,
        bootstrap: str,
        topics: str | Sequence[str],
        *,
        group: str,
        secrets: MemorySecrets | None = None,
        event: EventOptions | None = None,
        **spec: Any,
    ) -> None:
        document = {
            "bootstrapServers": bootstrap.split(","),
            "topics": [topics] if isinstance(topics, str) else list(topics),
            "consumerGroup": group,
            "initialOffset": "earliest",
            **spec,
        }
        self.counted: dict[str, int] = {}
        self.flow = FakeFlow()
        self.spec = read(AliKafkaSourceSpec, document)
        context = Context(
            kind="AliKafkaSource",
            namespace="default",
            name="orders",
            credentials=secrets or MemorySecrets(),
            event=event or EventOptions(),
            count=self._count,
        )
        source = self.spec.build(context)
        assert isinstance(source, KafkaSource)
        self.source = source

    @property
    def session(self) -> Session:
        """The open session."""
        assert self.source._session is not None
        return self.source._session

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(PATIENCE):
            await self.source.open(self.flow)
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.source.close()

    async def take(
        self, count: int, *, limit: int = 500, max_bytes: int = MIB, ack: bool = False
    ) -> list[Message]:
        """Receive exactly `count` messages, or fail."""
        taken: list[Message] = []
        async with asyncio.timeout(PATIENCE):
            while len(taken) < count:
                batch = await self.source.receive(min(limit, count - len(taken)), max_bytes)
                taken += batch
                if ack:
                    await self.source.ack(batch)
        return taken

    async def nothing_more(self, seconds: float = 0.3) -> None:
        """Fail if a message comes within `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                found = await self.source.receive(1, MIB)
                assert not found

    def _count(self, name: str, amount: int) -> None:
        self.counted[name] = self.counted.get(name, 0) + amount


class Pen:
    """Writes records and reads commits, as somebody else's client would."""

    def __init__(self, client: str | Mapping[str, str]) -> None:
        base = {"bootstrap.servers": client} if isinstance(client, str) else client
        self._client: dict[str, Any] = {**base, "log_level": 0}
        self._producer = Producer({**self._client, "linger.ms": 0})

    def write(
        self,
        topic: str,
        *values: bytes | str | None,
        partition: int = 0,
        key: bytes | None = None,
        headers: list[tuple[str, Any]] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Produce records and wait until the broker has them."""
        stamp: dict[str, Any] = {} if timestamp is None else {"timestamp": timestamp}
        for value in values:
            self._producer.produce(topic, value, key, partition, headers=headers or [], **stamp)
        assert self._producer.flush(PATIENCE) == 0

    def write_with_raw_header(self, topic: str, value: bytes, name: bytes) -> None:
        """Produce a record to partition 0 whose header's name need not be text.

        Python's client takes text only, so this is librdkafka's own function, `rd_kafka_producev`,
        through the library that the client is linked against.
        """
        library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
        pointer = ctypes.c_void_p
        library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = pointer
        conf = pointer(library.rd_kafka_conf_new())
        reason = ctypes.create_string_buffer(256)
        servers = self._client["bootstrap.servers"].encode()
        library.rd_kafka_conf_set(conf, b"bootstrap.servers", servers, reason, 256)
        client = pointer(library.rd_kafka_new(0, conf, reason, 256))
        ended, to, number, body, header = 0, 1, 3, 4, 9
        size = ctypes.c_size_t(len(value))
        failed = library.rd_kafka_producev(
            *(client, to, topic.encode(), number, 0, body, value, size),
            *(header, name, b"1", ctypes.c_ssize_t(1), ended),
        )
        assert failed == 0
        assert library.rd_kafka_flush(client, int(PATIENCE * 1000)) == 0
        library.rd_kafka_destroy(client)

    def commit(self, group: str, *offsets: TopicPartition) -> None:
        """Commit as another tool would."""
        with self._member(group) as consumer:
            consumer.commit(offsets=list(offsets), asynchronous=False)

    def committed(self, group: str, topic: str, partitions: int = 1) -> list[TopicPartition]:
        """Return what a group has committed, by partition."""
        asked = [TopicPartition(topic, number) for number in range(partitions)]
        with self._member(group) as consumer:
            return consumer.committed(asked, timeout=PATIENCE)

    def offsets(self, group: str, topic: str, partitions: int = 1) -> list[int]:
        """Return committed offsets, by partition; -1001 for none."""
        return [found.offset for found in self.committed(group, topic, partitions)]

    @contextlib.contextmanager
    def _member(self, group: str) -> Iterator[Consumer]:
        consumer = Consumer({**self._client, "group.id": group, "enable.auto.commit": False})
        try:
            yield consumer
        finally:
            consumer.close()


class Bench:
    """A cluster under test: `make_topic(name, partitions)` makes topics on it."""

    def __init__(self, bootstrap: str, make_topic: Callable[[str, int], None]) -> None:
        self.bootstrap = bootstrap
        self.pen = Pen(bootstrap)
        self._make_topic = make_topic

    def topic(self, partitions: int = 1) -> str:
        """Make a topic; its name serves as the name of a group too."""
        name = f"topic-{next(_numbers)}"
        self._make_topic(name, partitions)
        return name

    def driver(
        self, topics: str | Sequence[str], *, group: str | None = None, **spec: Any
    ) -> Driver:
        """A driver of a new source; its group is called like the first topic."""
        first = topics if isinstance(topics, str) else topics[0]
        return Driver(self.bootstrap, topics, group=group or first, **spec)


def track_of(message: Message) -> Track:
    """The message's track, as what it is."""
    assert isinstance(message.track, Track)
    return message.track


async def until(reached: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """Wait for a state that threads outside this loop bring about; return what `reached` gave."""
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(reached)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    return found


async def refused(driver: Driver) -> SourceError:
    """Return the error with which `open` fails."""
    try:
        async with asyncio.timeout(2 * PATIENCE):
            await driver.source.open(driver.flow)
    except SourceError as error:
        return error
    await driver.source.close()
    msg = "open succeeded, expected an error"
    raise AssertionError(msg)
