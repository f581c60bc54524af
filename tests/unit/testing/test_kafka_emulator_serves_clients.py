"""Clients of other processes produce to the emulator and consume from it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from eventing_alibaba.testing.emulators import Emulator, EmulatorUnavailableError
from eventing_alibaba.testing.emulators.kafka import EMULATOR, EmulatorProcess, KafkaEmulator
from eventing_alibaba.testing.emulators.kafka.__main__ import parser
from eventing_alibaba.testing.emulators.kafka.names import INSTALL

WAIT = 10.0
CLIENT = {
    "fetch.wait.max.ms": 10,
    "session.timeout.ms": 1500,
    "heartbeat.interval.ms": 100,
    "auto.offset.reset": "earliest",
}

Topics = Callable[..., str]


def produce(servers: str, topic: str, count: int, **settings: object) -> None:
    """Produce records 0 ... count - 1, round robin by key over the partitions there are."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, **settings})
    for n in range(count):
        headers: list[tuple[str, str | bytes | None]] = [("n", str(n).encode())]
        producer.produce(topic, b"value %d" % n, key=b"%d" % n, headers=headers, timestamp=1000 + n)
    assert producer.flush(WAIT) == 0


def take(consumer: Consumer, count: int) -> list[Message]:
    """Return the next `count` records."""
    found: list[Message] = []
    while len(found) < count:
        message = consumer.poll(WAIT)
        assert message is not None, f"{len(found)} of {count} records came"
        assert message.error() is None
        found.append(message)
    return found


def test_records_come_back_whole(kafka_emulator: EmulatorProcess, kafka_topic: Topics) -> None:
    """Key, value, headers, time and order of a partition survive; all partitions are used."""
    topic = kafka_topic(3)
    produce(kafka_emulator.bootstrap_servers, topic, 60)
    consumer = Consumer(
        {"bootstrap.servers": kafka_emulator.bootstrap_servers, "group.id": topic} | CLIENT
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(3)])
    records = take(consumer, 60)
    consumer.close()
    assert {record.partition() for record in records} == {0, 1, 2}
    for record in records:
        n = int(record.key() or b"")
        assert (record.value(), record.headers()) == (b"value %d" % n, [("n", str(n).encode())])
        assert record.timestamp()[1] == 1000 + n
    for partition in range(3):
        offsets = [r.offset() for r in records if r.partition() == partition]
        assert offsets == list(range(len(offsets)))


def test_a_group_goes_on_where_it_committed(
    kafka_emulator: EmulatorProcess, kafka_topic: Topics
) -> None:
    """A second member of a group begins after what the first one committed, not after its reads."""
    topic = kafka_topic()
    produce(kafka_emulator.bootstrap_servers, topic, 10)
    settings = {
        "bootstrap.servers": kafka_emulator.bootstrap_servers,
        "group.id": topic,
        "enable.auto.commit": False,
        **CLIENT,
    }
    first = Consumer(settings)
    first.subscribe([topic])
    fourth = take(first, 8)[3]
    first.commit(message=fourth, asynchronous=False)
    first.close()
    second = Consumer(settings)
    second.subscribe([topic])
    assert take(second, 1)[0].offset() == 4
    second.close()


def test_a_cluster_of_this_process_serves_others() -> None:
    """`KafkaEmulator` is reached from outside while this process waits; several brokers share."""
    script = (
        "import sys; from confluent_kafka import Producer;"
        "p = Producer({'bootstrap.servers': sys.argv[1]});"
        "[p.produce('t', b'x', partition=i % 4) for i in range(8)];"
        "sys.exit(p.flush(10))"
    )
    with KafkaEmulator(brokers=2) as emulator:
        assert emulator.bootstrap_servers.count("127.0.0.1:") == 2
        emulator.create_topic("t", 4)
        for partition in range(4):
            emulator.set_leader("t", partition, 1 + partition % 2)
        command = [sys.executable, "-c", script, emulator.bootstrap_servers]
        subprocess.run(command, check=True, timeout=30)
        assert {request.broker for request in emulator.requests("Produce")} == {1, 2}
    with pytest.raises(RuntimeError, match="not running"):
        emulator.create_topic("u")


def test_retention_is_as_small_as_documented(
    kafka_topic: Topics, kafka_emulator: EmulatorProcess
) -> None:
    """5 MiB a partition, less than 5,200 records of 1 KiB; the oldest go, the rest can be read."""
    topic = kafka_topic()
    producer = Producer({"bootstrap.servers": kafka_emulator.bootstrap_servers, "linger.ms": 5})
    for _ in range(6000):
        producer.produce(topic, b"x" * 1024)
    assert producer.flush(WAIT) == 0
    consumer = Consumer({"bootstrap.servers": kafka_emulator.bootstrap_servers, "group.id": topic})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=WAIT)
    consumer.close()
    assert high == 6000
    assert 2000 < high - low < 5200


def test_compression_stretches_retention(
    kafka_topic: Topics, kafka_emulator: EmulatorProcess
) -> None:
    """What is stored is what was sent: compressed batches leave room for far more records."""
    topic = kafka_topic()
    settings = {"bootstrap.servers": kafka_emulator.bootstrap_servers, "compression.type": "zstd"}
    producer = Producer({**settings, "linger.ms": 5})
    for _ in range(20_000):
        producer.produce(topic, b"x" * 1024)
    assert producer.flush(WAIT) == 0
    consumer = Consumer({"bootstrap.servers": kafka_emulator.bootstrap_servers, "group.id": topic})
    assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=WAIT) == (0, 20_000)
    consumer.close()


def test_the_entry_point_names_the_command() -> None:
    """`emulate kafka` finds the emulator by name and needs nothing but the protocol."""
    (point,) = entry_points(group="eventing_alibaba.emulators", name="kafka")
    emulator: Emulator = point.load()
    assert emulator is EMULATOR
    assert (emulator.name, bool(emulator.summary)) == ("kafka", True)
    args = parser().parse_args(["--topic", "a:3", "--topic", "b", "--port", "9092"])
    assert (args.topic, args.port, args.brokers) == ([("a", 3), ("b", 1)], 9092, 1)
    with pytest.raises(SystemExit):
        parser().parse_args(["--topic", "a:many"])


async def test_without_the_client_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No confluent-kafka: one sentence with the command that helps."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(EmulatorUnavailableError, match=r"pip install 'eventing-alibaba\[kafka\]'"):
        KafkaEmulator().start()
    # In a thread: the command runs a loop of its own and would take the test's away.
    assert await asyncio.to_thread(EMULATOR.run, parser().parse_args([])) == 1
    assert capsys.readouterr().err == f"{INSTALL}\n"


def test_what_an_old_library_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that this librdkafka does not have is an error with its name, not a crash."""
    from eventing_alibaba.testing.emulators.kafka import library

    gone = {**library._SIGNATURES, "mock_not_there": (None, ())}
    monkeypatch.setattr(library, "_SIGNATURES", gone)
    with pytest.raises(EmulatorUnavailableError, match="no rd_kafka_mock_not_there"):
        library.Library().call("mock_not_there")


def test_an_unknown_topic_is_made_on_first_use(kafka_emulator: EmulatorProcess) -> None:
    """As a broker with auto-creation does, with four partitions."""
    produce(kafka_emulator.bootstrap_servers, "made-on-first-use", 1)
    consumer = Consumer({"bootstrap.servers": kafka_emulator.bootstrap_servers, "group.id": "g"})
    metadata = consumer.list_topics("made-on-first-use", timeout=WAIT)
    consumer.close()
    kafka_emulator.delete_topic("made-on-first-use")
    assert len(metadata.topics["made-on-first-use"].partitions) == 4
    assert KafkaError.UNKNOWN_TOPIC_OR_PART == 3
