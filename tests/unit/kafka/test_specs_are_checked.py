"""What users may write, and what they are told when they may not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from tests.unit.kafka.driving import secret

from eventing_alibaba.contract.schema import structural
from eventing_alibaba.contract.validation import Invalid, read
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec, milliseconds


def spec(**fields: Any) -> AliKafkaSourceSpec:
    document = {"bootstrapServers": ["broker:9092"], "topics": ["orders"], **fields}
    return read(AliKafkaSourceSpec, document)


def test_defaults() -> None:
    """Latest, ordered, string keys, no login, no TLS."""
    found = spec()
    assert (found.initial_offset, found.ordering, found.key_type) == ("latest", "ordered", "string")
    assert not found.net.sasl.enable
    assert not found.net.tls.enable
    assert found.net.sasl.type == "PLAIN"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bootstrapServers": []}, "spec.bootstrapServers"),
        (
            {"bootstrapServers": ["broker"]},
            "spec.bootstrapServers[0]: 'broker' must be `host:port`",
        ),
        ({"bootstrapServers": ["a:1", "b:0"]}, "spec.bootstrapServers[1]: 'b:0'"),
        ({"bootstrapServers": ["a:65536"]}, "spec.bootstrapServers[0]"),
        ({"bootstrapServers": ["SSL://a:9092"]}, "spec.bootstrapServers[0]"),
        ({"bootstrapServers": ["a:9092\n"]}, "spec.bootstrapServers[0]"),
        ({"topics": []}, "spec.topics"),
        ({"topics": ["a", "b", "a"]}, "spec.topics: `a` stands here 2 times"),
        ({"topics": [".."]}, "spec.topics[0]: '..' is no name of a topic"),
        ({"topics": ["a b"]}, "spec.topics[0]: 'a b' is no name of a topic"),
        ({"topics": ["a" * 250]}, "spec.topics[0]"),
        ({"consumerGroup": ""}, "spec.consumerGroup"),
        ({"initialOffset": "now"}, "spec.initialOffset: 'now' must be `earliest`, `latest` or"),
        ({"initialOffset": "2026-02-30T00:00:00Z"}, "spec.initialOffset: '2026-02-30T00:00:00Z'"),
        ({"initialOffset": "2026-01-31T08:00:00"}, "spec.initialOffset"),
        ({"ordering": "random"}, "spec.ordering"),
        ({"keyType": "bytes"}, "spec.keyType"),
        ({"net": {"sasl": {"enable": True, "user": secret("u")}}}, "spec.net.sasl: `password`"),
        ({"net": {"sasl": {"enable": True, "password": secret("u")}}}, "spec.net.sasl: `user`"),
        ({"net": {"sasl": {"type": "GSSAPI"}}}, "spec.net.sasl.type"),
        ({"net": {"tls": {"cert": secret("c")}}}, "spec.net.tls: `key` must be given"),
        (
            {"topics": ["a", "b"], "delivery": {"deadLetterSink": {"kafka": {"topic": "b"}}}},
            "spec: `delivery.deadLetterSink.kafka.topic` is b, one of the source's own topics",
        ),
        ({"net": {"tls": {"key": secret("c")}}}, "spec.net.tls: `cert` must be given"),
    ],
)
def test_refusals_name_the_field(fields: dict[str, Any], words: str) -> None:
    """The field, the value, and what to write."""
    with pytest.raises(Invalid) as refusal:
        spec(**fields)
    assert any(sentence.startswith(words) for sentence in refusal.value.problems), refusal.value


@pytest.mark.parametrize(
    "server", ["a:1", "broker-1.example.com:65535", "10.0.0.1:9092", "[::1]:9092", "a_b:9092"]
)
def test_addresses_that_are_fine(server: str) -> None:
    """Names, addresses of both families."""
    assert spec(bootstrapServers=[server]).bootstrap_servers == [server]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1_500),
        ("1970-01-01T01:00:00.123456789+01:00", 123),
        ("1969-12-31T23:59:59Z", -1_000),
    ],
)
def test_times_are_rfc_3339(text: str, expected: int) -> None:
    """Any number of digits, either case, any offset."""
    assert spec(initialOffset=text).initial_offset == text
    assert milliseconds(text) == expected


def test_the_schema_is_structural() -> None:
    """What the API server checks by itself: patterns of addresses, topics and times."""
    found = structural(AliKafkaSourceSpec)["properties"]
    assert "pattern" in found["bootstrapServers"]["items"]
    assert "pattern" in found["topics"]["items"]
    assert "pattern" in found["initialOffset"]
    assert found["ordering"]["enum"] == ["ordered", "keyed", "unordered"]


def test_the_spec_needs_no_kafka_client() -> None:
    """The operator validates manifests where no client is installed."""
    code = (
        "import sys, eventing_alibaba.sources.kafka.spec\n"
        "sys.exit('confluent_kafka' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
