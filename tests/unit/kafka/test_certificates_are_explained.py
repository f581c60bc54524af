"""Why a broker's certificate is refused, by the codes of OpenSSL."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from eventing_alibaba.sources.kafka.handshake import refusal

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@contextlib.asynccontextmanager
async def server(certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """A TLS server that shows `certificate`; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    started = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    try:
        yield started.sockets[0].getsockname()[1]
    finally:
        started.close()
        await started.wait_closed()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


async def why(authority: trustme.CA, leaf: trustme.LeafCert, *, host: str = "127.0.0.1") -> str:
    async with server(leaf) as port:
        found = await asyncio.to_thread(refusal, f"{host}:{port}", pem(authority))
        return (found or "").replace(f":{port}", ":port")


async def test_another_host_name(authority: trustme.CA) -> None:
    """Both names are said, and what to change."""
    said = await why(authority, authority.issue_cert("broker.example.com"), host="localhost")
    assert said.startswith("the certificate of localhost:port is not for localhost;")
    assert "spec.bootstrapServers" in said


async def test_an_address_that_is_not_in_the_certificate(authority: trustme.CA) -> None:
    """Addresses have a code of their own."""
    said = await why(authority, authority.issue_cert("broker.example.com"))
    assert "is not for 127.0.0.1;" in said


async def test_an_expired_certificate(authority: trustme.CA) -> None:
    """Not a question of trust."""
    leaf = authority.issue_cert("127.0.0.1", not_after=YESTERDAY)
    assert "has expired" in await why(authority, leaf)


async def test_an_unknown_authority(authority: trustme.CA) -> None:
    """With `caCert` its content is wrong; without one the system's are not enough."""
    leaf = trustme.CA().issue_cert("127.0.0.1")
    assert "spec.net.tls.caCert does not contain" in await why(authority, leaf)
    async with server(leaf) as port:
        said = await asyncio.to_thread(refusal, f"127.0.0.1:{port}", None)
    assert said is not None
    assert "this system does not trust" in said


async def test_a_good_certificate_is_not_explained(authority: trustme.CA) -> None:
    """Then the reason was another one, and librdkafka's words stand."""
    assert await why(authority, authority.issue_cert("127.0.0.1")) == ""


async def test_a_broker_that_is_gone_is_not_explained(authority: trustme.CA) -> None:
    """A second failure must not hide the first one."""
    async with server(authority.issue_cert("127.0.0.1")) as port:
        pass
    assert await asyncio.to_thread(refusal, f"127.0.0.1:{port}", pem(authority)) is None
