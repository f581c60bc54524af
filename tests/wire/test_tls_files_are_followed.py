"""TLS files: which are read, what is said about bad ones, and rotation under a running process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.wire.certificates import AUTHORITY, OTHER, PEM, client_files, serving
from tests.wire.client import Clock, Results
from tests.wire.scripted import Scripted, serve_ok

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.tls import TlsContext, TlsOptions, build

Pools = Callable[..., Pool]


def test_directory_of_authorities_is_read(tmp_path: Path) -> None:
    """Every visible file of a trust bundle's directory counts, a missing directory is empty."""
    bundle = tmp_path / "bundle"
    options = TlsOptions(system=False, ca_directories=(str(bundle),))
    assert build(options).get_ca_certs() == []
    bundle.mkdir()
    (bundle / "..data").mkdir()
    (bundle / ".hidden").write_text("nonsense")
    AUTHORITY.cert_pem.write_to_path(bundle / "a.pem")
    OTHER.cert_pem.write_to_path(bundle / "b")
    assert len(build(options).get_ca_certs()) == 2


def test_comments_in_a_bundle_are_harmless(tmp_path: Path) -> None:
    """Text of any language may stand between certificates."""
    (tmp_path / "ca.pem").write_text("# Büro\n" + PEM, encoding="utf-8")
    options = TlsOptions(
        system=False, ca_pem="# 证书\n" + PEM, ca_files=(str(tmp_path / "ca.pem"),)
    )
    assert len(build(options).get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ca_pem": "nonsense"}, "the given CA text holds no valid PEM certificate"),
        ({"ca_files": ("none",)}, "none cannot be read: No such file"),
        ({"ca_files": ("bad",)}, "bad holds no valid PEM certificate"),
        ({"ca_directories": ("bad",)}, "bad cannot be read: Not a directory"),
        ({"cert_file": "none"}, "none cannot be read"),
        ({"cert_file": "bad"}, "are not both valid PEM"),
        ({"cert_file": "client.pem", "key_file": "locked.key"}, "locked.key is encrypted"),
        ({"cert_file": "client.pem", "key_file": "other.key"}, "do not belong together"),
    ],
)
def test_unusable_file_is_named(
    options: dict[str, Any], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be used is named with what is wrong, and no prompt asks for a password."""
    monkeypatch.chdir(tmp_path)
    Path("bad").write_text("nonsense")
    client_files(tmp_path)
    other = AUTHORITY.issue_cert("x").private_key_pem.bytes()
    Path("other.key").write_bytes(other)
    locked = serialization.load_pem_private_key(other, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    Path("locked.key").write_bytes(locked)
    with pytest.raises(ValueError) as caught:
        build(TlsOptions(**options))
    assert why in str(caught.value)


async def test_missing_file_fails_requests_until_it_is_there(
    pools: Pools, tmp_path: Path, clock: Clock
) -> None:
    """A secret that is mounted late costs requests and no restart."""
    path = tmp_path / "ca.pem"
    async with Scripted(serve_ok, tls=serving()) as server:
        tls = TlsContext(TlsOptions(system=False, ca_files=(str(path),)), clock=clock)
        pool = pools(server.target, tls=tls)
        error = await Results(pool).error()
        assert (error.kind, error.sent) == ("tls", False)
        assert f"the CA file {path} cannot be read" in error.text
        AUTHORITY.cert_pem.write_to_path(path)
        assert (await Results(pool).answer()).status == 200


def test_changed_files_make_a_new_context(tmp_path: Path, clock: Clock) -> None:
    """A rotated file is seen by the next connection, at most a second later."""
    path = tmp_path / "ca.pem"
    OTHER.cert_pem.write_to_path(path)
    tls = TlsContext(TlsOptions(system=False, ca_files=(str(path),)), clock=clock)
    first = tls.get()
    clock.now += 1
    assert tls.get() is first
    AUTHORITY.cert_pem.write_to_path(path)
    clock.now += 0.9
    assert tls.get() is first
    clock.now += 0.1
    second = tls.get()
    assert second is not first
    assert second.get_ca_certs() != first.get_ca_certs()


def test_changes_are_seen_in_directories_and_behind_links(tmp_path: Path, clock: Clock) -> None:
    """Kubernetes swaps a link to a directory of files: that is a change like any other."""
    for name, authority in (("v1", OTHER), ("v2", AUTHORITY)):
        (tmp_path / name).mkdir()
        authority.cert_pem.write_to_path(tmp_path / name / "ca.pem")
        os.utime(tmp_path / name / "ca.pem", (1, 1))
    bundle = tmp_path / "bundle"
    bundle.symlink_to(tmp_path / "v1")
    tls = TlsContext(TlsOptions(system=False, ca_directories=(str(bundle),)), clock=clock)
    first = tls.get()
    bundle.unlink()
    bundle.symlink_to(tmp_path / "v2")
    clock.now += 1
    second = tls.get()
    assert second.get_ca_certs() != first.get_ca_certs()
    shutil.copy(tmp_path / "v1" / "ca.pem", tmp_path / "v2" / "more.pem")
    clock.now += 1
    assert len(tls.get().get_ca_certs()) == 2


def test_broken_new_file_keeps_the_old_context(tmp_path: Path, clock: Clock) -> None:
    """Half a rotation changes nothing, is reported once, and the other half completes it."""
    said: list[str] = []
    cert, key = client_files(tmp_path)
    options = TlsOptions(system=False, cert_file=str(cert), key_file=str(key))
    tls = TlsContext(options, clock=clock, report=said.append)
    first = tls.get()
    (tmp_path / "new").mkdir()
    new_cert, new_key = client_files(tmp_path / "new")
    shutil.copy(new_cert, cert)
    for _ in range(3):
        clock.now += 1
        assert tls.get() is first
    (sentence,) = said
    assert "the old ones stay" in sentence
    assert "do not belong together" in sentence
    shutil.copy(new_key, key)
    clock.now += 1
    assert tls.get() is not first
    clock.now += 1
    shutil.copy(tmp_path / "new" / "client.pem", key)
    tls.get()
    assert len(said) == 2


async def test_rotated_authority_serves_new_connections(
    pools: Pools, tmp_path: Path, clock: Clock
) -> None:
    """After a rotation new connections verify with the new file; open ones go on."""
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    async with Scripted(serve_ok, tls=serving()) as server:
        tls = TlsContext(TlsOptions(system=False, ca_files=(str(path),)), clock=clock)
        pool = pools(server.target, tls=tls, clock=clock, max_age=100)
        await Results(pool).answer()
        OTHER.cert_pem.write_to_path(path)
        clock.now += 10
        await Results(pool).answer()
        clock.now += 121
        error = await Results(pool).error()
        assert error.kind == "tls"
