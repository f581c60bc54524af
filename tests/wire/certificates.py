"""Authorities and certificates of the TLS tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY = trustme.CA()
OTHER = trustme.CA()
"""Another authority."""
ISSUED = AUTHORITY.issue_cert("localhost", "127.0.0.1")
PEM = AUTHORITY.cert_pem.bytes().decode()


def serving(issued: trustme.LeafCert = ISSUED) -> ssl.SSLContext:
    """A server's context; it would rather speak HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def expired() -> trustme.LeafCert:
    """A certificate of long ago."""
    year = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    return AUTHORITY.issue_cert("127.0.0.1", not_before=year, not_after=year.replace(year=2002))


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate signed with it; return their paths."""
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


def client_files(folder: Path) -> tuple[Path, Path]:
    """Write a client's certificate and key; return their paths."""
    issued = AUTHORITY.issue_cert("me@tests.invalid")
    cert, key = folder / "client.pem", folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    return cert, key
