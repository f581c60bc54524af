"""What each call says of who asks."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from tests.unit.rocketmq.made import context_of, spec_of

from eventing_alibaba.sources.rocketmq.login import LoginReader
from eventing_alibaba.sources.rocketmq.signing import Signer, client_id

_AUTH = {"username": {"value": "user"}, "password": {"value": "secret"}}


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def _signer(auth: object, clock: Clock, *, now: Clock | None = None) -> Signer:
    spec = spec_of(auth=auth)
    reader = LoginReader(spec.auth, context_of(spec).credentials, now=now or clock)
    return Signer(reader, "rmq-cn-abc", clock=clock)


def test_the_time_is_signed() -> None:
    """HMAC-SHA1 of the date with the password, beside the name and the namespace."""
    clock = Clock()
    clock.at = 1_700_000_000.9
    said = dict(_signer(_AUTH, clock).metadata())
    assert said["x-mq-date-time"] == "20231114T221320Z"
    signature = hmac.new(b"secret", b"20231114T221320Z", hashlib.sha1).hexdigest()
    assert said["authorization"] == (
        "MQv2-HMAC-SHA1 Credential=user, SignedHeaders=x-mq-date-time, Signature=" + signature
    )
    assert said["x-mq-namespace"] == "rmq-cn-abc"
    assert "x-mq-session-token" not in said


def test_it_is_signed_once_a_second() -> None:
    """Within a second the same is said, after it something new."""
    clock = Clock()
    signer = _signer(_AUTH, clock)
    first = signer.metadata()
    clock.at = 0.9
    assert signer.metadata() is first
    clock.at = 1.0
    assert dict(signer.metadata())["x-mq-date-time"] != dict(first)["x-mq-date-time"]


def test_nobody_in_particular_signs_nothing() -> None:
    """Without a login there is no authorization, but a client id."""
    said = dict(_signer({}, Clock()).metadata())
    assert "authorization" not in said
    assert said["x-mq-client-id"]


def test_a_security_token_goes_beside_the_signature() -> None:
    """A temporary key shows its token."""
    said = dict(_signer({**_AUTH, "securityToken": {"value": "tok"}}, Clock()).metadata())
    assert said["x-mq-session-token"] == "tok"


def test_a_rotated_password_is_used(tmp_path: Path) -> None:
    """Read anew after some seconds, or at once when it was refused; a gap changes nothing."""
    file = tmp_path / "password"
    file.write_text("old")
    clock, now = Clock(), Clock()
    signer = _signer(
        {"username": {"value": "user"}, "password": {"file": str(file)}}, clock, now=now
    )
    old = dict(signer.metadata())["authorization"]
    file.write_text("new")
    signer.refused()
    new = dict(signer.metadata())["authorization"]
    assert new != old
    file.unlink()
    clock.at, now.at = 0.5, 60.0
    signer.refused()
    assert dict(signer.metadata())["authorization"] == new


def test_two_clients_have_two_ids() -> None:
    """Also in one process, and so in two containers that are otherwise the same."""
    assert client_id() != client_id()
