"""What `check` asks of Kafka, where a real broker would not be as wrong as a test wants it."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest
from tests.unit.cli.services import closed_port, listener
from tests.unit.kafka.driving import Bench, MemorySecrets, secret

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka import settings, visit
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator

Found = dict[str, str | SourceError]


async def ask(servers: str, topic: str, values: dict[str, str] | None = None, **spec: Any) -> Found:
    """Ask every question; return what was found, or what is wrong, by name."""
    document = {"bootstrapServers": servers.split(","), "topics": [topic], **spec}
    model = read(AliKafkaSourceSpec, {"consumerGroup": topic, **document})
    context = Context("AliKafkaSource", "default", "orders", MemorySecrets(values))
    found: Found = {}
    async with aclosing(model.check(context)) as steps:
        async for step in steps:
            try:
                found[step.name] = await step.ask()
            except SourceError as error:
                found[step.name] = error
    return found


def failure(found: Found, name: str) -> SourceError:
    """Return what is wrong with the step whose name begins so."""
    (wrong,) = [value for key, value in found.items() if key.startswith(name)]
    assert isinstance(wrong, SourceError), wrong
    return wrong


async def test_what_is_behind_is_counted(kafka: Bench) -> None:
    """Records after the committed offsets; where nothing is committed, where it would start."""
    from confluent_kafka import TopicPartition

    topic = kafka.topic(2)
    kafka.pen.write(topic, b"1", b"2", b"3")
    found = await ask(kafka.bootstrap, topic, initialOffset="earliest")
    assert found[f"group {topic}"] == "nothing committed yet: it starts at earliest"
    kafka.pen.commit(topic, TopicPartition(topic, 0, 1))
    found = await ask(kafka.bootstrap, topic)
    assert found[f"group {topic}"] == "2 records to deliver"
    assert found[f"topic {topic}"] == "2 partitions"


async def test_no_member_joins_and_nothing_is_committed() -> None:
    """Seen in the requests that the brokers got: a check leaves no trace."""
    with KafkaEmulator() as emulator:  # which nobody else asks anything
        kafka = Bench(emulator.bootstrap_servers, emulator.create_topic)
        topic = kafka.topic()
        kafka.pen.write(topic, b"x")
        emulator.clear_requests()
        found = await ask(kafka.bootstrap, topic)
        asked = {request.api for request in emulator.requests()}
    assert not [value for value in found.values() if isinstance(value, SourceError)]
    assert "OffsetFetch" in asked
    assert "Fetch" in asked
    assert not asked & {"JoinGroup", "SyncGroup", "Heartbeat", "OffsetCommit", "LeaveGroup"}
    assert not asked & {"Produce", "ConsumerGroupHeartbeat"}


async def test_a_partition_without_a_leader(kafka: Bench, emulator: KafkaEmulator) -> None:
    """The topic is there, and cannot be read."""
    topic = kafka.topic(2)
    emulator.set_leader(topic, 1, -1)
    assert failure(await ask(kafka.bootstrap, topic), "topic").reason == "NoLeader"


async def test_an_address_that_brokers_advertise_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap server answers, and sends clients to where nobody is."""
    monkeypatch.setattr(visit, "_COMPLAINED", 0.5)
    with KafkaEmulator() as emulator:
        emulator.create_topic("orders")
        where, port = emulator.bootstrap_servers, closed_port()
        emulator.advertise(1, "127.0.0.1", port)
        found = await ask(where, "orders")
    assert found[f"broker {where}"] == "1 broker"
    wrong = failure(found, "topic")
    assert f"127.0.0.1:{port}" in str(wrong)
    assert "it is what they advertise" in str(wrong)


async def test_a_listener_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that swallows, or another server: told after the time for a connection."""
    monkeypatch.setitem(settings.FIXED, "socket.connection.setup.timeout.ms", 1_000)
    begun = time.monotonic()
    with listener() as port:
        found = await ask(f"127.0.0.1:{port}", "orders")
    assert failure(found, "broker").reason == "NoAnswer"
    assert time.monotonic() - begun < 10


async def test_a_server_of_another_protocol() -> None:
    """An HTTP server on the port that the manifest names."""
    with listener(says=b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = await ask(f"127.0.0.1:{port}", "orders")
    assert failure(found, "broker").reason == "ProtocolMismatch"


async def test_a_missing_secret_is_the_only_failure(kafka: Bench) -> None:
    """Nobody is asked without it; the field and the key are named."""
    login = {"enable": True, "user": secret("user"), "password": secret("password")}
    found = await ask(kafka.bootstrap, "orders", {"user": "alice"}, net={"sasl": login})
    assert list(found) == ["settings"]
    wrong = failure(found, "settings")
    assert wrong.reason == "SecretMissing"
    assert "spec.net.sasl.password" in str(wrong)


async def test_a_text_that_is_no_certificate(kafka: Bench) -> None:
    """Found before any broker is asked; its content is not shown."""
    tls = {"enable": True, "caCert": secret("ca")}
    found = await ask(kafka.bootstrap, "orders", {"ca": "open-sesame"}, net={"tls": tls})
    wrong = failure(found, "settings")
    assert wrong.reason == "BadPem"
    assert "open-sesame" not in str(wrong)


async def test_a_topic_whose_name_is_refused(kafka: Bench, emulator: KafkaEmulator) -> None:
    """Only another manifest helps."""
    topic = kafka.topic()
    emulator.topic_error(topic, "TOPIC_EXCEPTION")
    try:
        assert failure(await ask(kafka.bootstrap, topic), "topic").reason == "TopicInvalid"
    finally:
        emulator.topic_error(topic, None)


async def test_a_question_can_be_given_up() -> None:
    """Ctrl-C does not wait for a broker that says nothing."""
    begun = time.monotonic()
    with listener() as port:
        asking = asyncio.create_task(ask(f"127.0.0.1:{port}", "orders"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(asking)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        loop = asyncio.get_running_loop()
        await loop.shutdown_default_executor()
    assert time.monotonic() - begun < 5
