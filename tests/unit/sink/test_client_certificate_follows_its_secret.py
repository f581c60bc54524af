"""The client certificate of `sinkAuth` in the TLS handshake, before and after a rotation."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from tests.unit.sink.posting import Clock, MemorySecrets, post, secret, sink_auth
from tests.wire.scripted import Peer, Scripted

from eventing_alibaba.sink.certificate import SecretCertificate
from eventing_alibaba.sink.identity import Identity, NoProofError
from eventing_alibaba.sink.post import Sink, SinkOptions
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.tls import TlsContext, TlsOptions

AUTHORITY = trustme.CA()
SERVER = AUTHORITY.issue_cert("127.0.0.1")
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def pair(name: str) -> dict[str, str]:
    """A certificate for `name` and its key, as a Secret has them."""
    issued = AUTHORITY.issue_cert(common_name=name)
    certificates = "".join(blob.bytes().decode() for blob in issued.cert_chain_pems)
    return {"tls.crt": certificates, "tls.key": issued.private_key_pem.bytes().decode()}


def proof(secrets: MemorySecrets, **options: Any) -> SecretCertificate:
    wanted = sink_auth(clientCertificate={"cert": secret("tls.crt"), "key": secret("tls.key")})
    assert wanted.client_certificate is not None
    return SecretCertificate(wanted.client_certificate, secrets, **options)


def asking() -> ssl.SSLContext:
    """A server's context that asks for a certificate of the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SERVER.configure_cert(context)
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_rotated_certificate_is_shown_to_the_next_connection() -> None:
    """The sink sees the certificate of the Secret; after a rotation the new one; no restart."""
    seen: list[str] = []

    async def script(peer: Peer) -> None:
        told = peer._writer.get_extra_info("ssl_object").getpeercert()
        seen.extend(value for entry in told["subject"] for key, value in entry if "common" in key)
        await peer.answer(CLOSING)
        await peer.end()

    clock, secrets = Clock(), MemorySecrets(pair("first"))
    certificate = proof(secrets)
    options = TlsOptions(
        system=False, ca_pem=AUTHORITY.cert_pem.bytes().decode(), cert_file=certificate.path
    )
    async with Scripted(script, tls=asking()) as server:
        pool = Pool(server.target, limit=1, tls=TlsContext(options, clock=clock))
        sink = Sink(pool, SinkOptions(), Identity([certificate], clock=clock))
        for values in (secrets.values, pair("second"), {}, pair("third")):
            secrets.values = values
            clock.now += 1
            assert isinstance(await post(sink), Answer)
        await sink.close()
    assert seen == ["first", "second", "second", "third"]


async def test_without_a_certificate_nothing_is_sent() -> None:
    """A Secret that is not there yet leaves events with the broker, and says what is missing."""
    clock, secrets = Clock(), MemorySecrets()
    certificate = proof(secrets)
    async with Scripted(_nobody, tls=asking()) as server:
        pool = Pool(server.target, limit=1, tls=TlsOptions(cert_file=certificate.path))
        sink = Sink(pool, SinkOptions(), Identity([certificate], clock=clock))
        result = await post(sink)
        await sink.close()
        assert not server.peers
    assert isinstance(result, WireError)
    assert str(result) == "spec.sinkAuth.clientCertificate.cert: there is no key `tls.crt`"


async def _nobody(peer: Peer) -> None:
    await peer.end()


def locked(values: dict[str, str]) -> dict[str, str]:
    """The same pair, its key encrypted."""
    key = serialization.load_pem_private_key(values["tls.key"].encode(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    return values | {"tls.key": encrypted.decode()}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (pair("a") | {"tls.key": pair("b")["tls.key"]}, "do not belong together"),
        (pair("a") | {"tls.key": "nonsense"}, "are not both valid PEM"),
        ({"tls.crt": "", "tls.key": ""}, "are not both valid PEM"),
        (locked(pair("a")), "key: is encrypted; give one that is not"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused_and_not_shown(
    values: dict[str, str], why: str
) -> None:
    """What OpenSSL would not take is told as a sentence, and the pair in use stays untouched."""
    secrets, said = MemorySecrets(values), list[str]()
    certificate = proof(secrets, report=said.append)
    with pytest.raises(NoProofError) as caught:
        certificate.headers()
    assert str(caught.value).startswith("spec.sinkAuth.clientCertificate")
    assert why in str(caught.value)
    assert "PRIVATE KEY-----\n" not in f"{caught.value} {certificate!r}"
    secrets.values = pair("good")
    assert certificate.headers() == ()
    good = Path(certificate.path).read_bytes()
    secrets.values = values
    for _ in range(2):
        certificate.headers()
    assert Path(certificate.path).read_bytes() == good
    (sentence,) = said
    assert why in sentence
    certificate.close()


def test_nothing_of_the_old_pair_is_left_behind() -> None:
    """After a rotation the file holds the new pair and not a byte of a longer old one."""
    old, new = pair("old"), pair("new")
    secrets = MemorySecrets(old | {"tls.crt": "# long\n" * 100 + old["tls.crt"]})
    certificate = proof(secrets)
    certificate.headers()
    secrets.values = new
    certificate.headers()
    assert Path(certificate.path).read_text() == f"{new['tls.crt']}\n{new['tls.key']}\n"
    certificate.close()


def test_the_key_is_in_memory_or_in_a_private_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can read the key, and it is gone when the sink is closed."""
    monkeypatch.delattr(os, "memfd_create")
    certificate = proof(MemorySecrets(pair("a")))
    certificate.headers()
    path = Path(certificate.path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in path.read_text()
    certificate.close()
    certificate.close()
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this platform has no memory files")
def test_the_key_never_touches_a_disk() -> None:
    """Where the platform can, the file has no name in any directory and ends with its closing."""
    certificate = proof(MemorySecrets(pair("a")))
    certificate.headers()
    assert "memfd:" in str(Path(certificate.path).readlink())
    certificate.close()
    assert not Path(certificate.path).exists()
