"""The harness itself: what the other real tests take for granted about their servers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http.client import HTTPConnection

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.nginx import NginxSink
from tests.real.servers.started import started

PATIENCE = 20.0


def fresh(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def produce(client: Mapping[str, str], topic: str, values: list[bytes]) -> None:
    """Send values and wait until the broker has them; fails where it refuses."""
    refused: list[KafkaError] = []

    def told(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            refused.append(error)

    producer = Producer({**client, "message.timeout.ms": 15_000, "log_level": 0})
    for value in values:
        producer.produce(topic, value, key=b"key", headers=[("name", b"value")], on_delivery=told)
    assert producer.flush(PATIENCE) == 0
    assert refused == []


def consume(
    client: Mapping[str, str], topic: str, count: int, group: str | None = None
) -> list[bytes]:
    """Join a group, read `count` values from the start, commit them and leave."""
    settings = {"group.id": group or fresh("group"), "auto.offset.reset": "earliest"}
    consumer = Consumer({**client, **settings, "enable.auto.commit": False, "log_level": 0})
    try:
        consumer.subscribe([topic])
        messages = consumer.consume(count, timeout=PATIENCE)
        assert [m.error() for m in messages if m.error() is not None] == []
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return [m.value() or b"" for m in messages]


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [
        ("PLAINTEXT", ""),
        ("SASL_PLAINTEXT", "PLAIN"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        ("SSL", ""),
        ("SASL_SSL", "SCRAM-SHA-512"),
    ],
)
def test_records_pass_over_each_listener(
    kafka_server: KafkaServer, listener: str, mechanism: str
) -> None:
    """What is produced over a listener, logged in by each mechanism it has, is consumed over it."""
    client = kafka_server.client(listener, mechanism=mechanism)
    if mechanism.startswith("SCRAM"):
        user = fresh("user")
        kafka_server.admin.set_scram_user(user, "a-password", mechanism=mechanism)
        client |= {"sasl.username": user, "sasl.password": "a-password"}
    topic = fresh("topic")
    kafka_server.admin.create_topic(topic, partitions=2)
    values = [b"%d" % n for n in range(20)]
    produce(client, topic, values)
    assert sorted(consume(client, topic, len(values))) == sorted(values)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_wrong_password_is_refused(kafka_server: KafkaServer, mechanism: str) -> None:
    """The SASL listeners do look at the password."""
    kafka_server.admin.set_scram_user("alice", "alice-password", mechanism="SCRAM-SHA-256")
    client = kafka_server.client("SASL_PLAINTEXT", mechanism=mechanism, password="wrong")
    seen: list[KafkaError] = []
    producer = Producer({**client, "log_level": 0, "error_cb": seen.append})
    for _ in range(100):
        producer.poll(0.2)
        if any(error.code() == KafkaError._AUTHENTICATION for error in seen):
            return
    pytest.fail(f"no authentication error, but {seen}")


def test_stranger_certificate_is_refused(kafka_server: KafkaServer) -> None:
    """The SSL listener's certificate comes from the run's own authority and no other."""
    stranger = {"ssl.ca.location": str(kafka_server.certificates.stranger)}
    seen: list[KafkaError] = []
    producer = Producer(
        {**kafka_server.client("SSL"), **stranger, "log_level": 0, "error_cb": seen.append}
    )
    for _ in range(100):
        producer.poll(0.2)
        if any("certificate verify failed" in str(error) for error in seen):
            return
    pytest.fail(f"the connection was not refused, but {seen}")


def test_acl_lets_in_whom_it_names() -> None:
    """With an authorizer, a user reads and writes what an ACL allows, and nothing else."""
    with started(KafkaServer(authorizer=True)) as broker:
        client = broker.client("SASL_PLAINTEXT")
        broker.admin.create_topic("open", partitions=1)
        broker.admin.create_topic("closed", partitions=1)
        broker.admin.allow("alice", topic="open", group="mine")
        produce(client, "open", [b"x"])
        assert consume(client, "open", 1, group="mine") == [b"x"]
        with pytest.raises(AssertionError, match="TOPIC_AUTHORIZATION_FAILED"):
            produce(client, "closed", [b"x"])


def test_broker_keeps_data_and_ports_over_crash_and_restart() -> None:
    """After SIGKILL, SIGTERM and SIGSTOP the same address serves the same records."""
    with started(KafkaServer()) as broker:
        address = broker.bootstrap()
        broker.admin.create_topic("kept", partitions=1)
        produce(broker.client(), "kept", [b"before"])
        broker.kill()
        assert not broker.alive
        broker.start()
        broker.restart()
        broker.freeze()
        broker.thaw()
        produce(broker.client(), "kept", [b"after"])
        assert broker.bootstrap() == address
        assert consume(broker.client(), "kept", 2, group="readers") == [b"before", b"after"]
        assert broker.admin.committed("readers", "kept") == {0: 2}


def test_topics_change_while_the_broker_runs(kafka_server: KafkaServer) -> None:
    """Topics are made, grown, cut and deleted, and each call returns when that is so."""
    admin, topic = kafka_server.admin, fresh("topic")
    admin.create_topic(topic, partitions=1, retention_ms=60_000)
    produce(kafka_server.client(), topic, [b"old", b"new"])
    admin.delete_records(topic, 0, before=1)
    assert consume(kafka_server.client(), topic, 1) == [b"new"]
    admin.add_partitions(topic, total=3)
    admin.configure_topic(topic, retention_ms=30_000)
    admin.delete_topic(topic)
    admin.create_topic(topic, partitions=1)
    produce(kafka_server.client(), topic, [b"reborn"])
    assert consume(kafka_server.client(), topic, 1) == [b"reborn"]


def test_a_broker_that_cannot_start_shows_its_log() -> None:
    """A start that fails is told with the broker's own words, not with a timeout."""
    with (
        pytest.raises(RuntimeError, match=r"num\.io\.threads"),
        started(KafkaServer(options={"num.io.threads": "many"})),
    ):
        pass


def test_nginx_counts_what_it_accepted(nginx_sink: NginxSink) -> None:
    """POSTs are answered 204 over one kept connection and counted, the counting left out."""
    before = nginx_sink.count()
    connection = HTTPConnection("127.0.0.1", nginx_sink.port, timeout=PATIENCE)
    body = b"x" * 100_000
    for _ in range(5):
        connection.request("POST", "/", body)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (204, b"")
    connection.close()
    assert nginx_sink.count() - before == 5
    assert nginx_sink.count() - before == 5
    assert nginx_sink.refused() == []


def test_missing_program_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its programs a real test is skipped on a user's machine, and fails in CI."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tests.real.servers.tools._ADMINISTRATORS", ())
    either = (pytest.skip.Exception, pytest.fail.Exception)
    for ci, outcome in zip(("", "true"), either, strict=True):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(either, match="nginx") as raised, started(NginxSink()):
            pass
        assert raised.type is outcome
