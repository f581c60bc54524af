"""From an emulator through a pod to a sink, with nothing but what the Pod object says.

The pods of these namespaces are processes, made by a runner that knows of the adapter only how its
image is started. So what is wrong in the Deployment (a command, a variable, a mount, a port, a
probe) is wrong here as well.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.real.kubelab.client import Manifest, eventually
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.kubelab.pods.image import ADAPTER
from tests.real.kubelab.pods.runner import ProcessRunner
from tests.real.operator.knative import address, broker
from tests.real.operator.process import IMAGE
from tests.real.operator.seen import condition, wait_condition
from tests.real.operator.sources import source

from eventing_alibaba import __version__
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess as KafkaProcess
from eventing_alibaba.testing.emulators.mns.process import EmulatorProcess as MnsProcess
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess as RocketmqProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def runner(plane: ControlPlane, kubelet: Kubelet, namespace: str) -> Iterator[ProcessRunner]:
    """Runs the pods of the test's namespace."""
    with ProcessRunner(plane.admin, kubelet, namespace, images={IMAGE: ADAPTER}) as runner:
        yield runner
        sys.stdout.write(runner.log()[-6000:])  # shown where a test fails


@pytest.fixture
def sink() -> Iterator[SinkProcess]:
    """A sink that records."""
    with SinkProcess() as sink:
        yield sink


_KEY = ("accessKeyId", "accessKeySecret")
_USER = ("username", "password")


def _login(
    plane: ControlPlane, namespace: str, secret: str = "test", names: tuple[str, str] = _KEY
) -> dict[str, Any]:
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": namespace},
        "stringData": {"id": "test", "secret": secret},
    }
    plane.admin.apply(manifest)
    return {
        name: {"secretKeyRef": {"name": "login", "key": key}}
        for name, key in zip(names, ("id", "secret"), strict=True)
    }


@contextmanager
def _kafka() -> Iterator[tuple[str, dict[str, Any], Callable[[int], None]]]:
    with KafkaProcess(topics={"orders": 2}) as kafka:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

        def send(count: int) -> None:
            for number in range(count):
                producer.produce("orders", f"{number}".encode())
            assert producer.flush(10) == 0

        fields = {"bootstrapServers": [kafka.bootstrap_servers], "initialOffset": "earliest"}
        yield "AliKafkaSource", fields, send


@contextmanager
def _mns() -> Iterator[tuple[str, dict[str, Any], Callable[[int], None]]]:
    with MnsProcess(queues=["orders"]) as mns:

        def send(count: int) -> None:
            mns.send("orders", [f"{number}" for number in range(count)])

        yield "MnsSource", {"endpoint": mns.endpoint}, send


@contextmanager
def _rocketmq() -> Iterator[tuple[str, dict[str, Any], Callable[[int], None]]]:
    with RocketmqProcess(topics=["orders"], groups=["shop"]) as rocketmq:

        def send(count: int) -> None:
            rocketmq.send("orders", [f"{number}" for number in range(count)])

        yield "RocketMQSource", {"endpoints": rocketmq.endpoints}, send


_NAMES = {"MnsSource": _KEY, "RocketMQSource": _USER}


@pytest.mark.parametrize(
    "emulator", [_kafka, _mns, _rocketmq], ids=["AliKafkaSource", "MnsSource", "RocketMQSource"]
)
def test_messages_reach_the_sink(
    plane: ControlPlane, runner: ProcessRunner, namespace: str, sink: SinkProcess, emulator: Any
) -> None:
    """Applied, they flow; with another sink, they flow there; the pod ends in order at the end."""
    with emulator() as (kind, fields, send), SinkProcess() as other:
        if kind in _NAMES:
            fields["auth"] = _login(plane, namespace, names=_NAMES[kind])
        plane.admin.apply(broker(namespace, "default"))
        plane.admin.merge(broker(namespace, "default"), address(sink.url), part="status")
        ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
        applied = plane.admin.apply(source(kind, namespace, sink={"ref": ref}, **fields))
        wait_condition(plane.admin, applied, seconds=40)
        send(20)
        sink.wait_delivered(20, timeout=20)
        (first,) = runner.runs()
        plane.admin.merge(broker(namespace, "default"), address(other.url), part="status")
        eventually(lambda: other.url in str(plane.admin.get(applied)["status"].get("sinkUri")))
        eventually(lambda: first.containers[0].ended is not None, seconds=60, what="an end")
        assert first.containers[0].ended == 0, first.containers[0].message()
        send(20)
        other.wait_delivered(20, timeout=30)
        assert not sink.invalid_requests()
        known = eventually(lambda: plane.admin.get(applied)["status"].get("adapterVersion"))
        assert known == __version__


def test_a_wrong_password_and_its_repair(
    plane: ControlPlane,
    runner: ProcessRunner,
    namespace: str,
    sink: SinkProcess,
    figures: Callable[[str], None],
) -> None:
    """The adapter's own sentence is in the status within 5 s, and True again within 35 s.

    The Secret is repaired while the pod runs, which is not restarted.
    """
    with MnsProcess(queues=["orders"]) as mns:
        auth = _login(plane, namespace)
        applied = plane.admin.apply(
            source("MnsSource", namespace, endpoint=mns.endpoint, auth=auth, sink={"uri": sink.url})
        )
        wait_condition(plane.admin, applied, seconds=40)
        mns.add_key("test", "changed")
        mns.disconnect()
        mns.send("orders", ["1"])
        began = time.monotonic()
        eventually(lambda: _unready(runner), seconds=60, what="the adapter is not ready")
        noticed = time.monotonic()
        found = wait_condition(plane.admin, applied, status="False", seconds=10)
        told = time.monotonic()
        said = _adapter(runner)
        assert said["message"] in found["message"]
        assert condition(plane.admin, applied, "Consuming")["status"] == "False"
        _login(plane, namespace, "changed")
        repaired = time.monotonic()
        wait_condition(plane.admin, applied, seconds=60)
        healed = time.monotonic()
        sink.wait_delivered(1, timeout=20)
        figures(
            f"refused after {noticed - began:.1f} s, in the status {told - noticed:.1f} s later;"
            f" True {healed - repaired:.1f} s after the repair",
        )
        assert told - noticed < 5
        assert healed - repaired < 35
        (run,) = runner.runs()
        assert run.restarts == 0


def test_a_service_that_is_away_is_told(
    plane: ControlPlane,
    runner: ProcessRunner,
    namespace: str,
    sink: SinkProcess,
    figures: Callable[[str], None],
) -> None:
    """`SinkReachable` is True, False with what the adapter saw, and True; `Ready` stays True."""
    with MnsProcess(queues=["orders"]) as mns:
        auth = _login(plane, namespace)
        applied = plane.admin.apply(
            source("MnsSource", namespace, endpoint=mns.endpoint, auth=auth, sink={"uri": sink.url})
        )
        wait_condition(plane.admin, applied, seconds=40)
        assert not condition(plane.admin, applied, "SinkReachable")
        mns.send("orders", ["1"])
        wait_condition(plane.admin, applied, "SinkReachable", seconds=40)
        sink.set_default(Answer(status=503))
        mns.send("orders", ["2"])
        eventually(lambda: not _adapter(runner)["sink"]["reachable"], seconds=20, what="away")
        noticed = time.monotonic()
        found = wait_condition(plane.admin, applied, "SinkReachable", status="False", seconds=40)
        told = time.monotonic()
        assert "503" in found["message"]
        assert found["severity"] == "Info"
        assert condition(plane.admin, applied, "Ready")["status"] == "True"
        sink.set_default(Answer(status=202))
        sink.wait_delivered(2, timeout=40)
        back = time.monotonic()
        wait_condition(plane.admin, applied, "SinkReachable", seconds=60)
        figures(
            f"away: in the status {told - noticed:.1f} s after the adapter saw it;"
            f" back: {time.monotonic() - back:.1f} s after the first event that got through",
        )


def _adapter(runner: ProcessRunner) -> dict[str, Any]:
    run = runner.runs()[-1]
    with urllib.request.urlopen(f"http://{run.address}:8080/status", timeout=5) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def _unready(runner: ProcessRunner) -> bool:
    return not _adapter(runner)["ready"]


def test_a_secret_that_is_not_there_yet(
    plane: ControlPlane, runner: ProcessRunner, namespace: str, sink: SinkProcess
) -> None:
    """The source names the Secret and what to do; when it is made, messages flow by themselves."""
    with MnsProcess(queues=["orders"]) as mns:
        auth = {
            "accessKeyId": {"secretKeyRef": {"name": "login", "key": "id"}},
            "accessKeySecret": {"secretKeyRef": {"name": "login", "key": "secret"}},
        }
        applied = plane.admin.apply(
            source("MnsSource", namespace, endpoint=mns.endpoint, auth=auth, sink={"uri": sink.url})
        )
        found = wait_condition(plane.admin, applied, status="False", reason="SecretNotFound")
        assert "`login`" in found["message"]
        _login(plane, namespace)
        mns.send("orders", ["1"])
        sink.wait_delivered(1, timeout=60)
        wait_condition(plane.admin, applied, seconds=60)


def test_a_key_that_is_not_there_yet(
    plane: ControlPlane, runner: ProcessRunner, namespace: str, sink: SinkProcess
) -> None:
    """Metadata do not tell what a Secret lacks; the adapter does, and goes on when it has it."""
    with MnsProcess(queues=["orders"]) as mns:
        auth = _login(plane, namespace)
        secret: Manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "login", "namespace": namespace},
        }
        plane.admin.merge(secret, {"data": {"secret": None}})
        applied = plane.admin.apply(
            source("MnsSource", namespace, endpoint=mns.endpoint, auth=auth, sink={"uri": sink.url})
        )
        found = wait_condition(plane.admin, applied, status="False", reason="SecretMissing")
        assert "spec.auth.accessKeySecret" in found["message"]
        assert "`secret`" in found["message"]
        assert condition(plane.admin, applied, "CredentialsProvided")["status"] == "True"
        _login(plane, namespace)
        mns.send("orders", ["1"])
        sink.wait_delivered(1, timeout=60)
        wait_condition(plane.admin, applied, seconds=60)
