"""The whole process on a double of an API server: flags, Kopf, signals."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.operator.cluster import Cluster
from tests.operator.conftest import PATIENCE, Running, mns

CONFIG = """
apiVersion: v1
kind: Config
current-context: x
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
clusters: [{{name: x, cluster: {{server: "{url}"}}}}]
users: [{{name: x, user: {{token: secret-token}}}}]
"""


PORTS: dict[int, tuple[int, int]] = {}
"""Where each operator process has its health and its metrics."""


async def start(*flags: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eventing_alibaba_operator",
        "--health-port=0",
        "--metrics-port=0",
        *flags,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
    )


@pytest.fixture
async def process(cluster: Cluster, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """An operator process that is ready."""
    config = tmp_path / "config"
    config.write_text(CONFIG.format(url=cluster.url))
    made = await start("--adapter-image=adapter:1", f"--kubeconfig={config}")
    assert made.stdout is not None
    async with asyncio.timeout(60):
        while b"operator ready" not in (line := await made.stdout.readline()):
            assert made.returncode is None
    told = re.search(rb"health on port (\d+), metrics on port (\d+)", line)
    assert told is not None
    PORTS[made.pid] = int(told[1]), int(told[2])
    yield made
    if made.returncode is None:
        made.kill()
    await made.communicate()


async def test_the_process_does_the_work(
    process: asyncio.subprocess.Process, cluster: Cluster
) -> None:
    """A source gets its Deployment and status, Kopf writes nothing, SIGTERM ends it with 0."""
    eyes = Running(cluster)
    cluster.put("mnssources", mns())
    await eyes.until(lambda: cluster.find("deployments", "shop", "mnssource-orders"))
    await eyes.until(eyes.condition)
    cluster.put("mnssources", mns(consumers=2))
    await eyes.until(
        lambda: cluster.find("deployments", "shop", "mnssource-orders")["spec"]["replicas"] == 2
    )
    about = cluster.find("mnssources", "shop", "orders")["metadata"]
    assert not {"finalizers", "annotations"} & about.keys()
    assert "kopf" not in cluster.find("mnssources", "shop", "orders")["status"]
    ours = re.compile(r"PATCH .*/(deployments/|mnssources/orders/status)|POST .*/events")
    assert all(ours.match(what) for what in cluster.writes)
    process.send_signal(signal.SIGTERM)
    cluster.disconnect()
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_it_can_be_probed_and_scraped(
    process: asyncio.subprocess.Process, cluster: Cluster
) -> None:
    """`/healthz` answers while it works; `/metrics` counts sources, work and requests."""
    eyes = Running(cluster)
    cluster.put("mnssources", mns())
    await eyes.until(eyes.condition)
    health, metrics = PORTS[process.pid]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{health}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        async with session.get(f"http://127.0.0.1:{metrics}/metrics") as answer:
            assert answer.status == 200
            text = await answer.text()
        async with session.get(f"http://127.0.0.1:{metrics}/") as answer:
            assert answer.status == 404
    found = {family.name: family for family in text_string_to_metric_families(text)}
    (sources,) = found["eventing_alibaba_operator_sources"].samples
    assert (sources.labels["kind"], sources.value) == ("MnsSource", 1)
    done = {
        sample.labels["result"]: sample.value
        for sample in found["eventing_alibaba_operator_reconciles"].samples
    }
    assert done["done"] >= 1
    assert done["failed"] == 0
    asked = found["eventing_alibaba_operator_api_requests"].samples
    assert {"GET", "PATCH", "WATCH"} <= {sample.labels["verb"] for sample in asked}
    assert {"eventing_alibaba_operator_queue_depth", "eventing_alibaba_operator_failing"} <= (
        found.keys()
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ([], "--adapter-image (ADAPTER_IMAGE): is required"),
        (["--adapter-image=a", "--workers=none"], "--workers (WORKERS): must be a whole number"),
        (["--adapter-image=a", "--kubeconfig=/nowhere"], "/nowhere: cannot be read"),
        (["--adapter-image=a"], "this is no pod of a cluster"),
    ],
)
async def test_wrong_settings_are_one_sentence(flags: list[str], sentence: str) -> None:
    """Exit code 78 and what to change, without a traceback."""
    made = await start(*flags)
    text, _ = await asyncio.wait_for(made.communicate(), 60)
    assert made.returncode == 78
    assert sentence in text.decode()
    assert "Traceback" not in text.decode()
