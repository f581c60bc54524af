"""The whole process on a double of an API server: flags, Kopf, signals."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
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
        while b"operator ready" not in await made.stdout.readline():
            assert made.returncode is None
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
