"""`make_sink`: from settings to requests on a wire, with trust and credentials that rotate."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.unit.sink.posting import post
from tests.unit.sink.test_oidc_token_is_current import jwt
from tests.wire.scripted import Peer, Scripted, serve_ok

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.validation import read
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.runtime.destination import SinkAddress
from eventing_alibaba.runtime.environment import Settings
from eventing_alibaba.runtime.run import make_sink
from eventing_alibaba.sink import identity
from eventing_alibaba.sink.post import Sink
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.wire import tls
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
OLD, NEW = trustme.CA(), trustme.CA()
SECRET = "tOp-sEcrEt"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at files each time, not once a second."""
    monkeypatch.setattr(tls, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(identity, "LOOK_SECONDS", 0.0)


def made(
    tmp_path: Path, address: SinkAddress, *, dead_letters: bool = False, **fields: Any
) -> Sink:
    fields |= {"bootstrapServers": ["localhost:9092"], "topics": ["orders"]}
    settings = Settings(
        kind="AliKafkaSource",
        namespace="shop",
        name="orders",
        spec=read(AliKafkaSourceSpec, fields),
        sink=address,
        sink_timeout=10.0,
        credentials=SecretResolver(tmp_path / "secrets"),
        trust_directory=tmp_path / "trust",
    )
    return make_sink(settings, address, limit=4, dead_letters=dead_letters)


def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def closing(peer: Peer) -> None:
    await peer.answer(CLOSING)
    await peer.end()


async def test_a_rotated_trust_bundle_serves_the_next_connection(tmp_path: Path) -> None:
    """A sink whose authority changes is believed as soon as the mounted bundle has the new one."""
    bundle = tmp_path / "trust"
    bundle.mkdir()
    OLD.cert_pem.write_to_path(bundle / "bundle.pem")
    context = serving(OLD)
    async with Scripted(closing, tls=context) as server:
        sink = made(tmp_path, SinkAddress(server.url))
        assert isinstance(await post(sink), Answer)
        NEW.issue_cert("127.0.0.1").configure_cert(context)
        refused = await post(sink)
        assert isinstance(refused, WireError)
        assert (refused.kind, refused.sent) == ("tls", False)
        next_bundle = tmp_path / "next.pem"
        NEW.cert_pem.write_to_path(next_bundle)
        next_bundle.rename(bundle / "bundle.pem")
        assert isinstance(await post(sink), Answer)
        await sink.close()


async def test_certificates_of_the_address_are_believed_besides_the_bundle(tmp_path: Path) -> None:
    """`CACerts` of the sink are enough where no bundle is mounted at all."""
    async with Scripted(serve_ok, tls=serving(OLD)) as server:
        address = SinkAddress(server.url, ca_certs=OLD.cert_pem.bytes().decode())
        sink = made(tmp_path, address)
        assert isinstance(await post(sink), Answer)
        await sink.close()


async def test_the_audience_and_other_secrets_go_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests carry the token of the audience and the named headers; plain http is warned of."""
    token = tmp_path / "token"
    token.write_text(jwt(aud="orders"))
    (tmp_path / "secrets/sink").mkdir(parents=True)
    (tmp_path / "secrets/sink/key").write_text(f"{SECRET}\n")
    reference = {"secretKeyRef": {"name": "sink", "key": "key"}}
    async with Scripted(serve_ok) as server:
        address = SinkAddress(server.url, audience="orders", token_file=token)
        auth = {"headers": [{"name": "X-Key", "value": reference}]}
        sink = made(tmp_path, address, sinkAuth=auth)
        await post(sink)
        (request,) = server.peers[0].requests
        await sink.close()
    assert f"Authorization: Bearer {token.read_text()}\r\nX-Key: {SECRET}\r\n".encode() in request
    assert "is http: what is shown to it" in caplog.text
    assert SECRET not in caplog.text


async def test_a_dead_letter_sink_is_not_shown_what_is_for_the_other(tmp_path: Path) -> None:
    """Dead letters are CloudEvents whatever `format` is, and carry no secret of `sinkAuth`."""
    (tmp_path / "secrets/sink").mkdir(parents=True)
    (tmp_path / "secrets/sink/token").write_text(SECRET)
    auth = {"bearer": {"token": {"secretKeyRef": {"name": "sink", "key": "token"}}}}
    fields: dict[str, Any] = {"sinkAuth": auth, "event": {"format": "raw"}}
    async with Scripted(serve_ok) as server:
        for dead_letters in (False, True):
            sink = made(tmp_path, SinkAddress(server.url), dead_letters=dead_letters, **fields)
            await post(sink)
            await sink.close()
        event, letter = (peer.requests[0] for peer in server.peers)
    assert SECRET.encode() in event
    assert b"ce-" not in event
    assert SECRET.encode() not in letter
    assert b"ce-id: 1\r\n" in letter


@pytest.mark.parametrize(
    ("auth", "address", "why"),
    [
        (
            {"bearer": {"token": {"secretKeyRef": {"name": "s", "key": "k"}}}},
            SinkAddress("https://sink/", audience="a", token_file=Path("/token")),
            "spec.sinkAuth: `bearer` and the sink's audience",
        ),
        (
            {
                "clientCertificate": {
                    "cert": {"secretKeyRef": {"name": "s", "key": "c"}},
                    "key": {"secretKeyRef": {"name": "s", "key": "k"}},
                }
            },
            SinkAddress("http://sink/"),
            "spec.sinkAuth.clientCertificate: is shown to an https sink only, and http://sink",
        ),
    ],
)
def test_what_only_the_environment_makes_impossible_is_refused(
    auth: dict[str, Any], address: SinkAddress, why: str, tmp_path: Path
) -> None:
    """What the address, perhaps of a SinkBinding, cannot have with the manifest is said."""
    with pytest.raises(Misconfigured) as caught:
        made(tmp_path, address, sinkAuth=auth)
    assert why in str(caught.value)
