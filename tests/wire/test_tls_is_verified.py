"""TLS: whom the client believes, and what it says when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from tests.wire.certificates import (
    AUTHORITY,
    ISSUED,
    OTHER,
    PEM,
    client_files,
    expired,
    self_signed,
    serving,
)
from tests.wire.client import Results, post
from tests.wire.scripted import OK, PATIENCE, Peer, Script, Scripted, serve_ok

from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.resolve import Address, Resolver
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsOptions, explain

Pools = Callable[..., Pool]


async def test_given_authority_is_believed(pools: Pools) -> None:
    """With the CA as PEM text, requests go through, and the connection is kept."""
    async with Scripted(serve_ok, tls=serving()) as server:
        pool = pools(server.target, tls=TlsOptions(system=False, ca_pem=PEM))
        results = Results(pool)
        for _ in range(3):
            assert (await results.answer()).status == 200
        assert pool.opened == 1


async def test_intermediate_authority_is_an_anchor(pools: Pools) -> None:
    """Who gives an intermediate certificate as an authority believes it, as in Go."""
    child = OTHER.create_child_ca()
    async with Scripted(serve_ok, tls=serving(child.issue_cert("127.0.0.1"))) as server:
        options = TlsOptions(system=False, ca_pem=child.cert_pem.bytes().decode())
        assert (await Results(pools(server.target, tls=options)).answer()).status == 200


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
    key, cert = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with Scripted(serve_ok, tls=context) as server:
        error = await Results(pools(server.target, tls=TlsOptions(system=False))).error()
        assert "is self-signed" in error.text
        pool = pools(server.target, tls=TlsOptions(system=False, ca_files=(str(cert),)))
        assert (await Results(pool).answer()).status == 200


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
    cert, key = client_files(tmp_path)
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


async def _nothing(peer: Peer) -> None:
    del peer
