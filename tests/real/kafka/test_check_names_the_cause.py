"""`eventing-alibaba check` and `send` on a real broker: whatever is wrong has its own sentence."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

# The package re-exports these without saying so in the way that mypy wants it said.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.real.kafka.conftest import bench
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.ports import free_ports
from tests.real.servers.started import started
from tests.unit.kafka.driving import Bench

from eventing_alibaba.cli.main import main
from eventing_alibaba.testing.sink import SinkProcess

LOGIN = {"enable": True, "user": {"value": "alice"}, "password": {"value": "alice-password"}}


@pytest.fixture(scope="module")
def guarded() -> Iterator[KafkaServer]:
    """A broker that allows what ACLs allow."""
    with started(KafkaServer(authorizer=True)) as server:
        yield server


@pytest.fixture(scope="module")
def service() -> Iterator[SinkProcess]:
    """A service with which nothing is wrong."""
    with SinkProcess() as sink:
        yield sink


@pytest.fixture
def kafka(guarded: KafkaServer) -> Bench:
    """Its topics, made by the anonymous user, who may do everything."""
    return bench(guarded)


@dataclass(frozen=True, slots=True)
class Told:
    """What `check` said: the exit code, and the steps of its JSON."""

    code: int
    steps: list[dict[str, Any]]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Name and reason of each step that failed."""
        return [(step["name"], step["reason"]) for step in self.steps if not step["ok"]]

    def message(self, name: str) -> str:
        """The sentence, or what was found, of the step whose name begins so."""
        (step,) = [step for step in self.steps if step["name"].startswith(name)]
        return str(step.get("message", step.get("detail")))


Check = Callable[..., Told]


def manifest(
    path: Path,
    servers: str | list[str],
    topic: str,
    *,
    sink: str,
    sasl: Mapping[str, Any] | None = None,
    tls: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Path:
    """Write a manifest; JSON is YAML."""
    net = {name: value for name, value in (("sasl", sasl), ("tls", tls)) if value}
    document = {
        "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
        "kind": "AliKafkaSource",
        "metadata": {"name": "orders"},
        "spec": {
            "bootstrapServers": [servers] if isinstance(servers, str) else servers,
            "topics": [topic],
            "consumerGroup": topic,
            "net": net,
            "sink": {"uri": sink},
            **spec,
        },
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], service: SinkProcess) -> Check:
    """Run the command on a manifest of these servers, topic and settings."""

    def run(servers: str | list[str], topic: str = "none", **settings: Any) -> Told:
        path = manifest(tmp_path / "source.yaml", servers, topic, sink=service.url, **settings)
        code = main(["check", "-f", str(path), "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (code, told["ok"]) == (told["exitCode"], code == 0)
        return Told(code, told["steps"])

    return run


@pytest.fixture
def authority(guarded: KafkaServer) -> dict[str, Any]:
    """TLS settings that trust the broker."""
    return {"enable": True, "caCert": {"file": str(guarded.certificates.authority)}}


def grant(server: KafkaServer, user: str, kind: ResourceType, name: str, right: str) -> None:
    """Give a user one right, which `admin.allow` does not: it gives all."""
    binding = AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[right],
        AclPermissionType.ALLOW,
    )
    client = AdminClient(dict(server.client()))
    client.create_acls([binding])[binding].result(10)


def test_all_is_well(
    guarded: KafkaServer, kafka: Bench, check: Check, service: SinkProcess
) -> None:
    """Every step is told with what was found; the service got no event."""
    topic = kafka.topic(3)
    kafka.pen.write(topic, b"1", b"2")
    before = service.stats()["events"]
    told = check(guarded.bootstrap(), topic)
    assert (told.code, told.failures) == (0, [])
    assert told.message("broker 127") == "1 broker"
    assert told.message("topic") == "3 partitions"
    assert told.message("group") == "0 members, nothing committed yet: it starts at latest"
    assert told.message("sink").startswith("answers OPTIONS with ")
    assert service.stats()["events"] == before


@pytest.mark.parametrize("listener", ["SASL_SSL", "SSL"])
def test_all_is_well_with_login_and_tls(
    guarded: KafkaServer,
    kafka: Bench,
    check: Check,
    authority: dict[str, Any],
    listener: str,
) -> None:
    """The client's own certificate trust and login are those of `run`."""
    topic = kafka.topic()
    guarded.admin.allow("alice", topic=topic, group=topic)
    sasl = LOGIN if listener.startswith("SASL") else None
    told = check(guarded.bootstrap(listener), topic, sasl=sasl, tls=authority)
    assert (told.code, told.failures) == (0, [])


def test_a_running_member_notices_nothing(guarded: KafkaServer, kafka: Bench, check: Check) -> None:
    """No rebalance, no moved offset; the member and its backlog are told."""
    topic = kafka.topic(2)
    kafka.pen.write(topic, *(b"x" for _ in range(5)))
    assigned, revoked, stop = threading.Event(), threading.Event(), threading.Event()
    consumer = Consumer(
        {
            "bootstrap.servers": guarded.bootstrap(),
            "group.id": topic,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(
        [topic],
        on_assign=lambda *_: assigned.set(),
        on_revoke=lambda *_: revoked.set(),
    )

    def work() -> None:
        while not stop.is_set():
            record = consumer.poll(0.1)
            if record is not None and record.offset() == 1:
                consumer.commit(message=record, asynchronous=False)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert assigned.wait(20)
        deadline = time.monotonic() + 20
        while kafka.pen.offsets(topic, topic, 2) != [2, -1001]:
            assert time.monotonic() < deadline
        told = check(guarded.bootstrap(), topic)
        assert told.message("group") == "1 member, 3 records to deliver"
        assert told.code == 0
        # A rebalance would be heard of with the next heartbeat, 0.2 s later.
        assert not revoked.wait(1)
        assert kafka.pen.offsets(topic, topic, 2) == [2, -1001]
    finally:
        stop.set()
        thread.join()
        consumer.close()


def test_members_of_another_kind_are_told(guarded: KafkaServer, kafka: Bench, check: Check) -> None:
    """A group that shares partitions in another way would not let us in."""
    topic = kafka.topic()
    consumer = Consumer(
        {
            "bootstrap.servers": guarded.bootstrap(),
            "group.id": topic,
            "partition.assignment.strategy": "range",
        }
    )
    assigned = threading.Event()
    consumer.subscribe([topic], on_assign=lambda *_: assigned.set())
    try:
        deadline = time.monotonic() + 20
        while not assigned.is_set():
            assert time.monotonic() < deadline
            consumer.poll(0.1)
        told = check(guarded.bootstrap(), topic)
    finally:
        consumer.close()
    assert told.failures == [(f"group {topic}", "GroupInUse")]


def test_a_closed_port(check: Check) -> None:
    """The port is named, and topics are not asked about."""
    (port,) = free_ports(1)
    told = check(f"127.0.0.1:{port}")
    assert told.failures == [(f"broker 127.0.0.1:{port}", "Unreachable")]
    assert f"127.0.0.1:{port} cannot be reached" in told.message("broker 127")
    assert told.code == 1
    assert not [step for step in told.steps if step["name"].startswith("topic")]


def test_a_name_that_does_not_resolve(check: Check) -> None:
    """DNS is where to look."""
    told = check("no-such-broker.invalid:9092")
    assert told.failures == [("broker no-such-broker.invalid:9092", "HostNotFound")]
    assert "no-such-broker.invalid:9092 cannot be resolved" in told.message("broker no")


def test_one_wrong_server_of_two(guarded: KafkaServer, kafka: Bench, check: Check) -> None:
    """It is found although the other would be enough, and the rest is asked all the same."""
    (port,) = free_ports(1)
    told = check([guarded.bootstrap(), f"127.0.0.1:{port}"], kafka.topic())
    assert told.failures == [(f"broker 127.0.0.1:{port}", "Unreachable")]
    assert told.message("topic") == "1 partition"


@pytest.mark.parametrize(
    ("listener", "tls", "sasl", "reason", "words"),
    [
        ("SSL", None, None, "ProtocolMismatch", "may want TLS"),
        ("PLAINTEXT", "trusted", None, "TlsMismatch", "does not speak TLS"),
        ("SSL", "stranger", None, "CertificateRefused", "spec.net.tls.caCert does not contain"),
        ("SSL", "system", None, "CertificateRefused", "this system does not trust"),
        ("SASL_PLAINTEXT", None, None, "ConnectionClosed", "may want a login"),
        ("PLAINTEXT", None, LOGIN, "MechanismRefused", "does not offer a login with PLAIN"),
        (
            "SASL_PLAINTEXT",
            None,
            {**LOGIN, "password": {"value": "open-sesame"}},
            "LoginFailed",
            "check user and password",
        ),
    ],
)
def test_listeners_and_logins_that_do_not_fit(
    guarded: KafkaServer,
    check: Check,
    listener: str,
    tls: str | None,
    sasl: Mapping[str, Any] | None,
    reason: str,
    words: str,
) -> None:
    """TLS wanted or not, authority, login, password: told apart, and no secret shown."""
    files = {
        "trusted": guarded.certificates.authority,
        "stranger": guarded.certificates.stranger,
    }
    settings: dict[str, Any] | None = None
    if tls is not None:
        settings = {"enable": True}
        if tls in files:
            settings["caCert"] = {"file": str(files[tls])}
    where = guarded.bootstrap(listener)
    told = check(where, sasl=sasl, tls=settings)
    assert told.failures == [(f"broker {where}", reason)]
    assert words in told.message("broker 127")
    assert where in told.message("broker 127")
    assert told.code == 1
    assert "open-sesame" not in json.dumps(told.steps)


def test_a_certificate_for_another_host(
    guarded: KafkaServer, check: Check, authority: dict[str, Any]
) -> None:
    """127.1 is the same host by another name, which the certificate does not have."""
    told = check(guarded.bootstrap("SSL").replace("127.0.0.1", "127.1"), tls=authority)
    assert "is not for 127.1" in told.message("broker 127")
    assert told.failures[0][1] == "CertificateRefused"


def test_a_client_certificate_that_is_missing(check: Check) -> None:
    """A broker that insists on one says so in the handshake."""
    with started(KafkaServer(options={"ssl.client.auth": "required"})) as server:
        tls = {"enable": True, "caCert": {"file": str(server.certificates.authority)}}
        told = check(server.bootstrap("SSL"), tls=tls)
    assert told.failures[0][1] == "ClientCertificateRefused"
    assert "spec.net.tls.cert" in told.message("broker 127")


def test_a_missing_topic(guarded: KafkaServer, check: Check) -> None:
    """Named; the group and the sink are asked about all the same."""
    told = check(guarded.bootstrap(), "nowhere")
    assert told.failures == [("topic nowhere", "TopicNotFound")]
    assert [step["name"].split()[0] for step in told.steps][-2:] == ["group", "sink"]


@pytest.mark.parametrize(
    ("topic_right", "group_right", "failed"),
    [
        (None, None, ["topic", "group"]),
        ("DESCRIBE", "READ", ["topic"]),
        ("READ", None, ["group"]),
        ("READ", "DESCRIBE", ["group"]),
        ("READ", "READ", []),
    ],
)
def test_missing_rights(
    guarded: KafkaServer,
    kafka: Bench,
    check: Check,
    topic_right: str | None,
    group_right: str | None,
    failed: list[str],
) -> None:
    """A right to see is none to read: each is found, of the topic and of the group."""
    topic = kafka.topic()
    user = f"user-{topic}"
    guarded.admin.set_scram_user(user, "secret")
    for kind, right in ((ResourceType.TOPIC, topic_right), (ResourceType.GROUP, group_right)):
        if right is not None:
            grant(guarded, user, kind, topic, right)
    sasl = {
        "enable": True,
        "type": "SCRAM-SHA-512",
        "user": {"value": user},
        "password": {"value": "secret"},
    }
    told = check(guarded.bootstrap("SASL_PLAINTEXT"), topic, sasl=sasl)
    reasons = {"topic": "TopicForbidden", "group": "GroupForbidden"}
    assert told.failures == [(f"{what} {topic}", reasons[what]) for what in failed]


def test_a_dead_letter_topic(guarded: KafkaServer, kafka: Bench, check: Check) -> None:
    """Missing, then there and not to be written to, then well."""
    topic, dead = kafka.topic(), kafka.topic()
    user = f"user-{topic}"
    guarded.admin.set_scram_user(user, "secret")
    guarded.admin.allow(user, topic=topic, group=topic)
    sasl = {
        "enable": True,
        "type": "SCRAM-SHA-512",
        "user": {"value": user},
        "password": {"value": "secret"},
    }

    def ask(name: str) -> Told:
        delivery = {"deadLetterSink": {"kafka": {"topic": name}}}
        where = guarded.bootstrap("SASL_PLAINTEXT")
        return check(where, topic, sasl=sasl, delivery=delivery)

    guarded.admin.allow(user, topic="nowhere")
    told = ask("nowhere")
    assert told.failures == [("dead-letter topic nowhere", "TopicNotFound")]
    assert "spec.delivery.deadLetterSink.kafka.topic" in told.message("dead-letter")
    grant(guarded, user, ResourceType.TOPIC, dead, "READ")
    told = ask(dead)
    assert told.failures == [(f"dead-letter topic {dead}", "TopicForbidden")]
    assert f"may not write to topic {dead}" in told.message("dead-letter")
    grant(guarded, user, ResourceType.TOPIC, dead, "WRITE")
    assert ask(dead).failures == []


def test_send_needs_the_right_to_write(
    guarded: KafkaServer, kafka: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may only read is told so; with the right, key and headers arrive."""
    topic = kafka.topic()
    user = f"user-{topic}"
    guarded.admin.set_scram_user(user, "secret")
    grant(guarded, user, ResourceType.TOPIC, topic, "READ")
    sasl = {
        "enable": True,
        "type": "SCRAM-SHA-512",
        "user": {"value": user},
        "password": {"value": "secret"},
    }
    where = guarded.bootstrap("SASL_PLAINTEXT")
    path = str(manifest(tmp_path / "s.yaml", where, topic, sink="http://localhost/", sasl=sasl))
    assert main(["send", "-f", path, "hello"]) == 1
    assert f"may not write to topic {topic}; grant it Write" in capsys.readouterr().err
    grant(guarded, user, ResourceType.TOPIC, topic, "WRITE")
    assert main(["send", "-f", path, "no {n}", "--count", "3", "--key=k", "--header=a=b"]) == 0
    assert f"sent 3 messages to topic {topic}" in capsys.readouterr().out
    consumer = Consumer(
        {"bootstrap.servers": guarded.bootstrap(), "group.id": "t", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    records = consumer.consume(3, 20)
    consumer.close()
    assert [record.value() for record in records] == [b"no 1", b"no 2", b"no 3"]
    assert {record.key() for record in records} == {b"k"}
    assert records[0].headers() == [("a", b"b")]
