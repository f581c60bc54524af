r"""Building the head of a request, so that no value can break out of its line.

A header value that holds CR LF starts a new header, and two of them start the body: whoever
controls an attribute of a message could then write requests of his own. So whatever goes into a
head passes `check_name` and `check_value`, which refuse; they never strip or replace, because a
credential that lost a character fails far from its cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from eventing_alibaba.wire.target import Target

FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "trailer"}
)
"""Headers that only this package writes: they say where a message ends and what follows it."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Everything but HTAB, printable ASCII and obs-text (RFC 9110, 5.5).
_BAD_VALUE = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")
_BAD_PATH = re.compile(r"[^\x21-\x7e]")


def check_name(name: str) -> bytes:
    """Return `name` as it goes on the wire.

    Raises:
        ValueError: it is empty or holds a character that no header name may hold.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a header name: letters, digits and !#$%&'*+-.^_`|~ are allowed"
        )
    return name.encode("ascii")


def check_value(value: str | bytes, *, name: str = "") -> bytes:
    """Return `value` as it goes on the wire: text as UTF-8, bytes as they are.

    Raises:
        ValueError: it holds a control character, or starts or ends with a blank. The sentence
            names the header but never shows the value, which may be a credential.
    """
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
    of = f"the value of header {name!r}" if name else "a header value"
    if bad := _BAD_VALUE.search(raw):
        raise ValueError(
            f"{of} holds the control character 0x{raw[bad.start()]:02x} at position"
            f" {bad.start()} of {len(raw)}: take it out (a file often ends with a line break)"
        )
    if raw != raw.strip(b" \t"):
        raise ValueError(f"{of} starts or ends with a blank: take it out")
    return raw


def head(
    method: str,
    target: Target,
    headers: Iterable[tuple[str, str | bytes]],
    length: int | None,
    *,
    path: str | None = None,
) -> bytes:
    """Return the head of a request, with its empty line.

    `Host` and, unless `length` is None, `Content-Length` are written here. `path` (origin-form,
    already escaped) replaces the target's. Methods whose answers are framed differently, HEAD and
    CONNECT, cannot be asked by this client.

    Raises:
        ValueError: a name, value, method or path that would not stay in its place, or a header that
            only this package may write.
    """
    if not _TOKEN.fullmatch(method) or method in {"HEAD", "CONNECT"}:
        raise ValueError(f"the method {method!r} cannot be sent")
    where = target.path if path is None else path
    if not where.startswith("/") or _BAD_PATH.search(where):
        raise ValueError("the path of a request must start with / and hold visible ASCII only")
    lines = [
        f"{method} {where} HTTP/1.1\r\nHost: {target.authority}\r\n".encode("ascii"),
    ]
    for name, value in headers:
        if name.lower() in FRAMING:
            raise ValueError(f"the header {name!r} is written by the client and cannot be given")
        lines.append(b"%b: %b\r\n" % (check_name(name), check_value(value, name=name)))
    if length is not None:
        if length < 0:
            raise ValueError(f"the length of a body cannot be {length}")
        lines.append(b"Content-Length: %d\r\n" % length)
    lines.append(b"\r\n")
    return b"".join(lines)
