"""Codes of the service and trouble on the way become what the flow and people need."""

from __future__ import annotations

import pytest

from eventing_alibaba.contract.errors import (
    Disconnected,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.mns.errors import KEYS, TABLE, Names, Refused, signal
from eventing_alibaba.sources.mns.exchange import refusal
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

_NAMES = Names("mns.example.com:443", "orders", "cn-hangzhou")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("QueueNotExist", Unavailable, "no queue orders at mns.example.com:443"),
        ("QueueDeletedRecently", Unavailable, "was deleted a moment ago"),
        ("AccessDenied", Unauthorized, "another account"),
        ("InvalidAccessKeyId", Unauthorized, "spec.auth.accessKeyId"),
        ("SignatureDoesNotMatch", Unauthorized, "and spec.region (cn-hangzhou)"),
        ("SecurityTokenExpired", Unauthorized, "spec.auth.securityToken"),
        ("InvalidSecurityToken.Expired", Unauthorized, "spec.auth.securityToken"),
        ("TimeExpired", Unauthorized, "15 minutes"),
        ("RequestTimeExpired", Unauthorized, "the clock of this machine"),
        ("InternalError", Disconnected, "asked again"),
        ("QpsLimitExceeded", Throttled, "slowed down"),
        ("SomethingNew", Unavailable, "SomethingNew: the service's words"),
    ],
)
def test_each_code_has_its_reaction(code: str, kind: type[SourceError], words: str) -> None:
    """The class decides what the flow does, the sentence names what to do for people."""
    error = signal(Refused(400, code, "the service's words"), _NAMES)
    assert type(error) is kind
    assert words in str(error)
    assert error.reason.isalnum()


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (502, Disconnected, "ServerError"),
        (404, Unavailable, "NotMns"),
        (200, Disconnected, "CutAnswer"),
    ],
)
def test_an_answer_that_is_none_of_mns_is_told(
    status: int, kind: type[SourceError], reason: str
) -> None:
    """A gateway's page, or another server altogether."""
    error = signal(refusal(Answer(status, (), b"<html>x", complete=status != 200)), _NAMES)
    assert type(error) is kind
    assert error.reason == reason


@pytest.mark.parametrize("kind", ["connect", "dns", "tls", "closed", "answer_timeout", "cut"])
def test_trouble_on_the_way_is_a_disconnection(kind: str) -> None:
    """What the wire says is told; where the endpoint may be wrong, the field is named."""
    error = signal(WireError(kind, "a sentence", sent=False), _NAMES)  # type: ignore[arg-type]
    assert type(error) is Disconnected
    assert str(error).startswith("a sentence")
    assert ("spec.endpoint" in str(error)) == (kind in {"connect", "dns", "tls"})


def test_every_sentence_can_be_filled_in() -> None:
    """Each row of the table makes a sentence without a gap, on one line."""
    for code in TABLE:
        text = str(signal(Refused(400, code), _NAMES))
        assert "{" not in text
        assert "\n" not in text


def test_codes_of_keys_ask_for_credentials() -> None:
    """Each code that another key may cure is one for which people look at the key."""
    for code in KEYS:
        assert type(signal(Refused(403, code), _NAMES)) is Unauthorized


def test_what_the_service_says_is_read() -> None:
    """Code, words and request id come out of the answer."""
    answer = Answer(
        404,
        [(b"x-mns-request-id", b"5F29")],
        b"<Error><Code>QueueNotExist</Code><Message>m</Message><HostId>h</HostId></Error>",
    )
    found = refusal(answer)
    assert (found.status, found.code, found.text, found.request) == (
        404,
        "QueueNotExist",
        "m",
        "5F29",
    )
