"""TLS: whom the client believes, what it says when it does not, and rotation of files."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.wire.client import Clock, Results, post
from tests.wire.scripted import OK, PATIENCE, Peer, Script, Scripted, serve_ok

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.resolve import Address, Resolver
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsContext, TlsOptions, build, explain

Pools = Callable[..., Pool]

AUTHORITY = trustme.CA()
OTHER = trustme.CA()
ISSUED = AUTHORITY.issue_cert("localhost", "127.0.0.1")
PEM = AUTHORITY.cert_pem.bytes().decode()


def serving(issued: trustme.LeafCert = ISSUED) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def expired() -> trustme.LeafCert:
    year = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    return AUTHORITY.issue_cert("127.0.0.1", not_before=year, not_after=year.replace(year=2002))


async def test_given_authority_is_believed(pools: Pools) -> None:
    """With the CA as PEM text, requests go through, and the connection is kept."""
    async with Scripted(serve_ok, tls=serving()) as server:
        pool = pools(server.target, tls=TlsOptions(system=False, ca_pem=PEM))
        results = Results(pool)
        for _ in range(3):
            assert (await results.answer()).status == 200
        assert pool.opened == 1


async def test_name_is_checked_and_sent(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is verified against the certificate, without the dot that ends it in DNS."""
    seen: list[str | None] = []
    context = serving()
    context.sni_callback = lambda _sock, name, _context: seen.append(name)
    async with Scripted(serve_ok, tls=context) as server:

        async def lookup(_: object) -> list[Address]:
            return [(socket.AF_INET, ("127.0.0.1", server.port))]

        monkeypatch.setattr(Resolver, "lookup", lookup)
        target = Target.parse(f"https://localhost.:{server.port}/")
        pool = pools(target, tls=TlsOptions(system=False, ca_pem=PEM))
        assert (await Results(pool).answer()).status == 200
    assert seen == ["localhost"]


async def test_http_1_1_is_agreed_on(pools: Pools) -> None:
    """Where a server prefers HTTP/2, it is told that HTTP/1.1 is spoken."""
    agreed: list[str | None] = []

    async def script(peer: Peer) -> None:
        agreed.append(peer._writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await serve_ok(peer)

    async with Scripted(script, tls=serving()) as server:
        await Results(pools(server.target, tls=TlsOptions(ca_pem=PEM))).answer()
    assert agreed == ["http/1.1"]


@pytest.mark.parametrize(
    ("issued", "ca", "url", "why"),
    [
        (ISSUED, OTHER, "https://127.0.0.1:{}/",
         "was issued by an authority that is not known here: give its CA certificate"),
        (OTHER.issue_cert("example.com"), OTHER, "https://localhost:{}/",
         "is for another host name"),
        (OTHER.issue_cert("localhost"), OTHER, "https://127.0.0.1:{}/",
         "is for another address: add the address to it, or use the name that it holds"),
        (expired(), AUTHORITY, "https://127.0.0.1:{}/", "has expired"),
    ],
    ids=["unknown-authority", "other-name", "other-address", "expired"],
)  # fmt: skip
async def test_distrust_is_told_apart(
    pools: Pools, issued: trustme.LeafCert, ca: trustme.CA, url: str, why: str
) -> None:
    """Each reason not to believe a certificate has its own sentence."""
    async with Scripted(_nothing, tls=serving(issued)) as server:
        options = TlsOptions(system=False, ca_pem=ca.cert_pem.bytes().decode())
        target = Target.parse(url.format(server.port))
        error = await Results(pools(target, tls=options)).error()
        assert (error.kind, error.sent) == ("tls", False)
        assert error.text == f"the certificate of {target.address} {why}"


async def test_self_signed_certificate_is_told_apart(pools: Pools, tmp_path: Path) -> None:
    """A self-signed certificate is named as such, and given as an authority it is believed."""
    key, cert = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with Scripted(serve_ok, tls=context) as server:
        error = await Results(pools(server.target, tls=TlsOptions(system=False))).error()
        assert "is self-signed" in error.text
        pool = pools(server.target, tls=TlsOptions(system=False, ca_files=(str(cert),)))
        assert (await Results(pool).answer()).status == 200


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sink")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"


def refusing(context: ssl.SSLContext) -> Script:
    """A script: do a handshake that fails, and let the client read why.

    The loops' own servers close without the alert that any other server sends.
    """

    async def script(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        refused = False
        while not refused:
            incoming.write(await peer.read(1))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                refused = True
            await peer.write(outgoing.read())
        await peer.end()

    return script


async def test_old_tls_is_refused(pools: Pools) -> None:
    """A server that speaks at most TLS 1.1 is not spoken to, and told so."""
    context = serving()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with Scripted(refusing(context)) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target, tls=TlsOptions(ca_pem=PEM))).error()
        assert (error.kind, error.text) == (
            "tls",
            f"{target.address} speaks only TLS versions older than 1.2",
        )


async def test_plain_server_is_recognized(pools: Pools) -> None:
    """Https to a server that speaks plain HTTP names the likely cause."""

    async def plain(peer: Peer) -> None:
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.end()

    async with Scripted(plain) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target)).error()
        assert error.kind == "tls"
        assert error.text == (f"{target.address} does not speak TLS: is it http instead of https?")


async def test_server_that_breaks_off_the_handshake(pools: Pools) -> None:
    """A connection that ends in the handshake is a TLS matter, not a riddle."""

    async def slam(peer: Peer) -> None:
        await peer.read(5)
        peer.reset()

    async with Scripted(slam) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target)).error()
        assert (error.kind, error.text) == (
            "tls",
            f"{target.address} broke off the TLS handshake",
        )


async def test_failed_handshakes_leave_no_socket(pools: Pools) -> None:
    """After a certificate was refused, the connection is closed on this side."""
    context = serving(OTHER.issue_cert("127.0.0.1"))

    async def script(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while data := await peer.some():
            incoming.write(data)
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            await peer.write(outgoing.read())
        peer.ended.set()

    async with Scripted(script) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target, tls=TlsOptions(system=False, ca_pem=PEM))).error()
        assert "not known here" in error.text
        async with asyncio.timeout(PATIENCE):
            await server.peers[0].ended.wait()


async def test_handshake_that_hangs_times_out(pools: Pools) -> None:
    """The connect timeout covers the handshake."""

    async def hang(peer: Peer) -> None:
        await peer.end()

    async with Scripted(hang) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target, connect_timeout=0.05)).error()
        assert (error.kind, error.text) == (
            "connect_timeout",
            f"the TLS handshake with {target.address} took longer than 0.05 s",
        )


def asking_for_a_certificate() -> ssl.SSLContext:
    context = serving()
    context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(context)
    return context


async def test_client_certificate_is_shown(pools: Pools, tmp_path: Path) -> None:
    """A server that wants a client certificate gets it."""
    cert, key = _client_files(tmp_path)
    async with Scripted(serve_ok, tls=asking_for_a_certificate()) as server:
        options = TlsOptions(ca_pem=PEM, cert_file=str(cert), key_file=str(key))
        assert (await Results(pools(server.target, tls=options)).answer()).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_missing_client_certificate_is_told(pools: Pools, version: ssl.TLSVersion) -> None:
    """In TLS 1.3 the refusal comes after the handshake, and is understood there, too."""
    context = asking_for_a_certificate()
    context.maximum_version = version
    async with Scripted(refusing(context)) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        error = await Results(pools(target, tls=TlsOptions(ca_pem=PEM))).error()
        assert error.kind == "tls"
        assert "client certificate" in error.text
        assert target.address in error.text


async def test_large_request_passes_over_tls(pools: Pools) -> None:
    """A request of many records arrives whole, and its connection is kept."""
    async with Scripted(serve_ok, tls=serving()) as server:
        pool = pools(server.target, tls=TlsOptions(ca_pem=PEM))
        results = Results(pool)
        body = os.urandom(3_000_000)
        await results.answer(request=post(body))
        await results.answer()
        assert server.peers[0].requests == [post(body), post()]
        assert pool.opened == 1


def _client_files(folder: Path) -> tuple[Path, Path]:
    issued = AUTHORITY.issue_cert("me@tests.invalid")
    cert, key = folder / "client.pem", folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    return cert, key


def test_rare_trouble_is_told_in_openssl_words() -> None:
    """What has no sentence here is passed on as OpenSSL names it."""
    error = ssl.SSLError(1, "x")
    error.reason = "BAD_WEATHER"
    assert explain(error, "sink:443") == "TLS with sink:443 failed: bad_weather"
    rare = ssl.SSLCertVerificationError(1, "x")
    rare.verify_code, rare.verify_message = 99, "odd"
    assert explain(rare, "sink:443") == ("the certificate of sink:443 cannot be verified: odd")


async def test_peer_that_says_no_goodbye_does_not_hold_up_closing(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing a pool waits for TLS peers a moment, and then goes without them."""
    monkeypatch.setattr("eventing_alibaba.wire.pool.SHUTDOWN_SECONDS", 0.01)
    context = serving()

    async def rude(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        asked = False
        while not asked:
            incoming.write(await peer.some())
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                asked = bool(tls.read())
                tls.write(OK)
            await peer.write(outgoing.read())
        await asyncio.Event().wait()

    async with Scripted(rude) as server:
        target = Target.parse(f"https://127.0.0.1:{server.port}/")
        pool = pools(target, tls=TlsOptions(ca_pem=PEM))
        await Results(pool).answer()
        await pool.close()
        assert "idle=0" in repr(pool)


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
    _client_files(tmp_path)
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
    cert, key = _client_files(tmp_path)
    options = TlsOptions(system=False, cert_file=str(cert), key_file=str(key))
    tls = TlsContext(options, clock=clock, report=said.append)
    first = tls.get()
    (tmp_path / "new").mkdir()
    new_cert, new_key = _client_files(tmp_path / "new")
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


async def _nothing(peer: Peer) -> None:
    del peer
