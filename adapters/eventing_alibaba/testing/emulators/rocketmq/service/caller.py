"""Who asks: what a request's metadata says, and whether it may come in.

A request is signed with the header `authorization: MQv2-HMAC-SHA1 Credential=<id>,
SignedHeaders=x-mq-date-time, Signature=<hex>`, where the signature is the HMAC-SHA1 of the text of
`x-mq-date-time` alone. The
proxy looks at that text's meaning in no way, so neither does this.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.service.keys import Keyring

LANGUAGES: Final = frozenset(
    (
        "JAVA",
        "CPP",
        "DOTNET",
        "PYTHON",
        "DELPHI",
        "ERLANG",
        "RUBY",
        "OTHER",
        "HTTP",
        "GO",
        "PHP",
        "OMS",
        "RUST",
        "NODE_JS",
    )
)
"""The names that the proxy knows; any other one ends a telemetry stream."""

_AUTHORIZATION: Final = re.compile(
    r"MQv2-HMAC-SHA1\s+Credential=(?P<id>[^,/\s]+)[^,]*,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9A-Fa-f]+)\s*"
)


@dataclass(slots=True, frozen=True, kw_only=True)
class Caller:
    """A request's metadata.

    Attributes:
        client: the client's id.
        language, version: of the client, as it says.
        namespace: the instance that it means.
        key: id of the key it signed with, "" where it did not.
        peer: host of the client.
    """

    client: str
    language: str
    version: str
    namespace: str
    date: str
    authorization: str
    token: str
    peer: str

    @property
    def key(self) -> str:
        """The id of the key that the request is signed with, "" for none."""
        match = _AUTHORIZATION.fullmatch(self.authorization)
        return match["id"] if match else ""


def caller(metadata: Iterable[tuple[str, str | bytes]] | None, peer: str) -> Caller:
    """Return who asks."""
    said = {name: value for name, value in metadata or () if isinstance(value, str)}
    return Caller(
        client=said.get("x-mq-client-id", ""),
        language=said.get("x-mq-language", ""),
        version=said.get("x-mq-client-version", ""),
        namespace=said.get("x-mq-namespace", ""),
        date=said.get("x-mq-date-time", ""),
        authorization=said.get("authorization", ""),
        token=said.get("x-mq-session-token", ""),
        peer=peer,
    )


def admit(who: Caller, keys: Keyring, *, now: int) -> None:
    """Raise ServiceError (UNAUTHORIZED) for a signature that is missing or wrong."""
    if not who.authorization:
        raise ServiceError("UNAUTHORIZED", "authorization is null.")
    match = _AUTHORIZATION.fullmatch(who.authorization)
    if match is None or "x-mq-date-time" not in match["headers"].lower().split(";"):
        raise ServiceError("UNAUTHORIZED", "authorization header is incorrect.")
    key = keys.get(match["id"])
    wanted = hmac.new(key.secret.encode(), who.date.encode(), "sha1").hexdigest()
    if not who.date or not hmac.compare_digest(wanted, match["signature"].lower()):
        raise ServiceError("UNAUTHORIZED", "check signature failed.")
    if key.token is not None and key.token != who.token:
        raise ServiceError("UNAUTHORIZED", "the session token is missing or wrong.")
    if key.expires is not None and key.expires <= now:
        raise ServiceError("UNAUTHORIZED", "the session token has expired.")
