"""Exhausted events in a Kafka topic, read back by another client and the CloudEvents SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer
from confluent_kafka import Message as Record

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.sources.kafka.deadletter import KafkaDeadLetters
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess

Topic = Callable[..., str]


@asynccontextmanager
async def target(servers: str, topic: str) -> AsyncIterator[KafkaDeadLetters]:
    spec = AliKafkaSourceSpec.model_validate(
        {
            "bootstrapServers": servers.split(","),
            "topics": ["orders"],
            "delivery": {"deadLetterSink": {"kafka": {"topic": topic}}},
        }
    )
    context = Context("AliKafkaSource", "default", "orders", SecretResolver(None, {}, {}))
    made = spec.dead_letters(context)
    assert isinstance(made, KafkaDeadLetters)
    try:
        yield made
    finally:
        await made.close()


async def sent(grave: KafkaDeadLetters, event: Event) -> str | None:
    future: asyncio.Future[NotTaken | None] = asyncio.get_running_loop().create_future()
    assert grave.send(event, lambda _, why: future.set_result(why), None)
    why = await asyncio.wait_for(future, 40)
    return None if why is None else why.reason


def first(servers: str, topic: str) -> Record:
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([topic])
        for _ in range(200):
            record = consumer.poll(0.1)
            if record is not None and record.error() is None:
                return record
        raise AssertionError("no record came")
    finally:
        consumer.close()


async def test_an_event_that_cannot_be_written_takes_nobodys_place() -> None:
    """Text that is no Unicode is refused at once, however often, and others are still taken."""
    async with target("localhost:1", "graves") as grave:
        for _ in range(100):
            with pytest.raises(ValueError, match="surrogates"):
                grave.send(Event("1", "/s", "t", b"", subject="\ud800"), lambda *_: None, None)
        assert grave.send(Event("1", "/s", "t", b""), lambda *_: None, None)


async def test_a_dead_letter_is_a_cloudevent_in_binary_mode(
    kafka_emulator: EmulatorProcess, kafka_topic: Topic
) -> None:
    """All attributes, the reasons among them, and the data are there for any reader."""
    topic = kafka_topic()
    event = Event(
        id="partition:0/offset:7",
        source="/orders",
        type="order.created",
        data=b'{"n": 1}',
        datacontenttype="application/json",
        extensions={"partitionkey": "k", "knativeerrorcode": 400, "flag": True, "name": "Grün"},
    )
    async with target(kafka_emulator.bootstrap_servers, topic) as grave:
        assert await sent(grave, event) is None
    record = await asyncio.to_thread(first, kafka_emulator.bootstrap_servers, topic)
    listed: Any = record.headers()
    headers = dict(listed)
    message = KafkaMessage(headers=headers, key=record.key(), value=record.value() or b"")
    decoded = from_binary(message, JSONFormat())
    attributes = decoded.get_attributes()
    assert attributes["id"] == "partition:0/offset:7"
    assert attributes["type"] == "order.created"
    assert attributes["knativeerrorcode"] == "400"
    assert attributes["flag"] == "true"
    assert attributes["name"] == "Grün"
    assert attributes["datacontenttype"] == "application/json"
    assert decoded.get_data() == {"n": 1}
    assert record.key() == b"k"


async def test_no_data_is_a_tombstone(kafka_emulator: EmulatorProcess, kafka_topic: Topic) -> None:
    """An event without data becomes a record without a value."""
    topic = kafka_topic()
    async with target(kafka_emulator.bootstrap_servers, topic) as grave:
        assert await sent(grave, Event("1", "/s", "t", None)) is None
    record = await asyncio.to_thread(first, kafka_emulator.bootstrap_servers, topic)
    assert record.value() is None


async def test_what_was_not_written_is_reported_in_words(
    kafka_emulator: EmulatorProcess, kafka_topic: Topic
) -> None:
    """A topic that refuses writes is named; the next event is tried with a new producer."""
    topic = kafka_topic()
    kafka_emulator.topic_error(topic, "TOPIC_AUTHORIZATION_FAILED")
    async with target(kafka_emulator.bootstrap_servers, topic) as grave:
        error = await sent(grave, Event("1", "/s", "t", b"x"))
        assert error is not None
        assert topic in error
        kafka_emulator.topic_error(topic, None)
        assert await sent(grave, Event("2", "/s", "t", b"y")) is None


async def test_no_more_than_it_can_hold_is_taken(
    kafka_emulator: EmulatorProcess, kafka_topic: Topic
) -> None:
    """While brokers do not answer, a bounded number is under way and the rest stays with us."""
    topic = kafka_topic()
    async with target(kafka_emulator.bootstrap_servers, topic) as grave:
        assert await sent(grave, Event("0", "/s", "t", b"x")) is None
        kafka_emulator.broker_down()
        done: list[NotTaken | None] = []
        all_done = asyncio.Event()

        def note(_: None, why: NotTaken | None) -> None:
            done.append(why)
            if len(done) == 64:
                all_done.set()

        taken = sum(grave.send(Event(str(n), "/s", "t", b"x"), note, None) for n in range(1, 200))
        assert taken == 64
        kafka_emulator.broker_up()
        await asyncio.wait_for(all_done.wait(), 30)
        assert done == [None] * taken


@pytest.mark.parametrize("sink", [{}, {"kafka": {"topic": "t"}, "uri": "http://x"}])
def test_a_dead_letter_sink_is_of_one_kind(sink: dict[str, object]) -> None:
    """HTTP, a topic or a queue: not two of them, not none."""
    with pytest.raises(ValueError, match="must have exactly one of"):
        AliKafkaSourceSpec.model_validate(
            {
                "bootstrapServers": ["a:1"],
                "topics": ["t"],
                "delivery": {"deadLetterSink": sink},
            }
        )


@pytest.mark.parametrize(
    ("delivery", "sentence"),
    [
        ({"onExhausted": "release"}, "release"),
        ({"onExhausted": "deadLetter"}, "deadLetterSink"),
    ],
)
def test_senseless_roads_are_refused(delivery: dict[str, object], sentence: str) -> None:
    """Kafka cannot take one record back, and a road to nowhere is none."""
    with pytest.raises(ValueError, match=sentence):
        AliKafkaSourceSpec.model_validate(
            {"bootstrapServers": ["a:1"], "topics": ["t"], "delivery": delivery}
        )
