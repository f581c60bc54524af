"""Where a request goes: a URL, checked once and taken apart into what each request needs.

The parts end up in a request line, a `Host` header, a name lookup and a certificate check. Each of
these has been the way in for an attack on some client that was lenient here, so that everything is
refused that two readers could understand differently: credentials in front of the host, control
characters, blanks, backslashes, odd characters in the host.

A fragment is dropped, not refused: it addresses a place inside the answer and RFC 9110 (7.1) says
that it is never sent, so that nothing is lost by leaving it out.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

DEFAULT_PORTS = {"http": 80, "https": 443}

_SPLIT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
# A host where a scheme must be, the usual slip; shown only if no secret can be in it.
_HOST_FIRST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|\Z)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REFUSED = re.compile(r"[\x00-\x20\x7f\\]")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# What may stand in a path or query as it is (RFC 3986), with `%` because it is already an escape.
_UNQUOTED = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True, slots=True)
class Target:
    """A checked `http` or `https` URL.

    Attributes:
        scheme: `http` or `https`.
        host: a name in ASCII (IDNA for others) and lower case, or an address without brackets; an
            IPv6 address may carry a zone (`fe80::1%eth0`).
        port: 1 to 65535.
        path: origin-form: starts with `/`, holds the query, no fragment; ASCII.
        authority: value of the `Host` header: the port only where it is not the scheme's default.
    """

    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Take `url` apart.

        Raises:
            ValueError: a sentence that says what is wrong; it never repeats more of the URL than
                its scheme, host and port, because the rest may hold a secret.
        """
        if bad := _REFUSED.search(url):
            raise ValueError(
                f"the URL holds {bad.group()!r} at position {bad.start()}: blanks, control"
                " characters and backslashes are not allowed, escape them as %20 and the like"
            )
        parts = _SPLIT.fullmatch(url)
        if parts is None:
            got = f"; got {start[0]!r}" if (start := _HOST_FIRST.match(url)) else ""
            raise ValueError(f"the URL must start with http:// or https:// and name a host{got}")
        scheme, netloc, path = parts[1].lower(), parts[2], parts[3]
        if scheme not in DEFAULT_PORTS:
            raise ValueError(f"the URL's scheme is {scheme!r}: only http and https are spoken here")
        if "@" in netloc:
            raise ValueError(
                "the URL holds credentials in front of the host: give them apart, they would end"
                " up in logs"
            )
        host, port = _host_and_port(netloc, DEFAULT_PORTS[scheme])
        if _BAD_ESCAPE.search(path):
            raise ValueError(
                f"the path or query of the URL for {host} holds a % that starts no escape: write"
                " %25 for the sign itself"
            )
        if not path.startswith("/"):
            path = "/" + path
        shown = f"[{host.partition('%')[0]}]" if ":" in host else host
        authority = shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"
        return cls(scheme, host, port, quote(path, safe=_UNQUOTED), authority)

    @property
    def address(self) -> str:
        """`host:port`, as errors and logs show it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """`scheme://authority`, the beginning of a request target in absolute-form."""
        return f"{self.scheme}://{self.authority}"

    def __repr__(self) -> str:
        path, query, _ = self.path.partition("?")
        return f"<Target {self.origin}{path}{query and '?…'}>"


def _host_and_port(netloc: str, default: int) -> tuple[str, int]:
    """Return the checked host and port of `netloc`."""
    if netloc.startswith("["):
        inside, bracket, rest = netloc[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"the URL's host {netloc!r} has an unbalanced bracket")
        return _ipv6(inside), _port(rest[1:], default)
    name, _, port = netloc.partition(":")
    if ":" in port:
        raise ValueError(f"the URL's host {netloc!r} looks like IPv6: write it as [{netloc}]")
    if not name:
        raise ValueError("the URL names no host: write http://host/path")
    return _name(name), _port(port, default)


def _port(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError(f"the URL's port is {text!r}: it must be a number from 1 to 65535")
    return int(text)


def _ipv6(text: str) -> str:
    address, _, zone = text.replace("%25", "%", 1).partition("%")
    try:
        plain = str(ipaddress.IPv6Address(address))
    except ValueError:
        raise ValueError(f"the URL's host [{text}] is not an IPv6 address") from None
    if "%" in text and not _ZONE.fullmatch(zone):
        raise ValueError(f"the URL's host [{text}] has a zone that names no interface")
    return f"{plain}%{zone}" if zone else plain


def _name(text: str) -> str:
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"the URL's host {text!r} is not a name that DNS can hold") from None
    name = text.lower()
    # "127.1", "0x7f000001" and "2130706433" are addresses to some resolvers and names to others.
    last = name.rstrip(".").rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise ValueError(f"the URL's host {text!r} is not an IPv4 address a.b.c.d") from None
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"the URL's host {text!r} is not a host name: letters, digits, '-', '_' and single"
            " dots, at most 63 characters between two dots"
        )
    return name
