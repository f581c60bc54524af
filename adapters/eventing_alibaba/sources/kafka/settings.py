"""What the consumer is told, and why.

Memory: librdkafka fetches ahead. What it holds is bounded by `queued.max.messages.kbytes` plus one
answer of `fetch.max.bytes` per broker; the flow's own bound (`flow.maxBytes`) comes on top. With
the defaults of librdkafka that is 64 MiB plus 50 MiB per broker; with these some 16 MiB.

Time: a dead member's partitions stand still until its session ends, so the session is short (10 s);
nothing is gained by a long one, because the heartbeat has a thread of its own in librdkafka and
does not wait for ours. What a process that was killed had delivered and not committed is delivered
again: commits are ours alone (see `commits`), librdkafka commits nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context, Credentials, SecretReference
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec, Net

FIXED: Final[dict[str, Any]] = {
    # Offsets are committed when events are settled, never because they were read.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # Seen as an error, so that lost records are counted and never skipped to the end.
    "auto.offset.reset": "error",
    # A partition's end is the only sign that what follows the last record are control records.
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    # A rebalance takes away only what moves; the rest goes on meanwhile.
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
    # Longer than a revoke may drain, shorter than an operator's patience with a stuck process.
    "max.poll.interval.ms": 120_000,
    "queued.max.messages.kbytes": 8_192,
    "queued.min.messages": 16_384,
    "fetch.max.bytes": 4_194_304,
    "max.partition.fetch.bytes": 1_048_576,
    # A full queue is looked at again after this long; the default of 1 s would halt a fast sink.
    "fetch.queue.backoff.ms": 2,
    # Brokers answer at once when there is a record; this is how often an idle one is asked.
    "fetch.wait.max.ms": 250,
    "fetch.error.backoff.ms": 250,
    # New partitions and recreated topics are found within half a minute instead of five.
    "topic.metadata.refresh.interval.ms": 30_000,
    "allow.auto.create.topics": False,
    "socket.keepalive.enable": True,
    "socket.connection.setup.timeout.ms": 10_000,
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 5_000,
}


@dataclass(slots=True, frozen=True, repr=False)
class Secrets:
    """Secret values at one moment; PEM texts for TLS. Never shown."""

    user: str | None = field(default=None)
    password: str | None = None
    certificate: str | None = None
    key: str | None = None
    authority: str | None = None

    def __repr__(self) -> str:
        return "<Secrets>"

    def same_login(self, other: Secrets) -> bool:
        """Whether user and password are the same."""
        return (self.user, self.password) == (other.user, other.password)

    def same_tls(self, other: Secrets) -> bool:
        """Whether certificates and key are the same."""
        mine = (self.certificate, self.key, self.authority)
        return mine == (other.certificate, other.key, other.authority)


def read_secrets(net: Net, credentials: Credentials) -> Secrets:
    """Read what `net` refers to, as it is now. Raises Unauthorized naming what is missing."""

    def value(reference: SecretReference | None, name: str, *, wanted: bool) -> str | None:
        if reference is None or not wanted:
            return None
        return credentials.read(reference, field=f"spec.net.{name}")

    sasl, tls = net.sasl, net.tls
    return Secrets(
        user=value(sasl.user, "sasl.user", wanted=sasl.enable),
        password=value(sasl.password, "sasl.password", wanted=sasl.enable),
        certificate=value(tls.cert, "tls.cert", wanted=tls.enable),
        key=value(tls.key, "tls.key", wanted=tls.enable),
        authority=value(tls.ca_cert, "tls.caCert", wanted=tls.enable),
    )


def settings(spec: AliKafkaSourceSpec, context: Context, secrets: Secrets) -> dict[str, Any]:
    """Return the consumer's settings, without callbacks. Pure."""
    return {**FIXED, **connection(spec, context, secrets), "group.id": spec.group(context)}


def connection(spec: AliKafkaSourceSpec, context: Context, secrets: Secrets) -> dict[str, Any]:
    """Return what any client needs to reach the brokers. Pure."""
    sasl, tls = spec.net.sasl.enable, spec.net.tls.enable
    protocol = ("SASL_" if sasl else "") + ("SSL" if tls else "PLAINTEXT")
    told: dict[str, Any] = {
        "bootstrap.servers": ",".join(spec.bootstrap_servers),
        "client.id": f"eventing-alibaba.{context.namespace}.{context.name}",
        "security.protocol": protocol,
    }
    if sasl:
        told |= {
            "sasl.mechanism": spec.net.sasl.type,
            "sasl.username": secrets.user,
            "sasl.password": secrets.password,
        }
    for option, pem in (
        ("ssl.certificate.pem", secrets.certificate),
        ("ssl.key.pem", secrets.key),
        ("ssl.ca.pem", secrets.authority),
    ):
        if pem is not None:
            told[option] = pem
    return told
