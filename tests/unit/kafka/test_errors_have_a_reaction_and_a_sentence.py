"""The table of librdkafka's errors, with texts as real brokers bring them about."""

from __future__ import annotations

import re

import pytest
from confluent_kafka import KafkaError

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.kafka.causes import TABLE, Row
from eventing_alibaba.sources.kafka.errors import Names, broker_of, refused_settings, signal

NAMES = Names(servers="a:9092, b:9092", group="shop", mechanism="SCRAM-SHA-256")
E = KafkaError


CONNECT = (
    "sasl_ssl://a:9093/bootstrap: Connect to ipv4#10.0.0.1:9093 failed: Connection refused"
    " (after 0ms in state CONNECT)"
)
CLOSED = (
    "a:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 36ms in"
    " state APIVERSION_QUERY)"
)
BROKEN = "GroupCoordinator: a:9092: Send failed: Broken pipe (after 1ms in state UP)"
RESOLVE = (
    "nowhere:9092/bootstrap: Failed to resolve 'nowhere:9092': Name or service not known (after"
    " 1ms in state CONNECT)"
)
LOGIN = (
    "sasl_plaintext://a:9094/bootstrap: SASL authentication error: Authentication failed: Invalid"
    " username or password (after 315ms in state AUTH_REQ)"
)
ALERT = (
    "ssl://a:9093/bootstrap: SSL handshake failed: error:0A000412:SSL routines::sslv3 alert bad"
    " certificate: SSL alert number 42 (after 9ms in state SSL_HANDSHAKE)"
)
NO_TLS = (
    "ssl://a:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer"
    " (after 4ms in state SSL_HANDSHAKE)"
)
REFUSED = (
    "ssl://a:9093/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad"
    " certificate: SSL alert number 42 (after 8ms in state APIVERSION_QUERY)"
)
REACHED = "a:9093 cannot be reached (Connect to ipv4#10.0.0.1:9093 failed: Connection refused);"


@pytest.mark.parametrize(
    ("code", "text", "kind", "reason", "words"),
    [
        (E._TRANSPORT, CONNECT, Disconnected, "Unreachable", REACHED),
        (E._TRANSPORT, NO_TLS, Disconnected, "TlsMismatch", "a:9092 does not speak TLS; set"),
        (E._TRANSPORT, REFUSED, Unauthorized, "ClientCertificateRefused", "spec.net.tls.cert"),
        (E._TRANSPORT, CLOSED, Disconnected, "ProtocolMismatch", "a:9092 closes the connection"),
        (E._TRANSPORT, BROKEN, Disconnected, "ConnectionClosed", "spec.net.sasl"),
        (E._RESOLVE, RESOLVE, Disconnected, "HostNotFound", "the name of nowhere:9092 cannot be"),
        (E._AUTHENTICATION, LOGIN, Unauthorized, "LoginFailed", "a:9094 refuses the login; check"),
        (E._SSL, ALERT, Unauthorized, "ClientCertificateRefused", "spec.net.tls.cert"),
        (E._ALL_BROKERS_DOWN, "", Disconnected, "Unreachable", "no broker of a:9092, b:9092 can"),
        (E.UNKNOWN_TOPIC_OR_PART, "", Unavailable, "TopicNotFound", "topic orders does not exist"),
        (E.TOPIC_EXCEPTION, "", Misconfigured, "TopicInvalid", "correct spec.topics"),
        (E.NOT_COORDINATOR, "", Unavailable, "NoCoordinator", "consumer group shop"),
    ],
)
def test_causes_are_told_apart(
    code: int, text: str, kind: type[SourceError], reason: str, words: str
) -> None:
    """The class is the reaction, the reason a word for conditions, the sentence for people."""
    error = signal(KafkaError(code, text), NAMES, topic="orders")
    assert (type(error), error.reason) == (kind, reason)
    assert words in str(error)


def test_an_unknown_code_opens_again() -> None:
    """Whatever librdkafka may think of, the flow has a reaction, and people see its words."""
    error = signal(KafkaError(E.OFFSET_METADATA_TOO_LARGE, "too large"), NAMES)
    assert isinstance(error, Disconnected)
    assert str(error) == "Kafka reports OFFSET_METADATA_TOO_LARGE: too large"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.reason}-{row.code}")
def test_every_row_can_be_said(row: Row) -> None:
    """No sentence has a name in braces that nobody fills; reasons are CamelCase words."""
    # What the words of a row match stands in them, but for what only a pattern can say.
    text = (row.words or "").replace("(Disconnected|Send failed|Receive failed).*", "Disconnected ")
    sentence = str(signal(KafkaError(row.code, text), NAMES, topic="orders"))
    assert "{" not in sentence
    assert re.fullmatch(r"([A-Z][a-z]+)+", row.reason)


def test_only_what_nothing_outside_can_cure_ends_the_process() -> None:
    """Names of topics and groups that brokers refuse; everything else is tried again for ever."""
    assert {row.code for row in TABLE if row.signal is Misconfigured} == {
        E.TOPIC_EXCEPTION,
        E.INVALID_GROUP_ID,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssl://broker-1.example.com:9093/2: Disconnected", "broker-1.example.com:9093"),
        ("[::1]:9092/bootstrap: Connect failed", "[::1]:9092"),
        ("GroupCoordinator: a:9092: Connect failed", "a:9092"),
        ("2/2 brokers are down", None),
    ],
)
def test_the_broker_is_found_in_the_text(text: str, expected: str | None) -> None:
    """So that people know where to look."""
    assert broker_of(text) == expected


def test_refused_settings_show_no_content() -> None:
    """OpenSSL's words about a PEM text are replaced by the field's name."""
    error = refused_settings(KafkaError(E._INVALID_ARG, "ssl.key.pem failed: secret stuff"))
    assert isinstance(error, Unauthorized)
    assert str(error).startswith("spec.net.tls.key")
    assert "stuff" not in str(error)
