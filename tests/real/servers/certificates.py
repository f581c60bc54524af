"""A certificate authority of one test run, and the files that servers and clients read.

Kafka reads PEM key stores, but only with a PKCS #8 key, and wants key and chain in one file;
librdkafka wants them in two. Both kinds are written, so no test converts anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

SERVER_NAMES = ("localhost", "127.0.0.1", "::1")
CLIENT_NAME = "client"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. What ends in `_store` holds key and chain together."""

    authority: Path
    """Certificate of the authority that has signed the others."""
    server_store: Path
    """Of a server at `localhost` and 127.0.0.1."""
    server_certificate: Path
    server_key: Path
    client_store: Path
    """Of a client whose common name is `client`."""
    client_certificate: Path
    client_key: Path
    stranger: Path
    """Certificate of another authority, which has signed nothing here: for refusals."""


def issue(folder: Path) -> Certificates:
    """Write a fresh authority, a server's and a client's certificate below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    written = Certificates(
        authority=folder / "authority.pem",
        server_store=folder / "server-store.pem",
        server_certificate=folder / "server.pem",
        server_key=folder / "server-key.pem",
        client_store=folder / "client-store.pem",
        client_certificate=folder / "client.pem",
        client_key=folder / "client-key.pem",
        stranger=folder / "stranger.pem",
    )
    authority.cert_pem.write_to_path(written.authority)
    trustme.CA().cert_pem.write_to_path(written.stranger)
    server = authority.issue_cert(*SERVER_NAMES)
    client = authority.issue_cert(f"{CLIENT_NAME}@tests.invalid", common_name=CLIENT_NAME)
    _write(server, written.server_store, written.server_certificate, written.server_key)
    _write(client, written.client_store, written.client_certificate, written.client_key)
    return written


def _write(issued: trustme.LeafCert, store: Path, certificate: Path, key: Path) -> None:
    loaded = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    pkcs8 = loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    for path, content in ((store, pkcs8 + chain), (certificate, chain), (key, pkcs8)):
        path.write_bytes(content)
        path.chmod(0o600)
