"""Signatures of requests, version 1 (`MNS`) and version 4 (`MNS4-HMAC-SHA256`).

Version 1 covers the target exactly as it stands on the wire, so a client and the service need not
agree on escaping. Version 4 covers a canonical form: path and query are decoded and encoded again
in one fixed way, query names are in lower case, and the string that is signed contains the
canonical request itself where other services of this family put its hash.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError

V4: Final = "MNS4-HMAC-SHA256"
PRODUCT: Final = "mns"
ENDING: Final = "aliyun_v4_request"

_OWN: Final = "x-mns-"
_SIGNED: Final = frozenset({"content-type", "content-md5"})


def sign_v1(secret: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    """Return the signature of a request, in base64; header names are in lower case."""
    own = sorted((name, value) for name, value in headers.items() if name.startswith(_OWN))
    lines = [
        method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        headers.get("date") or headers.get("x-mns-date", ""),
        *(f"{name}:{value}" for name, value in own),
        target,
    ]
    digest = hmac.digest(secret.encode(), "\n".join(lines).encode("latin-1"), "sha1")
    return base64.b64encode(digest).decode()


def sign_v4(
    secret: str, method: str, target: str, headers: Mapping[str, str], *, time: str, region: str
) -> str:
    """Return the signature of a request, in hex; `time` is like `20250603T105235Z`."""
    scope = f"{time[:8]}/{region}/{PRODUCT}/{ENDING}"
    text = f"{V4}\n{time}\n{scope}\n{canonical(method, target, headers)}"
    key = _signing_key(secret, time[:8], region)
    return hmac.digest(key, text.encode(), "sha256").hex()


def canonical(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Return what version 4 signs of a request."""
    path, _, query = target.partition("?")
    items = []
    for item in query.split("&") if query else ():
        name, _, value = item.partition("=")
        name, value = quote(unquote(name).lower(), safe="~"), quote(unquote(value), safe="~")
        items.append(f"{name}={value}" if value else name)
    signed = sorted(
        f"{name.lower()}:{value}"
        for name, value in headers.items()
        if name.lower() in _SIGNED or name.lower().startswith(_OWN)
    )
    lines = [method, quote(unquote(path), safe="/~"), "&".join(sorted(items)), *signed, "", ""]
    return "\n".join(lines)


def check(
    secret: str, method: str, target: str, headers: Mapping[str, str], *, time: str, region: str
) -> None:
    """Check the signature in a request's Authorization, of whichever version.

    Raises ServiceError.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith(V4):
        given_day, given_region, signature = _parts_v4(authorization)[1:]
        wanted = sign_v4(secret, method, target, headers, time=time, region=region)
        if (given_day, given_region) != (time[:8], region):
            text = f"The credential scope should be {time[:8]}/{region}/{PRODUCT}/{ENDING}."
            raise ServiceError("SignatureDoesNotMatch", text)
    else:
        signature = _parts_v1(authorization)[1]
        wanted = sign_v1(secret, method, target, headers)
    if not hmac.compare_digest(signature.encode(), wanted.encode()):
        raise ServiceError("SignatureDoesNotMatch")


def access_key_id(authorization: str | None) -> str:
    """Return whose signature it is. Raises ServiceError."""
    if not authorization:
        raise ServiceError("MissingAuthorizationHeader")
    return (_parts_v4 if authorization.startswith(V4) else _parts_v1)(authorization)[0]


@lru_cache(maxsize=256)
def moment(date: str) -> datetime:
    """Return the time in a Date header. Raises ServiceError where it is none in GMT."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        raise ServiceError("InvalidDateHeader") from None
    if not date.endswith(("GMT", "+0000")):
        raise ServiceError("InvalidDateHeader")
    return found.astimezone(UTC)


def _parts_v1(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    id_, colon, signature = rest.strip().rpartition(":")
    if scheme != "MNS" or not colon or not id_:
        raise ServiceError("InvalidAuthorizationHeader")
    return id_, signature


def _parts_v4(authorization: str) -> tuple[str, str, str, str]:
    items = (item.partition("=") for item in authorization.removeprefix(V4).split(","))
    fields = {name.strip(): value.strip() for name, _, value in items}
    scope = fields.get("Credential", "").split("/")
    signature = fields.get("Signature", "")
    if len(scope) != 5 or scope[3:] != [PRODUCT, ENDING] or not signature:
        raise ServiceError("InvalidAuthorizationHeader")
    return scope[0], scope[1], scope[2], signature


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"aliyun_v4{secret}".encode()
    for part in (day, region, PRODUCT, ENDING):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
