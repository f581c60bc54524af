"""The OIDC token of `K_AUDIENCE`: a file that the kubelet renews in place.

The file is read again when it is another one (time, size or number), and the look at it costs one
`stat`. What is in it is not verified, that is the sink's part; but a token that says itself that it
has expired, or that it is for somebody else, is not sent: the first would be refused, and the
second, in the hands of this sink, would let it in elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from eventing_alibaba.sink.identity import Headers, NoProofError

MOST_BYTES: Final = 65536
"""No header that long is taken by any server."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750, 2.1, and the dots of a JWT


@dataclass(slots=True, frozen=True, repr=False)
class _Read:
    """What was in the file: the header, and when the token expires; None = it does not say."""

    signature: tuple[int, int, int]
    headers: Headers
    expires: float | None


class TokenFile:
    """A `Proof`: the token in `path`, for `audience`. `now` gives seconds since the epoch."""

    def __init__(
        self, path: Path, audience: str | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._audience = audience
        self._now = now
        self._read: _Read | None = None

    def headers(self) -> Headers:
        """See `Proof`."""
        try:
            stat = self._path.stat()
            signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._read is None or self._read.signature != signature:
                self._read = None
                self._read = self._parse(signature)
        except FileNotFoundError:
            raise self._refusal("does not exist; mount a token for the sink's audience") from None
        except OSError as error:
            raise self._refusal(f"cannot be read: {error.strerror}") from None
        expires = self._read.expires
        if expires is not None and self._now() >= expires:
            when = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise self._refusal(f"has expired at {when} and was not renewed")
        return self._read.headers

    def close(self) -> None:
        """Forget the token."""
        self._read = None

    def _parse(self, signature: tuple[int, int, int]) -> _Read:
        with self._path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        token = data.decode("latin-1").strip()
        if not token:
            raise self._refusal("is empty")
        if len(data) > MOST_BYTES or not _TOKEN.fullmatch(token):
            raise self._refusal("holds no token")
        claims = _claims(token)
        self._check_audience(claims.get("aud"))
        expires = claims.get("exp")
        return _Read(
            signature,
            (("Authorization", f"Bearer {token}"),),
            max(0.0, float(expires)) if isinstance(expires, int | float) else None,
        )

    def _check_audience(self, said: object) -> None:
        if self._audience is None or said is None:
            return
        if self._audience not in (said if isinstance(said, list) else [said]):
            raise self._refusal(f"is not for the audience {self._audience}; it is not sent there")

    def _refusal(self, why: str) -> NoProofError:
        return NoProofError(f"no OIDC token: {self._path} {why}")

    def __repr__(self) -> str:
        return f"<TokenFile {self._path}>"


def _claims(token: str) -> Mapping[str, Any]:
    """Return what a JWT says of itself; nothing where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    body = parts[1]
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
