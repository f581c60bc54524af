r"""How a request proves who sent it: the two signatures of MNS. Pure.

Version 1 is an HMAC-SHA1 over the request line as it goes on the wire and a few headers; version 4
an HMAC-SHA256 over a canonical form, with a key that is good for one day and one region only:

    MNS <key id>:<base64>
    MNS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/mns/aliyun_v4_request,Signature=<hex>

In version 4 the canonical request itself is signed, not its hash, and the header lines end with an
empty line. The security token of temporary credentials is in neither.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

_PREFIX: Final = "x-mns-"
_V4_HEADERS: Final = frozenset({"content-type", "content-md5"})
_ALGORITHM: Final = "MNS4-HMAC-SHA256"
_SCHEME: Final = "aliyun_v4"
_TERMINATOR: Final = "aliyun_v4_request"
_PRODUCT: Final = "mns"


def escape(text: str) -> str:
    """Return a text as it stands in a query: all but RFC 3986's unreserved characters escaped."""
    return quote(text, safe="")


def v1(
    key_id: str, secret: str, *, method: str, resource: str, headers: Mapping[str, str], date: str
) -> str:
    """Return the value of `Authorization`.

    `resource` is path and query exactly as on the wire, `date` the text of the `Date` header.
    """
    own = {name.lower(): value for name, value in headers.items()}
    lines = [method, own.get("content-md5", ""), own.get("content-type", ""), date]
    lines += [f"{name}:{own[name]}" for name in sorted(own) if name.startswith(_PREFIX)]
    lines.append(resource)
    digest = hmac.digest(secret.encode(), "\n".join(lines).encode(), hashlib.sha1)
    return f"MNS {key_id}:{base64.b64encode(digest).decode()}"


def v4(
    key_id: str,
    secret: str,
    *,
    method: str,
    path: str,
    query: Iterable[tuple[str, str | None]],
    headers: Mapping[str, str],
    moment: float,
    region: str,
) -> str:
    """Return the value of `Authorization`.

    `path` and `query` are not escaped yet; `moment`, in seconds since the epoch, is that of the
    `Date` header.
    """
    instant = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    day = instant[:8]
    pairs = sorted(
        escape(name.lower()) + ("" if value is None or value == "" else f"={escape(value)}")
        for name, value in query
    )
    signed = sorted(
        (name.lower(), value)
        for name, value in headers.items()
        if name.lower().startswith(_PREFIX) or name.lower() in _V4_HEADERS
    )
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
    scope = f"{day}/{region}/{_PRODUCT}/{_TERMINATOR}"
    request = f"{method}\n{quote(path, safe='/')}\n{'&'.join(pairs)}\n{lines}\n"
    text = f"{_ALGORITHM}\n{instant}\n{scope}\n{request}"
    key = (_SCHEME + secret).encode()
    for part in (day, region, _PRODUCT, _TERMINATOR):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    signature = hmac.digest(key, text.encode(), hashlib.sha256).hex()
    return f"{_ALGORITHM} Credential={key_id}/{scope},Signature={signature}"
