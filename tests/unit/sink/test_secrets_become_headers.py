"""`sinkAuth`: what is shown, what is refused, and that nothing of it is told to anybody else."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sink.posting import MemorySecrets, secret, sink_auth

from eventing_alibaba.contract.sinkauth import SinkAuth
from eventing_alibaba.contract.validation import Invalid, read
from eventing_alibaba.sink.auth import SecretHeaders
from eventing_alibaba.sink.identity import NoProofError

SECRET = "tOp-sEcrEt"
BEARER = {"token": secret("token")}
BASIC = {"username": secret("user"), "password": secret("password")}


def proof(values: dict[str, str], **fields: Any) -> SecretHeaders:
    return SecretHeaders(sink_auth(**fields), MemorySecrets(values))


def test_each_kind_of_secret_has_its_header() -> None:
    """Headers come as named, user and password as RFC 7617 says, a token as RFC 6750 says."""
    values = {"key": "k1", "user": "Jörg", "password": "a:b", "token": "t.o.k"}
    header = {"name": "X-Api-Key", "value": secret("key")}
    with_basic = proof(values, headers=[header], basic=BASIC).headers()
    assert with_basic == (
        ("X-Api-Key", "k1"),
        ("Authorization", "Basic " + base64.b64encode("Jörg:a:b".encode()).decode()),
    )
    assert proof(values, bearer=BEARER).headers() == (("Authorization", "Bearer t.o.k"),)


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"bearer": BEARER}, {"token": f"{SECRET}\r\nX-Evil: 1"}),
        ({"bearer": BEARER}, {"token": f"{SECRET} {SECRET}"}),
        ({"bearer": BEARER}, {"token": f"{SECRET}ü"}),
        ({"bearer": BEARER}, {"token": ""}),
        ({"basic": BASIC}, {"user": f"{SECRET}:x", "password": SECRET}),
        ({"basic": BASIC}, {"user": f"u\n{SECRET}", "password": SECRET}),
        ({"basic": BASIC}, {"user": SECRET, "password": f"{SECRET}\0"}),
        ({"headers": [{"name": "X", "value": secret("x")}]}, {"x": f"{SECRET}\r\nHost: evil"}),
        ({"headers": [{"name": "X", "value": secret("x")}]}, {"x": f"{SECRET}\n"}),
        ({"headers": [{"name": "X", "value": secret("x")}]}, {"x": f" {SECRET}"}),
    ],
)
def test_what_would_break_out_of_a_header_is_refused_and_not_shown(
    fields: dict[str, Any], values: dict[str, str]
) -> None:
    """A secret that would begin a header of its own is an error that names its field only."""
    broken = proof(values, **fields)
    with pytest.raises(NoProofError) as caught:
        broken.headers()
    assert str(caught.value).startswith("spec.sinkAuth.")
    assert SECRET not in f"{caught.value!r} {caught.value} {broken!r}"
    assert caught.value.__cause__ is None


@given(st.text(max_size=60))
def test_no_token_leaves_its_line(token: str) -> None:
    """Whatever a token is, it is either refused or stays visible ASCII on one line."""
    try:
        ((_, value),) = proof({"token": token}, bearer=BEARER).headers()
    except NoProofError:
        return
    assert value.isascii()
    assert value.isprintable()
    assert value == f"Bearer {token}"


def test_a_changed_secret_is_shown_at_the_next_look() -> None:
    """A rotated password needs no restart."""
    secrets = MemorySecrets({"token": "old"})
    headers = SecretHeaders(sink_auth(bearer=BEARER), secrets)
    assert headers.headers() == (("Authorization", "Bearer old"),)
    secrets.values["token"] = "new"
    assert headers.headers() == (("Authorization", "Bearer new"),)


def test_a_secret_that_is_gone_stays_as_it_was() -> None:
    """A missing or broken Secret stops nothing that was going, and is reported once, until well."""
    said: list[str] = []
    secrets = MemorySecrets({"token": "old"})
    headers = SecretHeaders(sink_auth(bearer=BEARER), secrets, report=said.append)
    headers.headers()
    for broken in ({}, {"token": f"{SECRET}\n"}):
        secrets.values = dict(broken)
        for _ in range(3):
            assert headers.headers() == (("Authorization", "Bearer old"),)
    assert len(said) == 2
    assert "spec.sinkAuth.bearer.token: there is no key `token`" in said[0]
    assert SECRET not in said[1]
    secrets.values = {"token": "new"}
    assert headers.headers() == (("Authorization", "Bearer new"),)
    secrets.values = {}
    headers.headers()
    assert len(said) == 3


def test_a_secret_that_never_was_shows_nothing() -> None:
    """Before the first reading there is nothing to stay with, and the sentence says what to do."""
    with pytest.raises(NoProofError, match=r"^spec.sinkAuth.basic.password: there is no key"):
        proof({"user": "u"}, basic=BASIC).headers()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "must have `headers`, `basic`, `bearer` or `clientCertificate`"),
        ({"headers": []}, "must have `headers`, `basic`, `bearer` or `clientCertificate`"),
        ({"basic": BASIC, "bearer": BEARER}, "`basic` and `bearer` both write the header"),
        (
            {"bearer": BEARER, "headers": [{"name": "AUTHORIZATION", "value": secret("x")}]},
            "`bearer` and `headers` both write the header Authorization",
        ),
        (
            {"headers": [{"name": n, "value": secret("x")} for n in ("X-Key", "x-key")]},
            "`headers` has `x-key` 2 times",
        ),
        ({"headers": [{"name": "ce-id", "value": secret("x")}]}, "written by the adapter itself"),
        ({"headers": [{"name": "Host", "value": secret("x")}]}, "written by the adapter itself"),
        ({"headers": [{"name": "a: b\r\nc", "value": secret("x")}]}, "no name of a header"),
        ({"bearer": {"token": SECRET}}, "say where the secret is"),
        ({"bearer": {}}, "bearer.token: is required"),
    ],
)
def test_what_cannot_be_shown_together_is_refused(fields: dict[str, Any], why: str) -> None:
    """A `sinkAuth` that contradicts itself is refused with a sentence, before anything runs."""
    with pytest.raises(Invalid) as caught:
        read(SinkAuth, fields, root="spec.sinkAuth")
    assert why in str(caught.value)
    assert SECRET not in str(caught.value)
