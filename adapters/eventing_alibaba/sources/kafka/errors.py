"""What librdkafka reports becomes a reaction of the flow, and a sentence for the user.

Which, stands in the table of `causes`; here a row is found and its sentence filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Unauthorized,
)
from eventing_alibaba.sources.kafka.causes import TABLE

_BROKER: Final = re.compile(r"(?:^|\s)(?:\w+://)?([^\s/]+:\d+)(?:/\w+)?: ")
_BRACKETS: Final = re.compile(r" \(after \d+ms in state \w+[^)]*\)")


@dataclass(slots=True, frozen=True)
class Names:
    """What sentences name: the fields of the manifest that may be wrong, as they are now."""

    servers: str
    group: str
    mechanism: str = "PLAIN"


_E = KafkaError

PASSING: Final = frozenset(
    {
        _E.REBALANCE_IN_PROGRESS,
        _E.ILLEGAL_GENERATION,
        _E.UNKNOWN_MEMBER_ID,
        _E._ASSIGNMENT_LOST,
        _E._WAIT_COORD,
        _E.COORDINATOR_NOT_AVAILABLE,
        _E.COORDINATOR_LOAD_IN_PROGRESS,
        _E.NOT_COORDINATOR,
    }
)
"""What comes and goes with rebalances and moving coordinators, and needs nothing but time."""


def signal(error: KafkaError, names: Names, *, topic: str | None = None) -> SourceError:
    """Return what to raise or report for `error`; the sentence holds no secret.

    A code that the table does not know opens the session again (`Disconnected`).
    """
    code, text = error.code(), error.str() or ""
    broker = _BROKER.search(text)
    detail = _BRACKETS.sub("", text[broker.end() :] if broker else text)
    told = {
        "broker": broker[1] if broker else names.servers,
        "detail": detail.rstrip("."),
        "group": names.group,
        "mechanism": names.mechanism,
        "servers": names.servers,
        "topic": topic or "",
    }
    for row in TABLE:
        if row.code == code and (row.words is None or re.search(row.words, text)):
            return row.signal(row.sentence.format_map(told), reason=row.reason)
    return Disconnected(f"Kafka reports {error.name()}: {detail}", reason="KafkaError")


def broker_of(text: str) -> str | None:
    """Return the `host:port` that a text of librdkafka is about."""
    found = _BROKER.search(text)
    return found[1] if found else None


def refused_settings(error: KafkaError) -> SourceError:
    """Return what to raise when librdkafka takes no consumer of these settings.

    Certificates and keys come from Secrets, which can be mended without the manifest.
    """
    text = error.str() or ""
    for option, field in (
        ("ssl.ca", "spec.net.tls.caCert"),
        ("ssl.certificate", "spec.net.tls.cert"),
        ("ssl.key", "spec.net.tls.key"),
        ("private key", "spec.net.tls.key"),
    ):
        if option in text:
            return Unauthorized(f"{field}: is not what it should be, PEM text", reason="BadPem")
    if "sasl" in text.lower():
        return Unauthorized("spec.net.sasl: user and password must not be empty", reason="NoLogin")
    return Misconfigured(f"the Kafka client refuses its settings: {text}", reason="BadSettings")
