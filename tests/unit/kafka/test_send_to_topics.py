"""`KafkaSender`: records as they were given, and a cause where a broker does not take them."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.unit.cli.services import closed_port
from tests.unit.kafka.driving import Bench, MemorySecrets, secret

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka import send
from eventing_alibaba.sources.kafka.send import KafkaSender
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator


def sender(servers: str, *topics: str, to: str | None = None, **spec: Any) -> KafkaSender:
    """Make a sender, as the command does."""
    document = {"bootstrapServers": servers.split(","), "topics": list(topics), **spec}
    model = read(AliKafkaSourceSpec, document)
    made = model.sender(Context("AliKafkaSource", "default", "orders", MemorySecrets()), to)
    assert isinstance(made, KafkaSender)
    return made


async def test_key_headers_and_bytes_arrive(kafka: Bench) -> None:
    """Whatever they are: an empty body is one, a header's name may stand twice."""
    topic = kafka.topic()
    made = sender(kafka.bootstrap, topic)
    await made.open()
    headers = [("a", b"\xff"), ("b", b""), ("a", b"2")]
    messages = [Outgoing(b"\x00\xff", b"k", headers), Outgoing(b"")]
    assert await made.send(messages) == [None, None]
    await made.close()
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    first, second = consumer.consume(2, 20)
    consumer.close()
    assert (first.value(), first.key(), first.headers()) == (b"\x00\xff", b"k", headers)
    assert (second.value(), second.key(), second.headers()) == (b"", None, None)


async def test_more_than_a_queue_holds(kafka: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue is waited for; all arrive in order."""
    monkeypatch.setitem(send._FIXED, "queue.buffering.max.messages", 100)
    topic = kafka.topic()
    made = sender(kafka.bootstrap, topic)
    await made.open()
    assert await made.send([Outgoing(b"%d" % n) for n in range(1_000)]) == [None] * 1_000
    await made.close()
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    taken: list[bytes | None] = []
    while len(taken) < 1_000:
        records = consumer.consume(1_000 - len(taken), 20)
        assert records
        taken += [record.value() for record in records]
    consumer.close()
    assert taken == [b"%d" % n for n in range(1_000)]


async def test_one_topic_of_several_is_chosen(kafka: Bench) -> None:
    """By its name; without one, or with a wrong one, those there are are told."""
    one, two = kafka.topic(), kafka.topic()
    assert sender(kafka.bootstrap, one, two, to=two).place == f"topic {two} at {kafka.bootstrap}"
    with pytest.raises(Unsendable, match=f"say with --to which of {one}, {two}"):
        sender(kafka.bootstrap, one, two)
    with pytest.raises(Unsendable, match=f"topic other is not in spec.topics; there is {one}"):
        sender(kafka.bootstrap, one, to="other")


async def _refusal(made: KafkaSender) -> SourceError:
    try:
        with pytest.raises(SourceError) as caught:
            await made.open()
        return caught.value
    finally:
        await made.close()


async def test_no_broker(kafka: Bench) -> None:
    """The cause is that of `/status`."""
    error = await _refusal(sender(f"127.0.0.1:{closed_port()}", "orders"))
    assert error.reason == "Unreachable"


async def test_a_missing_secret(kafka: Bench) -> None:
    """Named by its field."""
    login = {"enable": True, "user": secret("user"), "password": secret("password")}
    error = await _refusal(sender(kafka.bootstrap, "orders", net={"sasl": login}))
    assert error.reason == "SecretMissing"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("MSG_SIZE_TOO_LARGE", "MessageTooLarge"),
        ("TOPIC_AUTHORIZATION_FAILED", "TopicForbidden"),
    ],
)
async def test_a_refused_record(
    kafka: Bench, emulator: KafkaEmulator, code: str, reason: str
) -> None:
    """A right to write, and a size: the sentence names the topic."""
    topic = kafka.topic()
    made = sender(kafka.bootstrap, topic)
    await made.open()
    emulator.errors("Produce", [code])
    (error,) = await made.send([Outgoing(b"x")])
    assert error is not None
    assert (error.reason, topic in str(error)) == (reason, True)
    await made.close()


async def test_a_broker_that_goes_away(
    kafka: Bench, emulator: KafkaEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for a delivery each record has its cause; closing waits for nothing."""
    monkeypatch.setitem(send._FIXED, "delivery.timeout.ms", 700)
    topic = kafka.topic()
    made = sender(kafka.bootstrap, topic)
    await made.open()
    emulator.broker_down()
    results = await made.send([Outgoing(b"1"), Outgoing(b"2")])
    await made.close()
    assert [error.reason for error in results if error is not None] == ["Unreachable"] * 2
