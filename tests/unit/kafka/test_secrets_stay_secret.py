"""Secrets are read when needed, handed on when they change, and shown nowhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.unit.kafka.driving import MemorySecrets, secret

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka.rotation import Rotation
from eventing_alibaba.sources.kafka.settings import Secrets, connection, read_secrets, settings
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

NET: dict[str, Any] = {
    "sasl": {"enable": True, "user": secret("user"), "password": secret("password")},
    "tls": {"enable": True, "cert": secret("cert"), "key": secret("key"), "caCert": secret("ca")},
}
VALUES = {name: f"the-{name}" for name in ("user", "password", "cert", "key", "ca")}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spec(net: dict[str, Any] = NET) -> AliKafkaSourceSpec:
    document = {"bootstrapServers": ["a:1", "b:2"], "topics": ["t"], "net": net}
    return read(AliKafkaSourceSpec, document)


def watching(values: MemorySecrets, clock: Clock, net: dict[str, Any] = NET) -> Rotation:
    model = spec(net).net
    return Rotation(model, values, read_secrets(model, values), clock)


def test_settings_hold_what_the_manifest_says() -> None:
    """Protocol, mechanism and secrets; what is switched off is not read."""
    context = Context("AliKafkaSource", "shop", "orders", MemorySecrets(VALUES))
    told = settings(spec(), context, read_secrets(spec().net, context.credentials))
    assert told["security.protocol"] == "SASL_SSL"
    assert told["bootstrap.servers"] == "a:1,b:2"
    assert told["group.id"] == "eventing-alibaba.shop.orders"
    assert told["ssl.key.pem"] == "the-key"
    assert told["sasl.password"] == "the-password"
    off = {name: {**part, "enable": False} for name, part in NET.items()}
    plain = connection(spec(off), context, read_secrets(spec(off).net, MemorySecrets()))
    assert plain["security.protocol"] == "PLAINTEXT"
    assert not {"sasl.password", "ssl.key.pem"} & set(plain)


def test_secrets_show_nothing() -> None:
    """Neither by repr, nor as part of something else's."""
    held = read_secrets(spec().net, MemorySecrets(VALUES))
    assert repr([held]) == "[<Secrets>]"
    assert "the-" not in f"{held}"


def test_a_new_password_is_handed_on_once() -> None:
    """Looked for every few seconds, not at each step."""
    clock, values = Clock(), MemorySecrets(VALUES)
    rotation = watching(values, clock)
    values.values["password"] = "new"
    assert rotation.tend(refused=False) is None
    clock.now += 5.0
    assert rotation.tend(refused=False) == ("the-user", "new")
    clock.now += 5.0
    assert rotation.tend(refused=False) is None


def test_a_refused_login_looks_sooner() -> None:
    """Whoever waits for a new password waits for seconds, not for the next round."""
    clock, values = Clock(), MemorySecrets(VALUES)
    rotation = watching(values, clock)
    values.values["password"] = "new"
    assert rotation.tend(refused=True) is None
    clock.now += 1.0
    assert rotation.tend(refused=True) == ("the-user", "new")


@pytest.mark.parametrize("name", ["cert", "key", "ca"])
def test_new_certificates_end_the_session(name: str) -> None:
    """The consumer cannot exchange them."""
    clock, values = Clock(), MemorySecrets(VALUES)
    rotation = watching(values, clock)
    values.values[name] = "new"
    clock.now += 5.0
    with pytest.raises(Disconnected, match="opened anew"):
        rotation.tend(refused=False)


def test_a_secret_that_is_away_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, without any value, and noticed when it is back."""
    caplog.set_level(logging.DEBUG)
    clock, values = Clock(), MemorySecrets(VALUES)
    rotation = watching(values, clock)
    del values.values["password"]
    for _ in range(3):
        clock.now += 5.0
        assert rotation.tend(refused=False) is None
    assert len(caplog.records) == 1
    assert "spec.net.sasl.password" in caplog.text
    assert "the-" not in caplog.text
    values.values["password"] = "new"
    clock.now += 5.0
    assert rotation.tend(refused=False) == ("the-user", "new")


def test_without_login_and_tls_nothing_is_read() -> None:
    """A plaintext listener has no secrets."""
    clock = Clock()
    rotation = watching(MemorySecrets(), clock, {})
    clock.now += 100.0
    assert rotation.tend(refused=True) is None


def test_same_values_are_the_same() -> None:
    """What is compared is what is used."""
    old, new = Secrets(user="u", password="p"), Secrets(user="u", password="q")
    assert not old.same_login(new)
    assert old.same_tls(new)
