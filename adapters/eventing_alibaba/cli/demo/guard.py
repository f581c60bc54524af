"""Which requests the page's server answers: those of its own page, and of nobody else's.

The server listens on the loopback address, which keeps other machines out but not other web sites:
any page that is open in the same browser can send requests to it.

- A site whose name is made to lead to 127.0.0.1 (DNS rebinding) would be "the same origin" to the
  browser. The `Host` it sends gives it away: only names of this machine are answered.
- What changes something must come from a page of this server: `Origin` says where it comes from,
  and a browser always sends it with a POST. The body must be called JSON, which another site cannot
  do without asking first (a preflight, which nobody here answers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def refusal(method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Return status and sentence where a request must not be answered; None where it may. Pure.

    Names of `headers` are in lower case.
    """
    host = headers.get("host", "")
    if _hostname(host) not in _NAMES:
        return 421, f"this server is asked as 127.0.0.1 or localhost, not as {host[:100]!r}"
    if method in ("GET", "HEAD"):
        return None
    if method != "POST":
        return 405, f"{method[:20]} is not among GET, HEAD and POST"
    if headers.get("origin") != f"http://{host}":
        return 403, "the request does not come from this server's own page: its Origin differs"
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, "the body must be JSON, with Content-Type: application/json"
    return None


def _hostname(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return parts.hostname
