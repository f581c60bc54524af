"""Which proxy the environment asks for."""

from __future__ import annotations

import pytest

from eventing_alibaba.wire.proxy import Proxy, proxy_for
from eventing_alibaba.wire.target import Target

HTTP = Target.parse("http://sink.example.com/")
HTTPS = Target.parse("https://sink.example.com/")


def test_scheme_of_the_target_decides() -> None:
    """Each scheme has its variable, and without it there is no proxy."""
    environ = {"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}
    assert proxy_for(HTTP, environ) == Proxy(Target.parse("http://a:1"))
    assert proxy_for(HTTPS, environ) == Proxy(Target.parse("http://b:2"))
    assert proxy_for(HTTP, {"HTTPS_PROXY": "http://b:2"}) is None
    assert proxy_for(HTTP, {}) is None
    assert proxy_for(HTTP, {"ALL_PROXY": "socks5://c:3"}) is None


def test_lower_case_is_read_and_upper_case_wins() -> None:
    """Both ways of writing are known; an empty variable counts as absent."""
    assert proxy_for(HTTP, {"http_proxy": "a:1"}) == Proxy(Target.parse("http://a:1"))
    both = {"http_proxy": "a:1", "HTTP_PROXY": "b:2"}
    assert proxy_for(HTTP, both) == Proxy(Target.parse("http://b:2"))
    assert proxy_for(HTTP, {"http_proxy": "a:1", "HTTP_PROXY": " "}) is not None


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.3.2.1/", "http://[::1]:80/"])
def test_loopback_is_never_proxied(url: str) -> None:
    """A sidecar is reached directly, whatever the environment says."""
    assert proxy_for(Target.parse(url), {"HTTP_PROXY": "a:1"}) is None


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("http://sink.example.com/", "*", True),
        ("http://sink.example.com/", "example.com", True),
        ("http://sink.example.com/", "EXAMPLE.com", True),
        ("http://sink.example.com./", "example.com", True),
        ("http://sink.example.com/", "example.com.", True),
        ("http://example.com/", "example.com", True),
        ("http://sink.example.com/", ".example.com", True),
        ("http://example.com/", ".example.com", False),
        ("http://sink.example.com/", "*.example.com", True),
        ("http://example.com/", "*.example.com", False),
        ("http://badexample.com/", "example.com", False),
        ("http://sink.example.com/", "sink", False),
        ("http://sink.example.com/", "foo, ,sink.example.com", True),
        ("http://sink.example.com/", "sink.example.com:80", True),
        ("http://sink.example.com/", "sink.example.com:81", False),
        ("http://sink.example.com:81/", "example.com:81", True),
        ("http://10.1.2.3/", "10.0.0.0/8", True),
        ("http://11.1.2.3/", "10.0.0.0/8", False),
        ("http://10.1.2.3/", "10.1.2.3", True),
        ("http://10.1.2.3/", "10.1.2.3:80", True),
        ("http://10.1.2.3/", "10.1.2.3:81", False),
        ("http://10.1.2.3/", "1.2.3", False),
        ("http://10.1.2.3/", ".3", False),
        ("http://10.1.2.3/", "10.0.0.0/99", False),
        ("http://sink.example.com/", "10.0.0.0/8", False),
        ("http://[2001:db8::1]/", "2001:db8::/32", True),
        ("http://[2001:db8::1]/", "2001:db8:0::1", True),
        ("http://[2001:db8::1]/", "[2001:db8::1]", True),
        ("http://[2001:db8::1]/", "[2001:db8::1]:80", True),
        ("http://[2001:db8::1]/", "[2001:db8::1]:81", False),
        ("http://sink.example.com/", ":80", False),
        ("http://sink.example.com/", "", False),
    ],
)
def test_no_proxy_excepts_hosts(url: str, no_proxy: str, *, direct: bool) -> None:
    """Suffixes, networks, ports and the star mean what they mean to Go programs."""
    environ = {"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}
    assert (proxy_for(Target.parse(url), environ) is None) is direct


def test_credentials_are_taken_from_the_url_and_not_shown() -> None:
    """User and password go into the header, unescaped, and into no text."""
    proxy = proxy_for(HTTP, {"HTTP_PROXY": "http://me:p%40ss%0a@proxy:3128/x?y"})
    assert proxy is not None
    assert proxy.target.address == "proxy:3128"
    assert proxy.authorization == "Basic bWU6cEBzcwo="
    assert "bWU6" not in repr(proxy)
    assert "p@ss" not in repr(proxy)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("socks5://hunter2@proxy", "only http:// proxies"),
        ("https://proxy", "only http:// proxies"),
        ("http://me:hunter2@:1", "names no host"),
        ("http://me:hunter2@proxy:x", "port is 'x'"),
        ("http://me:hunter2@pro xy", "blanks"),
    ],
)
def test_unusable_proxy_is_told(url: str, why: str) -> None:
    """The sentence names the variable and keeps the credentials."""
    with pytest.raises(ValueError, match=r"https_proxy") as caught:
        proxy_for(HTTPS, {"https_proxy": url})
    assert why in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_request_is_rewritten_for_a_proxy() -> None:
    """A request in origin-form becomes one in absolute-form with credentials, body untouched."""
    proxy = Proxy.parse("me:pw@proxy:1")
    request = b"POST /a?b HTTP/1.1\r\nHost: sink\r\n\r\nPOST / HTTP/1.1\r\n"
    assert proxy.absolute(Target.parse("http://sink:81/"), request) == (
        b"POST http://sink:81/a?b HTTP/1.1\r\nProxy-Authorization: Basic bWU6cHc=\r\n"
        b"Host: sink\r\n\r\nPOST / HTTP/1.1\r\n"
    )
    absolute = b"POST http://sink/ HTTP/1.1\r\nHost: sink\r\n\r\n"
    assert Proxy.parse("proxy:1").absolute(HTTP, absolute) == absolute


def test_tunnel_is_asked_for_by_host_and_port() -> None:
    """CONNECT names host and port, without the zone that only this machine knows."""
    proxy = Proxy.parse("http://proxy:1")
    assert proxy.connect(HTTPS) == (
        b"CONNECT sink.example.com:443 HTTP/1.1\r\nHost: sink.example.com:443\r\n\r\n"
    )
    assert b"CONNECT [fe80::1]:443 " in proxy.connect(Target.parse("https://[fe80::1%25eth0]/"))
