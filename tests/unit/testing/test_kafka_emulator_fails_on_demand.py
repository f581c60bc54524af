"""Faults, with the same words on the cluster of this process and on the process."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess, KafkaEmulator

WAIT = 10.0
Kafka = KafkaEmulator | EmulatorProcess


@pytest.fixture(scope="module")
def two_brokers() -> Iterator[EmulatorProcess]:
    """A process with two brokers, for all tests of this file."""
    with EmulatorProcess(brokers=2, topics={"made-at-start": 2}) as emulator:
        yield emulator


@pytest.fixture(params=["here", "process"])
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """Two brokers and the topic "t" with one partition on broker 1, here and in a process."""
    if request.param == "here":
        with KafkaEmulator(brokers=2) as here:
            here.create_topic("t")
            here.set_leader("t", 0, 1)
            yield here
        return
    there: EmulatorProcess = request.getfixturevalue("two_brokers")
    there.create_topic("t")
    there.set_leader("t", 0, 1)
    yield there
    there.heal()
    there.delete_topic("t")
    there.clear_requests()


@pytest.fixture
def consumer(kafka: Kafka) -> Iterator[Consumer]:
    """A consumer of "t" that is in no group's membership."""
    client = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": f"g{time.monotonic_ns()}",
            "fetch.wait.max.ms": 10,
            "fetch.error.backoff.ms": 10,
            "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 20,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    yield client
    client.close()


def offset(consumer: Consumer) -> int | None:
    """Return the offset of the next record, passing over errors."""
    while True:
        message = consumer.poll(WAIT)
        assert message is not None, "no record came"
        if message.error() is None:
            return message.offset()


def produce(kafka: Kafka, count: int = 1, topic: str = "t") -> None:
    """Produce records without values to partition 0."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    for _ in range(count):
        producer.produce(topic, b"", partition=0)
    assert producer.flush(WAIT) == 0


def test_a_broker_goes_down_and_comes_back_on_its_port(kafka: Kafka, consumer: Consumer) -> None:
    """While it is down connections are refused; afterwards the same client goes on."""
    produce(kafka, 2)
    consumer.assign([TopicPartition("t", 0, 0)])
    assert offset(consumer) == 0
    before = kafka.bootstrap_servers
    kafka.broker_down(1)
    port = int(before.partition(",")[0].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=WAIT)
    kafka.broker_up(1)
    assert kafka.bootstrap_servers == before
    produce(kafka)
    assert [offset(consumer), offset(consumer)] == [1, 2]


def test_a_partition_moves_to_another_broker(kafka: Kafka, consumer: Consumer) -> None:
    """With its leader down and a new one set, the partition can be read again."""
    produce(kafka)
    kafka.set_leader("t", 0, 2)
    kafka.broker_down(1)
    consumer.assign([TopicPartition("t", 0, 0)])
    assert offset(consumer) == 0
    assert {request.broker for request in kafka.requests("Fetch")} == {2}


def test_commits_fail_as_told_and_then_succeed(kafka: Kafka, consumer: Consumer) -> None:
    """Injected codes are answered in their order, once each; then commits work."""
    produce(kafka)
    commit = [TopicPartition("t", 0, 1)]
    consumer.commit(offsets=commit, asynchronous=False)  # finds the coordinator
    kafka.errors("OffsetCommit", ["TOPIC_AUTHORIZATION_FAILED", 30], times=2)
    codes = [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED]
    for code in codes * 2:
        with pytest.raises(KafkaException) as caught:
            consumer.commit(offsets=commit, asynchronous=False)
        assert caught.value.args[0].code() == code
    consumer.commit(offsets=commit, asynchronous=False)
    assert consumer.committed(commit, timeout=WAIT)[0].offset == 1


def test_faults_take_effect_at_once(kafka: Kafka) -> None:
    """Commands in a row do not run into the second that the cluster's thread may sleep."""
    begin = time.monotonic()
    for _ in range(20):
        kafka.heal()
    assert time.monotonic() - begin < 3


def test_waiting_errors_are_cleared(kafka: Kafka, consumer: Consumer) -> None:
    """`clear_errors` and `heal` forget what was pushed, by type or all."""
    commit = [TopicPartition("t", 0, 1)]
    produce(kafka)
    clears: list[Callable[[], None]]
    clears = [lambda: kafka.clear_errors("OffsetCommit"), kafka.clear_errors, kafka.heal]
    for clear in clears:
        kafka.errors("OffsetCommit", ["GROUP_AUTHORIZATION_FAILED"], times=50)
        clear()
        consumer.commit(offsets=commit, asynchronous=False)
    kafka.errors("OffsetCommit", ["GROUP_AUTHORIZATION_FAILED"])
    kafka.clear_errors("Fetch")
    with pytest.raises(KafkaException):
        consumer.commit(offsets=commit, asynchronous=False)


def test_fetches_fail_as_told(kafka: Kafka, consumer: Consumer) -> None:
    """A fetch error reaches the application, and the record comes nevertheless."""
    produce(kafka)
    kafka.errors("Fetch", ["REQUEST_TIMED_OUT"])
    consumer.assign([TopicPartition("t", 0, 0)])
    message = consumer.poll(WAIT)
    assert message is not None
    error = message.error()
    assert error is not None
    assert error.code() == KafkaError.REQUEST_TIMED_OUT
    assert offset(consumer) == 0


def test_latency_delays_answers(kafka: Kafka, consumer: Consumer) -> None:
    """An answer takes at least the latency that was set, and no longer after it was taken back."""
    partition = TopicPartition("t", 0)
    consumer.get_watermark_offsets(partition, timeout=WAIT)
    kafka.latency(800)
    begin = time.monotonic()
    consumer.get_watermark_offsets(partition, timeout=WAIT)
    assert time.monotonic() - begin >= 0.8
    kafka.latency(0)
    begin = time.monotonic()
    consumer.get_watermark_offsets(partition, timeout=WAIT)
    assert time.monotonic() - begin < 0.8


def test_old_records_are_gone_when_told(kafka: Kafka, consumer: Consumer) -> None:
    """`delete_records` is retention at work: reading before it is out of range."""
    produce(kafka, 5)
    kafka.delete_records("t", 0, 5)
    produce(kafka)
    assert consumer.get_watermark_offsets(TopicPartition("t", 0), timeout=WAIT) == (5, 6)


def test_a_topic_can_be_forbidden(kafka: Kafka, consumer: Consumer) -> None:
    """A topic's metadata error is seen by clients until it is taken back."""
    kafka.topic_error("t", "TOPIC_AUTHORIZATION_FAILED")
    error = consumer.list_topics("t", timeout=WAIT).topics["t"].error
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    kafka.topic_error("t", None)
    assert consumer.list_topics("t", timeout=WAIT).topics["t"].error is None


def test_a_group_is_coordinated_by_the_broker_told(kafka: Kafka) -> None:
    """Commits of a group go to its coordinator."""
    kafka.set_coordinator("pinned", 2)
    client = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "pinned"})
    client.commit(offsets=[TopicPartition("t", 0, 0)], asynchronous=False)
    client.close()
    assert {request.broker for request in kafka.requests("OffsetCommit")} == {2}


def test_requests_are_logged_in_order_and_in_our_time(kafka: Kafka) -> None:
    """The log names type, broker and time, can be filtered by name or number, and cleared."""
    begin = now()
    produce(kafka)
    everything = kafka.requests()
    assert {"ApiVersions", "Metadata", "Produce"} <= {request.api for request in everything}
    assert everything == sorted(everything, key=lambda request: request.at)
    assert (
        kafka.requests("Produce")
        == kafka.requests(0)
        == [request for request in everything if request.api == "Produce"]
    )
    assert begin - 0.01 <= kafka.requests("Produce")[0].at <= now()
    kafka.clear_requests()
    assert kafka.requests("Produce") == []


def test_what_cannot_be_meant_is_refused(kafka: Kafka) -> None:
    """A wrong name is an error that says what would be right; here and from the process."""
    calls: list[tuple[Callable[[], None], str]] = [
        (lambda: kafka.errors("OffsetComit", [1]), "no Kafka request type; write one of Produce,"),
        (lambda: kafka.errors("Fetch", ["NO_SUCH_ERROR"]), "'NO_SUCH_ERROR' is no Kafka error"),
        (lambda: kafka.create_topic("t"), "refused mock_topic_create with TOPIC_ALREADY_EXISTS"),
        (lambda: kafka.create_topic("u", 0), "partitions of topic 'u' must be at least 1, got 0"),
        (lambda: kafka.delete_topic("absent"), "UNKNOWN_TOPIC_OR_PART"),
        (lambda: kafka.broker_down(9), "refused mock_broker_set_down"),
        (lambda: kafka.latency("slow"), "wrong argument for mock_broker_set_rtt"),  # type: ignore[arg-type]
    ]
    for call, sentence in calls:
        with pytest.raises((ValueError, AdminError), match=sentence):
            call()


def test_topics_of_the_command_line_exist(two_brokers: EmulatorProcess) -> None:
    """`topics=` are there when the process is ready."""
    with pytest.raises(AdminError, match="TOPIC_ALREADY_EXISTS"):
        two_brokers.create_topic("made-at-start")


def test_a_cluster_needs_a_broker() -> None:
    """Zero brokers are refused by name."""
    with pytest.raises(ValueError, match="brokers must be at least 1, got 0"):
        KafkaEmulator(brokers=0)
