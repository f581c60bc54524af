"""What a test broker is told: one node that is broker and controller, with a listener of each kind.

Four listeners are open at once, named by their security protocol: PLAINTEXT, SASL_PLAINTEXT, SSL
and SASL_SSL. So one running broker serves every way of logging in. Where a default would make a
test wait (three seconds before the first rebalance, six seconds as the shortest session) it is
lowered, and everything that would want three brokers is content with one. Topics are not created
by asking for them: a missing topic must look as it does in production.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.real.servers.certificates import Certificates

LISTENERS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MECHANISMS = ("PLAIN", *SCRAM_MECHANISMS)

Option: TypeAlias = str | int | bool

_PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the broker listens, on 127.0.0.1: one port per name in `LISTENERS`, and one inside."""

    listeners: Mapping[str, int]
    controller: int

    def address(self, listener: str) -> str:
        """`host:port` of a listener, as clients write it."""
        return f"127.0.0.1:{self.listeners[listener]}"


def settings(
    *,
    ports: Ports,
    data: Path,
    certificates: Certificates,
    users: Mapping[str, str],
    authorizer: bool,
    options: Mapping[str, Option],
) -> dict[str, str]:
    """All settings of the broker, `options` last.

    Args:
        ports: Its ports.
        data: Folder of its logs.
        certificates: What its TLS listeners show and trust.
        users: Names and passwords that SASL PLAIN accepts. SCRAM users are made at run time.
        authorizer: Whether access is denied unless an ACL allows it, except to who is anonymous
            (the PLAINTEXT and, without a client certificate, SSL listeners).
        options: Settings by Kafka's own names.
    """
    names = ",".join(f"{name}://{ports.address(name)}" for name in LISTENERS)
    protocols = ",".join(f"{name}:{name}" for name in LISTENERS)
    told: dict[str, Option] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{names},CONTROLLER://127.0.0.1:{ports.controller}",
        "advertised.listeners": names,
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,{protocols}",
        "log.dirs": str(data),
        "num.partitions": 4,
        "auto.create.topics.enable": False,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1_000,
        "group.consumer.min.session.timeout.ms": 1_000,
        "group.consumer.min.heartbeat.interval.ms": 500,
        # A broker that was killed is let in again when the session of its former life has ended.
        "broker.session.timeout.ms": 2_000,
        "broker.heartbeat.interval.ms": 200,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server_store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
        # Asked for, not required: one listener serves clients with a certificate and without.
        "ssl.client.auth": "requested",
    }
    if authorizer:
        told["authorizer.class.name"] = _AUTHORIZER
        told["super.users"] = "User:ANONYMOUS"
    for listener in ("sasl_plaintext", "sasl_ssl"):
        told |= _sasl(f"listener.name.{listener}", users)
    return {name: _text(value) for name, value in {**told, **options}.items()}


def rendered(told: Mapping[str, str]) -> str:
    """The same as the text of a properties file."""
    lines = (f"{name}={value}".replace("\\", "\\\\") for name, value in told.items())
    return "\n".join(lines) + "\n"


def _sasl(prefix: str, users: Mapping[str, str]) -> dict[str, Option]:
    known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    told: dict[str, Option] = {
        f"{prefix}.sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{prefix}.plain.sasl.jaas.config": f"{_PLAIN_MODULE} required {known};",
    }
    for mechanism in SCRAM_MECHANISMS:
        told[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = f"{_SCRAM_MODULE} required;"
    return told


def _text(value: Option) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
