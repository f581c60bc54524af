"""Who may come in: the checks that each request passes before its operation is looked at."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Final

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.service.keys import Keyring
from eventing_alibaba.testing.emulators.mns.service.signature import (
    access_key_id,
    check,
    moment,
)
from eventing_alibaba.testing.http import Request

VERSION: Final = "2015-06-06"

_TOLERANCE: Final = 900
"""Seconds that a client's clock may be off."""


def admit(request: Request, keys: Keyring, *, now: int, region: str) -> None:
    """Check version, date, content digest, key, signature and token of a request.

    `now` is what the service's clock shows, in ms since the epoch. Raises ServiceError.
    """
    headers = request.headers
    version = headers.get("x-mns-version")
    if version is None:
        raise ServiceError("MissingVersionHeader")
    if version != VERSION:
        raise ServiceError("InvalidArgument", f"The value of x-mns-version should be {VERSION}.")
    date = headers.get("x-mns-date") or headers.get("date")
    if not date:
        raise ServiceError("MissingDateHeader")
    when = moment(date)
    key = keys.get(access_key_id(headers.get("authorization")))
    if abs(when.timestamp() - now / 1000) > _TOLERANCE:
        clock = datetime.fromtimestamp(now / 1000, UTC)
        text = f"The http request you sent is expired. Server time is {clock:%Y-%m-%dT%H:%M:%SZ}."
        raise ServiceError("TimeExpired", text)
    check(
        key.secret,
        request.method,
        request.target,
        headers,
        time=f"{when:%Y%m%dT%H%M%SZ}",
        region=region,
    )
    keys.admit(key, headers.get("security-token"), now)
    _check_digest(headers.get("content-md5"), request.body)


def _check_digest(given: str | None, body: bytes) -> None:
    """Check Content-MD5, where there is one: base64 of the digest, or of the digest's hex.

    RFC 1864 wants the first; the clients of three languages send the second.
    """
    if not given:
        return
    digest = hashlib.md5(body, usedforsecurity=False)
    accepted = (digest.digest(), digest.hexdigest().encode())
    if given.encode() not in [base64.b64encode(value) for value in accepted]:
        raise ServiceError("InvalidDegist")
