"""The token of the sink's audience: read anew, never sent when it is missing, old or another's."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sink.posting import Clock

from eventing_alibaba.sink.identity import NoProofError
from eventing_alibaba.sink.token import TokenFile

SINK = "https://orders.shop"


def jwt(**claims: Any) -> str:
    """A token as an API server issues it; its signature is not looked at here."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def shown(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the token is mounted."""
    return tmp_path / "token"


def test_a_token_is_shown_and_followed(path: Path) -> None:
    """The token is sent as bearer; one that was renewed in place is sent from the next look on."""
    proof = TokenFile(path, SINK, now=lambda: 1000)
    first, second = jwt(aud=[SINK], exp=2000), jwt(aud=[SINK], exp=3000)
    path.write_text(first + "\n")
    assert proof.headers() == shown(first)
    renewed = path.with_name("next")
    renewed.write_text(second)
    renewed.rename(path)
    assert proof.headers() == shown(second)


def test_an_unchanged_file_is_not_read_again(path: Path) -> None:
    """A look costs one `stat` while the file is the same one."""
    path.write_text(jwt(aud=SINK))
    proof = TokenFile(path, SINK)
    before = proof.headers()
    stat = path.stat()
    path.write_text(jwt(aud=SINK).swapcase())
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert proof.headers() is before


def test_an_expired_token_is_not_sent(path: Path) -> None:
    """A token that was not renewed is no longer shown, and the sentence says since when."""
    now = Clock()
    path.write_text(jwt(exp=1700000000))
    proof = TokenFile(path, now=now)
    now.now = 1699999999
    proof.headers()
    now.now = 1700000000
    with pytest.raises(NoProofError) as caught:
        proof.headers()
    assert str(caught.value) == (
        f"no OIDC token: {path} has expired at 2023-11-14T22:13:20Z and was not renewed"
    )
    path.write_text(jwt(exp=1800000000))
    assert proof.headers()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist; mount a token for the sink's audience"),
        ("", "is empty"),
        ("\n", "is empty"),
        ("se cret", "holds no token"),
        ("secret\r\nX-Evil: 1", "holds no token"),
        ("secret\0", "holds no token"),
        ("secret" * 20_000, "holds no token"),
        (jwt(aud=["https://other"], exp=9e9), f"is not for the audience {SINK}"),
        (jwt(aud="https://other"), f"is not for the audience {SINK}"),
        (jwt(exp=-1e300), "has expired at 1970-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_token_for_this_sink_is_not_sent(
    content: str | None, why: str, path: Path
) -> None:
    """A missing, broken or foreign token is named by its file and reason, and never shown."""
    if content is not None:
        path.write_text(content)
    proof = TokenFile(path, SINK)
    with pytest.raises(NoProofError) as caught:
        proof.headers()
    assert str(caught.value).startswith(f"no OIDC token: {path} {why}")
    assert not content or not content.strip() or content.strip() not in str(caught.value)


def test_a_token_that_is_taken_away_is_not_sent_any_more(path: Path) -> None:
    """What was read once does not outlive its file."""
    path.write_text(jwt(exp=9e9))
    proof = TokenFile(path)
    proof.headers()
    path.unlink()
    with pytest.raises(NoProofError, match="does not exist"):
        proof.headers()


def test_a_token_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A path that is a directory is an error with the system's reason."""
    with pytest.raises(NoProofError, match="cannot be read: Is a directory"):
        TokenFile(tmp_path).headers()


@pytest.mark.parametrize("token", ["opaque-token_1.2", "a.b.c", "x.bm90IGpzb24.y", "x.WzFd.y"])
def test_an_opaque_token_is_taken_as_it_is(token: str, path: Path) -> None:
    """A token that is no JWT says nothing of itself and is sent; only the sink can judge it."""
    path.write_text(token)
    assert TokenFile(path, SINK).headers() == shown(token)


def test_a_token_is_not_in_the_repr(path: Path) -> None:
    """What a log may show of the proof is its path."""
    path.write_text("secrettoken")
    proof = TokenFile(path)
    proof.headers()
    assert repr(proof) == f"<TokenFile {path}>"
    assert "secrettoken" not in repr(proof._read)
