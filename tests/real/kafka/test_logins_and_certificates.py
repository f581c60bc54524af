"""SASL, TLS and rights on a real broker: accepted, refused, told apart, and exchanged under way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import trustme
from tests.real.kafka.conftest import bench
from tests.real.servers.kafka.server import KafkaServer
from tests.real.servers.started import started
from tests.unit.kafka.driving import Bench, Driver, MemorySecrets, refused, secret, until

from eventing_alibaba.contract.errors import Disconnected, Unauthorized
from eventing_alibaba.sources.kafka import rotation, trouble

LOGIN = {"enable": True, "user": secret("user"), "password": secret("password")}
ALICE = {"user": "alice", "password": "alice-password"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[KafkaServer]:
    """A broker that allows what ACLs allow."""
    with started(KafkaServer(authorizer=True)) as server:
        yield server


@pytest.fixture
def kafka(guarded: KafkaServer) -> Bench:
    """Its topics, made by the anonymous user, who may do everything."""
    return bench(guarded)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_EVERY", 0.2)
    monkeypatch.setattr(rotation, "_EVERY_WHEN_REFUSED", 0.2)
    monkeypatch.setattr(trouble, "_ASK_EVERY", 0.3)


def _driver(
    server: KafkaServer,
    listener: str,
    topic: str,
    values: Mapping[str, str],
    *,
    sasl: Mapping[str, Any] | None = None,
    tls: Mapping[str, Any] | None = None,
) -> tuple[Driver, MemorySecrets]:
    secrets = MemorySecrets(values)
    net = {name: dict(value) for name, value in (("sasl", sasl), ("tls", tls)) if value}
    driver = Driver(server.bootstrap(listener), topic, group=topic, net=net, secrets=secrets)
    return driver, secrets


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
async def test_logins_are_accepted(
    guarded: KafkaServer, kafka: Bench, mechanism: str, listener: str
) -> None:
    """Every mechanism that the spec has, with and without TLS."""
    topic = kafka.topic()
    values = dict(ALICE)
    if mechanism != "PLAIN":
        guarded.admin.set_scram_user("bob", "bob-password", mechanism=mechanism)
        values = {"user": "bob", "password": "bob-password"}
    guarded.admin.allow(values["user"], topic=topic, group=topic)
    values["ca"] = guarded.certificates.authority.read_text()
    tls = {"enable": True, "caCert": secret("ca")} if listener == "SASL_SSL" else None
    driver, _ = _driver(
        guarded, listener, topic, values, sasl={**LOGIN, "type": mechanism}, tls=tls
    )
    kafka.pen.write(topic, b"x")
    async with driver as d:
        await d.take(1, ack=True)
    assert kafka.pen.offsets(topic, topic) == [1]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_refused(
    guarded: KafkaServer, kafka: Bench, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Unauthorized, naming the field; the password is in no sentence, log line or repr."""
    caplog.set_level(logging.DEBUG)
    values = {"user": "alice", "password": "open-sesame"}
    driver, _ = _driver(
        guarded, "SASL_PLAINTEXT", kafka.topic(), values, sasl={**LOGIN, "type": mechanism}
    )
    error = await refused(driver)
    assert (type(error), error.reason) == (Unauthorized, "LoginFailed")
    assert "spec.net.sasl" in str(error)
    shown = f"{error} {error!r} {driver.source!r} {driver.spec!r} {caplog.text}"
    assert "open-sesame" not in shown


async def test_missing_rights_are_told_apart(guarded: KafkaServer, kafka: Bench) -> None:
    """No right to the topic, then none to the group, then both: the third attempt opens."""
    topic = kafka.topic()
    guarded.admin.set_scram_user("carol", "carol-password")
    values = {"user": "carol", "password": "carol-password"}
    sasl = {**LOGIN, "type": "SCRAM-SHA-512"}
    driver, _ = _driver(guarded, "SASL_PLAINTEXT", topic, values, sasl=sasl)
    error = await refused(driver)
    assert (type(error), error.reason) == (Unauthorized, "TopicForbidden")
    guarded.admin.allow("carol", topic=topic)
    error = await refused(driver)
    assert (type(error), error.reason) == (Unauthorized, "GroupForbidden")
    assert topic in str(error)
    guarded.admin.allow("carol", group=topic)
    async with driver:
        pass


async def test_a_password_is_exchanged_under_way(guarded: KafkaServer, kafka: Bench) -> None:
    """The old password ends with its connections; the new one is used without a restart."""
    topic = kafka.topic()
    admin = guarded.admin
    admin.set_scram_user("dave", "old")
    admin.allow("dave", topic=topic, group=topic)
    sasl = {**LOGIN, "type": "SCRAM-SHA-512"}
    driver, secrets = _driver(
        guarded, "SASL_PLAINTEXT", topic, {"user": "dave", "password": "old"}, sasl=sasl
    )
    async with driver as d:
        kafka.pen.write(topic, b"1")
        (first,) = await d.take(1)
        await asyncio.to_thread(admin.set_scram_user, "dave", "new")
        await asyncio.to_thread(guarded.restart)
        await until(lambda: any(isinstance(report, Unauthorized) for report in d.flow.reports))
        secrets.values["password"] = "new"
        await until(lambda: d.flow.reports[-1] is None, seconds=40)
        kafka.pen.write(topic, b"2")
        (second,) = await d.take(1)
        assert second.body == b"2"
        await d.source.ack([second] if second.track is not first.track else [first, second])


async def test_a_deleted_secret_does_not_end_a_good_session(
    guarded: KafkaServer, kafka: Bench
) -> None:
    """A Secret that is away for a moment changes nothing for who is logged in."""
    topic = kafka.topic()
    guarded.admin.allow("alice", topic=topic, group=topic)
    driver, secrets = _driver(guarded, "SASL_PLAINTEXT", topic, ALICE, sasl=LOGIN)
    async with driver as d:
        del secrets.values["password"]
        await asyncio.sleep(0.5)  # two looks at the secrets
        kafka.pen.write(topic, b"x")
        await d.take(1)
        assert d.flow.reports == []


async def test_client_certificates_are_shown(guarded: KafkaServer, kafka: Bench) -> None:
    """With a certificate and key the broker knows the user by the certificate's name."""
    topic = kafka.topic()
    values = {
        "ca": guarded.certificates.authority.read_text(),
        "cert": guarded.certificates.client_certificate.read_text(),
        "key": guarded.certificates.client_key.read_text(),
    }
    tls = {"enable": True, "caCert": secret("ca"), "cert": secret("cert"), "key": secret("key")}
    driver, _ = _driver(guarded, "SSL", topic, values, tls=tls)
    error = await refused(driver)
    # Anonymous users may do everything: it is known by name, and that name has no rights yet.
    assert (type(error), error.reason) == (Unauthorized, "TopicForbidden")


@pytest.mark.parametrize(
    ("listener", "tls", "sasl", "reason", "words"),
    [
        ("PLAINTEXT", "trusted", None, "TlsMismatch", "does not speak TLS"),
        ("SSL", None, None, "ProtocolMismatch", "spec.net.tls"),
        ("SSL", "stranger", None, "CertificateRefused", "spec.net.tls.caCert does not contain"),
        ("SSL", "system", None, "CertificateRefused", "this system does not trust"),
        ("SASL_PLAINTEXT", None, None, "ConnectionClosed", "spec.net.sasl"),
        ("SASL_SSL", None, LOGIN, "ProtocolMismatch", "spec.net.tls"),
        ("PLAINTEXT", None, LOGIN, "MechanismRefused", "spec.net.sasl.type"),
    ],
)
async def test_listeners_that_do_not_fit_are_told_apart(
    guarded: KafkaServer,
    kafka: Bench,
    listener: str,
    tls: str | None,
    sasl: Mapping[str, Any] | None,
    reason: str,
    words: str,
) -> None:
    """TLS to plain, plain to TLS, no login, an unknown authority: each has its own sentence."""
    trusted = guarded.certificates.authority.read_text()
    values = {**ALICE, "trusted": trusted, "stranger": guarded.certificates.stranger.read_text()}
    settings: dict[str, Any] | None = None
    if tls is not None:
        settings = {"enable": True} | ({} if tls == "system" else {"caCert": secret(tls)})
    driver, _ = _driver(guarded, listener, kafka.topic(), values, sasl=sasl, tls=settings)
    error = await refused(driver)
    assert error.reason == reason
    assert words in str(error)
    assert guarded.bootstrap(listener) in str(error)


async def test_a_certificate_for_another_host_is_told(guarded: KafkaServer, kafka: Bench) -> None:
    """127.1 is the same host by another name, which the certificate does not have."""
    values = {"ca": guarded.certificates.authority.read_text()}
    tls = {"enable": True, "caCert": secret("ca")}
    where = guarded.bootstrap("SSL").replace("127.0.0.1", "127.1")
    driver = Driver(
        where, kafka.topic(), group="g", net={"tls": tls}, secrets=MemorySecrets(values)
    )
    error = await refused(driver)
    assert isinstance(error, Disconnected)
    assert error.reason == "CertificateRefused"
    assert "is not for 127.1" in str(error)


async def test_exchanged_certificates_open_a_new_session(
    guarded: KafkaServer, kafka: Bench
) -> None:
    """What was acknowledged is committed, the session ends, and the next one has the new files."""
    topic = kafka.topic()
    authority = guarded.certificates.authority.read_text()
    driver, secrets = _driver(
        guarded, "SSL", topic, {"ca": authority}, tls={"enable": True, "caCert": secret("ca")}
    )
    kafka.pen.write(topic, b"1", b"2", b"3")
    async with driver as d:
        taken = await d.take(3)
        await d.source.ack(taken[:1])
        d.flow.settle[taken[0].track] = taken[1]  # finished while draining
        secrets.values["ca"] = authority + trustme.CA().cert_pem.bytes().decode()
        with pytest.raises(Disconnected, match="have changed"):
            await d.take(1)
        ((tracks, lost),) = d.flow.drained
        assert (list(tracks), lost) == ([taken[0].track], False)
        assert kafka.pen.offsets(topic, topic) == [2]
        await d.source.open(d.flow)
        assert [m.body for m in await d.take(1)] == [b"3"]
