"""The causes of librdkafka's errors, one row each: how to react, and what to tell the user.

The table is read from the top: the first row whose code and words fit wins. Some codes say little
by themselves (`_TRANSPORT` is anything from a closed port to a TLS listener spoken to in plain
text); there librdkafka's words, and the state in which a connection broke off, tell causes apart.
The words were collected from real brokers; if a later librdkafka words it otherwise, the row for
the bare code still gives the right reaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Unauthorized,
    Unavailable,
)

CERTIFICATE_REFUSED: Final = "CertificateRefused"


@dataclass(slots=True, frozen=True)
class Row:
    """One cause. `words` must be found in librdkafka's text; None fits any."""

    code: int
    words: str | None
    signal: type[SourceError]
    reason: str
    sentence: str


_E = KafkaError
_REFUSED: Final = "alert.*certificate|certificate required"
_CLOSED: Final = r"(Disconnected|Send failed|Receive failed).*in state "

TABLE: Final[tuple[Row, ...]] = (
    # Reaching a broker.
    Row(
        _E._RESOLVE,
        None,
        Disconnected,
        "HostNotFound",
        "the name of {broker} cannot be resolved; check spec.bootstrapServers and DNS",
    ),
    Row(
        # librdkafka makes the guess only if nothing but the end came; now and then OpenSSL has a
        # word for it, and then it does not.
        _E._TRANSPORT,
        "connecting to a PLAINTEXT broker|SSL connection closed by peer.*in state SSL_HANDSHAKE",
        Disconnected,
        "TlsMismatch",
        "{broker} does not speak TLS; set spec.net.tls.enable to false or use the port of a TLS"
        " listener",
    ),
    Row(
        _E._TRANSPORT,
        "certificate verify failed",
        Disconnected,
        CERTIFICATE_REFUSED,
        "the certificate of {broker} is not trusted; check spec.net.tls.caCert",
    ),
    Row(
        _E._TRANSPORT,
        "in state SSL_HANDSHAKE",
        Disconnected,
        "TlsFailed",
        "the TLS handshake with {broker} failed ({detail}); check spec.net.tls",
    ),
    Row(
        # With TLS 1.3 the handshake is over for the client before the broker has looked at it.
        _E._TRANSPORT,
        _REFUSED,
        Unauthorized,
        "ClientCertificateRefused",
        "{broker} refuses the client's certificate or misses one; check spec.net.tls.cert and key",
    ),
    Row(
        _E._TRANSPORT,
        _CLOSED + "APIVERSION_QUERY",
        Disconnected,
        "ProtocolMismatch",
        "{broker} closes the connection at the first request: its listener may want TLS"
        " (spec.net.tls), or it is no Kafka broker",
    ),
    Row(
        _E._TRANSPORT,
        _CLOSED + "(AUTH|SASL)",
        Unauthorized,
        "LoginFailed",
        "{broker} closes the connection while logging in; check spec.net.sasl",
    ),
    Row(
        _E._TRANSPORT,
        _CLOSED + "UP",
        Disconnected,
        "ConnectionClosed",
        "{broker} closed the connection; if this lasts, its listener may want a login"
        " (spec.net.sasl) or a client certificate (spec.net.tls.cert)",
    ),
    Row(
        _E._TRANSPORT,
        "onnection setup timed out",
        Disconnected,
        "NoAnswer",
        "{broker} does not answer; check spec.bootstrapServers, network and firewall, and whether"
        " a Kafka broker listens there",
    ),
    Row(
        _E._TRANSPORT,
        None,
        Disconnected,
        "Unreachable",
        "{broker} cannot be reached ({detail}); check spec.bootstrapServers and the network",
    ),
    Row(
        _E._BAD_MSG,
        None,
        Disconnected,
        "ProtocolMismatch",
        "{broker} does not speak Kafka's protocol; check the ports in spec.bootstrapServers",
    ),
    Row(
        _E._ALL_BROKERS_DOWN,
        None,
        Disconnected,
        "Unreachable",
        "no broker of {servers} can be reached; check spec.bootstrapServers and the network",
    ),
    Row(
        _E._TIMED_OUT,
        None,
        Disconnected,
        "NoAnswer",
        "the brokers at {servers} do not answer in time; check the network and the brokers",
    ),
    # TLS and login.
    Row(
        _E._SSL,
        "certificate verify failed",
        Disconnected,
        CERTIFICATE_REFUSED,
        "the certificate of {broker} is not trusted; check spec.net.tls.caCert",
    ),
    Row(
        _E._SSL,
        _REFUSED,
        Unauthorized,
        "ClientCertificateRefused",
        "{broker} refuses the client's certificate or misses one; check spec.net.tls.cert and key",
    ),
    Row(
        _E._SSL,
        None,
        Disconnected,
        "TlsFailed",
        "the TLS handshake with {broker} failed ({detail}); check spec.net.tls",
    ),
    Row(
        _E._AUTHENTICATION,
        "mechanism handshake failed|supported mechanisms",
        Unauthorized,
        "MechanismRefused",
        "{broker} does not offer a login with {mechanism}; check spec.net.sasl.type and the port",
    ),
    Row(
        _E._AUTHENTICATION,
        None,
        Unauthorized,
        "LoginFailed",
        "{broker} refuses the login; check user and password of spec.net.sasl, and its type"
        " ({mechanism})",
    ),
    Row(
        _E.SASL_AUTHENTICATION_FAILED,
        None,
        Unauthorized,
        "LoginFailed",
        "{servers} refuses the login; check user and password of spec.net.sasl, and its type"
        " ({mechanism})",
    ),
    Row(
        _E.UNSUPPORTED_SASL_MECHANISM,
        None,
        Unauthorized,
        "MechanismRefused",
        "{servers} does not offer a login with {mechanism}; check spec.net.sasl.type",
    ),
    # Topics.
    *(
        Row(
            code,
            None,
            Unavailable,
            "TopicNotFound",
            "topic {topic} does not exist on {servers}; create it or correct spec.topics",
        )
        for code in (_E.UNKNOWN_TOPIC_OR_PART, _E._UNKNOWN_TOPIC, _E._UNKNOWN_PARTITION)
    ),
    Row(
        _E.TOPIC_AUTHORIZATION_FAILED,
        None,
        Unauthorized,
        "TopicForbidden",
        "this user may not read topic {topic}; grant it Describe and Read, or change spec.net.sasl",
    ),
    Row(
        _E.TOPIC_EXCEPTION,
        None,
        Misconfigured,
        "TopicInvalid",
        "topic {topic} has a name that the brokers refuse; correct spec.topics",
    ),
    Row(
        _E.LEADER_NOT_AVAILABLE,
        None,
        Unavailable,
        "NoLeader",
        "topic {topic} has partitions without a leader; see to the brokers",
    ),
    # Groups.
    Row(
        _E.GROUP_AUTHORIZATION_FAILED,
        None,
        Unauthorized,
        "GroupForbidden",
        "this user may not use consumer group {group}; grant it Read, create the group, or change"
        " spec.consumerGroup",
    ),
    Row(
        _E.INVALID_GROUP_ID,
        None,
        Misconfigured,
        "GroupInvalid",
        "consumer group {group} has a name that the brokers refuse; correct spec.consumerGroup",
    ),
    Row(
        _E.INCONSISTENT_GROUP_PROTOCOL,
        None,
        Unavailable,
        "GroupInUse",
        "consumer group {group} has members of another kind, which share partitions in another"
        " way; stop them, or give spec.consumerGroup another name",
    ),
    Row(
        _E.GROUP_MAX_SIZE_REACHED,
        None,
        Unavailable,
        "GroupFull",
        "consumer group {group} has as many members as the brokers allow",
    ),
    *(
        Row(
            code,
            None,
            Unavailable,
            "NoCoordinator",
            "the brokers at {servers} have no coordinator for consumer group {group} at the moment",
        )
        for code in (
            _E.COORDINATOR_NOT_AVAILABLE,
            _E.NOT_COORDINATOR,
            _E.COORDINATOR_LOAD_IN_PROGRESS,
            _E._WAIT_COORD,
        )
    ),
    # Anything else that has to do with rights.
    Row(
        _E.CLUSTER_AUTHORIZATION_FAILED,
        None,
        Unauthorized,
        "Forbidden",
        "this user may not do what consuming needs ({detail}); grant it, or change spec.net.sasl",
    ),
)
