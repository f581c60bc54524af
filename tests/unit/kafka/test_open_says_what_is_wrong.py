"""Each way in which a session cannot begin has its reaction and its sentence."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from tests.unit.kafka.driving import Bench, Driver, MemorySecrets, refused, secret, until

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.kafka import session, settings
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator


def _threads() -> int:
    return sum(thread.name == "kafka-consumer" for thread in threading.enumerate())


def _closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def test_a_closed_port_is_named() -> None:
    """Nobody listens: open again with backoff, and say which address and which field."""
    where = f"127.0.0.1:{_closed_port()}"
    error = await refused(Driver(where, "orders", group="g"))
    assert isinstance(error, Disconnected)
    assert where in str(error)
    assert "spec.bootstrapServers" in str(error)


async def test_a_host_name_without_address_is_named() -> None:
    """A name that DNS does not know is told from a network that is down."""
    error = await refused(Driver("no-such-host.invalid:9092", "orders", group="g"))
    assert (type(error), error.reason) == (Disconnected, "HostNotFound")
    assert "no-such-host.invalid:9092" in str(error)


async def test_a_listener_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something listens and does not answer: after a while that is the reason."""
    monkeypatch.setitem(settings.FIXED, "socket.connection.setup.timeout.ms", 1_000)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        error = await refused(Driver(f"127.0.0.1:{port}", "orders", group="g"))
    assert (type(error), error.reason) == (Disconnected, "NoAnswer")


async def test_one_of_several_bootstrap_servers_is_enough(kafka: Bench) -> None:
    """A dead address beside a live one changes nothing."""
    topic = kafka.topic()
    both = f"127.0.0.1:{_closed_port()},{kafka.bootstrap}"
    async with Driver(both, topic, group=topic) as d:
        kafka.pen.write(topic, b"x")
        await d.take(1)


async def test_a_missing_topic_is_named(kafka: Bench) -> None:
    """Also where other topics exist: the source is not ready until all do."""
    there = kafka.topic()
    error = await refused(kafka.driver([there, "not-there"]))
    assert (type(error), error.reason) == (Unavailable, "TopicNotFound")
    assert "topic not-there does not exist" in str(error)
    assert "spec.topics" in str(error)


async def test_a_forbidden_topic_is_named(emulator: KafkaEmulator, kafka: Bench) -> None:
    """Missing rights are people's to mend: credentials are read anew and it is tried for ever."""
    topic = kafka.topic()
    emulator.topic_error(topic, "TOPIC_AUTHORIZATION_FAILED")
    error = await refused(kafka.driver(topic))
    emulator.topic_error(topic, None)
    assert (type(error), error.reason) == (Unauthorized, "TopicForbidden")
    assert topic in str(error)


@pytest.mark.parametrize(
    ("request_name", "code", "kind", "words"),
    [
        ("FindCoordinator", "GROUP_AUTHORIZATION_FAILED", Unauthorized, "may not use consumer gro"),
        ("JoinGroup", "GROUP_AUTHORIZATION_FAILED", Unauthorized, "may not use consumer group"),
        ("JoinGroup", "INCONSISTENT_GROUP_PROTOCOL", Unavailable, "members of another kind"),
        ("JoinGroup", "INVALID_GROUP_ID", Misconfigured, "spec.consumerGroup"),
        ("JoinGroup", "GROUP_MAX_SIZE_REACHED", Unavailable, "as many members as the brokers"),
    ],
)
async def test_a_group_that_cannot_be_joined_is_named(
    emulator: KafkaEmulator,
    kafka: Bench,
    request_name: str,
    code: str,
    kind: type[Exception],
    words: str,
) -> None:
    """What a coordinator answers to who wants to join, told with the group's name."""
    topic = kafka.topic()
    emulator.errors(request_name, [code], times=100)
    error = await refused(kafka.driver(topic))
    assert type(error) is kind
    assert words in str(error)
    assert topic in str(error)


async def test_a_missing_secret_is_told_as_it_is(kafka: Bench) -> None:
    """The words of the credentials reach the flow, field first, and no consumer was made."""
    sasl = {"enable": True, "user": secret("user"), "password": secret("password")}
    error = await refused(
        kafka.driver("orders", net={"sasl": sasl}, secrets=MemorySecrets({"user": "alice"}))
    )
    assert isinstance(error, Unauthorized)
    assert str(error).startswith("spec.net.sasl.password")


@pytest.mark.parametrize("field", ["caCert", "cert", "key"])
async def test_a_pem_text_that_is_none_is_named(kafka: Bench, field: str) -> None:
    """The field is named, its content is not shown, and a mended Secret cures it."""
    tls = {"enable": True, field: secret("pem")}
    tls |= {"cert": secret("pem"), "key": secret("pem")} if field != "caCert" else {}
    error = await refused(
        kafka.driver("orders", net={"tls": tls}, secrets=MemorySecrets({"pem": "sesame"}))
    )
    assert isinstance(error, Unauthorized)
    assert str(error).startswith("spec.net.tls.")
    assert "sesame" not in str(error)


async def test_settings_that_librdkafka_refuses_end_the_process(
    kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No retry could cure them."""
    monkeypatch.setitem(settings.FIXED, "isolation.level", "whatever")
    assert isinstance(await refused(kafka.driver("orders")), Misconfigured)


async def test_a_failed_open_leaves_nothing_behind(kafka: Bench) -> None:
    """Ten refusals in a row leave no thread; then the topic is made, and the same source opens."""
    before = _threads()
    driver = kafka.driver("made-late", group="made-late")
    for _ in range(10):
        await refused(driver)
    await until(lambda: _threads() == before)
    kafka._make_topic("made-late", 1)
    async with driver as d:
        kafka.pen.write("made-late", b"x")
        await d.take(1)
    await until(lambda: _threads() == before)


async def test_a_cancelled_open_ends_its_thread(kafka: Bench) -> None:
    """A stop while the group is being joined leaves no member behind."""
    topic = kafka.topic()
    driver = kafka.driver(topic)
    opening = asyncio.create_task(driver.source.open(driver.flow))
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    await driver.source.close()
    await until(lambda: _threads() == 0)
    async with driver as d:
        kafka.pen.write(topic, b"x")
        await d.take(1)


async def test_a_slow_group_is_reported_while_it_is_waited_for(
    emulator: KafkaEmulator, kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other members may take long; the wait goes on, and says what it is."""
    monkeypatch.setattr(session, "_JOINING", 0.2)
    emulator.errors("JoinGroup", ["COORDINATOR_LOAD_IN_PROGRESS"], times=4)
    async with kafka.driver(kafka.topic()) as d:
        first, *_, last = d.flow.reports
        assert "still joining consumer group" in str(first)
        assert last is None
