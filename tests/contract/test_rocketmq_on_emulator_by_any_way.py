"""The ways to a proxy: TLS, names, IPv6, namespaces, logins that change."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.unit.rocketmq.opened import Listening, manifest, opened, take, until

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.sources.rocketmq.source import RocketMQSource
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess


async def _works(source: RocketMQSource, rocketmq: EmulatorProcess) -> None:
    await asyncio.to_thread(rocketmq.send, "orders", ["x"])
    await source.ack(await take(source, 1))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_tls_with_an_authority_of_ones_own(tmp_path: Path, host: str) -> None:
    """For an address and for a name, though the route tells addresses only."""
    authority = trustme.CA()
    issued = authority.issue_cert(host)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    trusted = {"enable": True, "caCert": {"value": authority.cert_pem.bytes().decode()}}
    unknown = {"enable": True, "caCert": {"value": trustme.CA().cert_pem.bytes().decode()}}
    with EmulatorProcess(topics=["orders"], tls=(certificate, key)) as rocketmq:
        port = rocketmq.endpoints.rpartition(":")[2]
        at: dict[str, Any] = {"endpoints": f"{host}:{port}"}
        async with opened(manifest(rocketmq, "orders", **at, tls=trusted)) as source:
            await _works(source, rocketmq)
        with pytest.raises(Disconnected, match=r"spec\.tls\.caCert"):
            async with opened(manifest(rocketmq, "orders", **at, tls=unknown)):
                pass


async def test_an_ipv6_address() -> None:
    """In brackets, as everywhere."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with EmulatorProcess(topics=["orders"], host="::1") as rocketmq:
        async with opened(manifest(rocketmq, "orders")) as source:
            await _works(source, rocketmq)


async def test_a_namespace_of_topic_and_group() -> None:
    """What serverless instances ask for."""
    with EmulatorProcess(topics=["orders"], namespace="rmq-cn-abc") as rocketmq:
        async with opened(manifest(rocketmq, "orders", instance="rmq-cn-abc")) as source:
            await _works(source, rocketmq)


async def test_a_rotated_password_is_taken_up(tmp_path: Path) -> None:
    """Refused at first, then read anew, without a restart."""
    file = tmp_path / "password"
    file.write_text("test")
    with EmulatorProcess(topics=["orders"]) as rocketmq:
        auth = {"username": {"value": "test"}, "password": {"file": str(file)}}
        flow = Listening()
        async with opened(manifest(rocketmq, "orders", auth=auth), flow) as source:
            await _works(source, rocketmq)
            await asyncio.to_thread(rocketmq.add_key, "test", "new")
            await asyncio.to_thread(rocketmq.restart)
            waiting = asyncio.create_task(take(source, 1))
            await until(lambda: "Unauthorized" in flow.reasons)
            file.write_text("new")
            await asyncio.to_thread(rocketmq.send, "orders", ["x"])
            await source.ack(await waiting)
            await until(lambda: flow.reasons[-1] is None)
