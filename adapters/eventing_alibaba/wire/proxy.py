"""Which proxy a request goes through, from the environment, as Go programs read it.

`HTTP_PROXY` is for `http` targets, `HTTPS_PROXY` for `https` ones, `NO_PROXY` excepts hosts; the
upper-case name wins over the lower-case one. `ALL_PROXY` is not read: Go does not, and it mostly
names a SOCKS proxy. Loopback is never proxied.

An `http` request names its target in absolute-form; for `https` the proxy is asked for a tunnel
(CONNECT) and sees nothing of what goes through it.
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from eventing_alibaba.wire.target import Target


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is reached over plain HTTP.

    Attributes:
        target: where it listens.
        authorization: value of `Proxy-Authorization`; None = it wants no credentials. Not shown.
    """

    target: Target
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, *, name: str = "the proxy's URL") -> Proxy:
        """Read a proxy's URL: `http://user:password@host:port`, `host:port`.

        Raises:
            ValueError: a sentence that starts with `name` and shows no credentials.
        """
        if "://" not in url:
            url = "http://" + url
        scheme, _, rest = url.partition("://")
        if scheme.lower() != "http":
            raise ValueError(
                f"{name} has the scheme {scheme!r}: only http:// proxies are supported"
            )
        end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        credentials, at, host = rest[:end].rpartition("@")
        try:
            target = Target.parse(f"http://{host}")
        except ValueError as error:
            raise ValueError(f"{name} is not usable: {error}") from None
        if not at:
            return cls(target)
        user, _, password = credentials.partition(":")
        pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        return cls(target, "Basic " + b64encode(pair).decode("ascii"))

    def absolute(self, target: Target, request: bytes) -> bytes:
        """Return `request`, written for `target` itself, in the form that a proxy wants."""
        method, _, rest = request.partition(b" ")
        if not rest.startswith(b"/"):
            return request
        line, _, rest = rest.partition(b"\r\n")
        origin, more = target.origin.encode("ascii"), self._credentials().encode("ascii")
        return b"%b %b%b\r\n%b%b" % (method, origin, line, more, rest)

    def connect(self, target: Target) -> bytes:
        """Return the request for a tunnel to `target`."""
        host = target.host.partition("%")[0]  # a zone names an interface of this machine
        where = f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}"
        head = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{self._credentials()}\r\n"
        return head.encode("ascii")

    def _credentials(self) -> str:
        if self.authorization is None:
            return ""
        return f"Proxy-Authorization: {self.authorization}\r\n"


def proxy_for(target: Target, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that `environ` wants for `target`, or None.

    Raises:
        ValueError: the variable does not hold the URL of a proxy that is supported; the sentence
            names it.
    """
    name, url = _variable(environ, f"{target.scheme.upper()}_PROXY")
    if not url or _direct(target, _variable(environ, "NO_PROXY")[1]):
        return None
    return Proxy.parse(url, name=name)


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    for known in (name, name.lower()):
        if value := environ.get(known, "").strip():
            return known, value
    return name, ""


def _direct(target: Target, no_proxy: str) -> bool:
    """Return whether `target` is excepted: the rules of Go's `golang.org/x/net/http/httpproxy`."""
    host = target.host.partition("%")[0].rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(
        _matches(entry, host, address, target.port)
        for entry in map(str.strip, no_proxy.lower().split(","))
        if entry
    )


def _matches(
    entry: str,
    host: str,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None,
    port: int,
) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted_port = _entry_port(entry)
    if wanted_port is not None and wanted_port != str(port):
        return False
    if not name:
        return False
    try:
        return address == ipaddress.ip_address(name)
    except ValueError:
        pass
    if address is not None:
        return False
    name = (name[1:] if name.startswith("*.") else name).rstrip(".")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)


def _entry_port(entry: str) -> tuple[str, str | None]:
    """Split `host:port`, `[v6]:port`, `[v6]`, a bare address or name."""
    if entry.startswith("["):
        inside, _, rest = entry[1:].partition("]")
        return inside, rest[1:] if rest.startswith(":") else None
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, None
