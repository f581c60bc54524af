"""Which URLs are taken, and what is made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.wire.target import Target


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path", "authority"),
    [
        ("http://sink", "http", "sink", 80, "/", "sink"),
        ("HTTP://Sink.NS.svc/", "http", "sink.ns.svc", 80, "/", "sink.ns.svc"),
        ("https://sink/a/b?c=d&e", "https", "sink", 443, "/a/b?c=d&e", "sink"),
        ("http://sink:80/", "http", "sink", 80, "/", "sink"),
        ("http://sink:443/", "http", "sink", 443, "/", "sink:443"),
        ("https://sink:8443?x=1", "https", "sink", 8443, "/?x=1", "sink:8443"),
        ("http://sink:/x", "http", "sink", 80, "/x", "sink"),
        ("http://sink/x#part", "http", "sink", 80, "/x", "sink"),
        ("http://sink#part", "http", "sink", 80, "/", "sink"),
        ("http://sink?#", "http", "sink", 80, "/?", "sink"),
        ("http://sink.ns.svc.cluster.local./", "http", "sink.ns.svc.cluster.local.", 80, "/",
         "sink.ns.svc.cluster.local."),
        ("http://under_score/", "http", "under_score", 80, "/", "under_score"),
        ("http://127.0.0.1:8080/", "http", "127.0.0.1", 8080, "/", "127.0.0.1:8080"),
        ("http://[::1]/", "http", "::1", 80, "/", "[::1]"),
        ("http://[2001:DB8:0::1]:8080/", "http", "2001:db8::1", 8080, "/", "[2001:db8::1]:8080"),
        ("http://[fe80::1%25eth0]:81/", "http", "fe80::1%eth0", 81, "/", "[fe80::1]:81"),
        ("http://bücher.example/ü?ö=ä", "http", "xn--bcher-kva.example", 80,
         "/%C3%BC?%C3%B6=%C3%A4", "xn--bcher-kva.example"),
        ("http://sink/a%2Fb%20c", "http", "sink", 80, "/a%2Fb%20c", "sink"),
        ('http://sink/"<>', "http", "sink", 80, "/%22%3C%3E", "sink"),
        ("http://sink//a/../b", "http", "sink", 80, "//a/../b", "sink"),
    ],
)  # fmt: skip
def test_url_is_taken_apart(
    url: str, scheme: str, host: str, port: int, path: str, authority: str
) -> None:
    """Defaults are filled in, names are lowered, other characters are escaped, paths are kept."""
    assert Target.parse(url) == Target(scheme, host, port, path, authority)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "must start with http:// or https://"),
        ("sink:8080", "must start with http:// or https:// and name a host; got 'sink:8080'"),
        ("sink:8080/?key=hunter2", "and name a host; got 'sink:8080'"),
        ("me:hunter2", "and name a host"),
        ("me:hunter2@sink", "and name a host"),
        ("//sink/", "must start with http:// or https://"),
        ("ftp://sink/", "only http and https"),
        ("http+unix://x/", "only http and https"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://:80/", "names no host"),
        ("http://user:hunter2@sink/", "holds credentials"),
        ("http://hunter2@sink/", "holds credentials"),
        ("http://sink:0/", "port is '0'"),
        ("http://sink:65536/", "port is '65536'"),
        ("http://sink:http/", "port is 'http'"),
        ("http://sink:-1/", "port is '-1'"),
        ("http://sink:８０/", "port is"),
        ("http://sink:000080/", "port is"),
        ("http://::1/", "write it as [::1]"),
        ("http://[::1/", "unbalanced bracket"),
        ("http://[::1]80/", "unbalanced bracket"),
        ("http://[::g]/", "not an IPv6 address"),
        ("http://[127.0.0.1]/", "not an IPv6 address"),
        ("http://[fe80::1%]/", "names no interface"),
        ("http://[fe80::1%a b]/", "blanks"),
        ("http://[fe80::1%a/b]/", "unbalanced bracket"),
        ("http://a b/", "holds ' ' at position 8"),
        ("http://sink/\r\nX: y", "holds '\\r' at position 12"),
        ("http://sink/\n", "holds '\\n'"),
        ("http://sink/\x00", "holds '\\x00'"),
        ("http://sink\t/", "holds '\\t'"),
        ("http://sink\\@evil/", "backslashes"),
        ("http://a..b/", "not a host name"),
        ("http://.a/", "not a host name"),
        ("http://-a/", "not a host name"),
        ("http://a-/", "not a host name"),
        ("http://a%41/", "not a host name"),
        ("http://a,b/", "not a host name"),
        ("http://" + "a" * 64 + "/", "not a host name"),
        ("http://" + "a." * 130 + "/", "not a host name"),
        ("http://127.1/", "not an IPv4 address"),
        ("http://2130706433/", "not an IPv4 address"),
        ("http://0x7f000001/", "not an IPv4 address"),
        ("http://0177.0.0.1/", "not an IPv4 address"),
        ("http://256.0.0.1/", "not an IPv4 address"),
        ("http://" + "ü" * 70 + "/", "not a name that DNS can hold"),
        ("http://sink/%zz", "starts no escape"),
        ("http://sink/?a=%", "starts no escape"),
    ],
)
def test_url_is_refused_with_a_reason(url: str, why: str) -> None:
    """What two readers could understand differently is refused in a sentence without secrets."""
    with pytest.raises(ValueError) as caught:
        Target.parse(url)
    assert why in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_in_a_query_are_not_shown() -> None:
    """Function triggers carry keys in their query: `repr` leaves it out."""
    target = Target.parse("https://sink:8443/run?code=hunter2")
    assert repr(target) == "<Target https://sink:8443/run?…>"
    assert repr(Target.parse("http://sink/run")) == "<Target http://sink/run>"
    assert (target.address, target.origin) == ("sink:8443", "https://sink:8443")
    assert Target.parse("http://[::1]/").address == "[::1]:80"


@given(st.text(max_size=60))
def test_nothing_dangerous_gets_through(text: str) -> None:
    """Whatever is put into a URL, the parts fit into a request line and a header."""
    for url in (text, f"http://{text}", f"http://sink/{text}", f"http://sink:80{text}"):
        try:
            target = Target.parse(url)
        except ValueError:
            continue
        assert target.path.startswith("/")
        for part in (target.path, target.authority):
            assert part.isascii()
            assert all(0x20 < ord(c) < 0x7F for c in part)
        assert not set(target.authority) & set("@/?#\\")
        assert Target.parse(f"{target.origin}{target.path}").path == target.path
