"""Each reason is brought about in a cluster, and read in the status that the operator writes there.

A row says what happens in the cluster; the test waits until some condition of the source has the
reason, and follows its link to a heading of docs/conditions.md. A reason without a row fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.operator.cluster import Cluster, pod
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import passing, reasons, sinks
from eventing_alibaba_operator.reasons import Reason

PAGE = (Path(__file__).parents[2] / "docs/conditions.md").read_text()
NAME = "mnssource-orders"
BROKER = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
LOGIN = {"secretKeyRef": {"name": "mns", "key": "id"}}
AUTH = {"accessKeyId": LOGIN, "accessKeySecret": LOGIN}


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens.

    Attributes:
        spec: of the source.
        cluster: what is done to the cluster before the source is there.
        then: what is done to it once there is a Deployment; None = there will be none.
        told: settings of the operator.
        says: what the adapter answers; None = nobody answers.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    cluster: Callable[[Cluster], None] = lambda _cluster: None
    then: Callable[[Cluster], None] | None = None
    told: dict[str, Any] = field(default_factory=dict)
    says: dict[str, Any] | None = None


def runs(cluster: Cluster) -> None:
    cluster.run_pods("shop", NAME)


def no_pods(cluster: Cluster) -> None:
    """Nobody makes any."""


def refuses(code: int, end: str) -> Callable[[Cluster], None]:
    def refuse(cluster: Cluster) -> None:
        cluster.kinds["eventing.knative.dev/v1"] = {"brokers": "Broker"}
        cluster.refuse = lambda _verb, path: code if path.endswith(end) else None

    return refuse


def has(broker: bool) -> Callable[[Cluster], None]:
    def put(cluster: Cluster) -> None:
        cluster.kinds["eventing.knative.dev/v1"] = {"brokers": "Broker"}
        if broker:
            cluster.put("brokers", {"metadata": {"name": "default", "namespace": "shop"}})

    return put


def taken(cluster: Cluster) -> None:
    about = {"name": NAME, "namespace": "shop"}
    cluster.put("deployments", {"metadata": about, "spec": {"replicas": 9}})


def deployment_says(kind: str, status: str) -> Callable[[Cluster], None]:
    def put(cluster: Cluster) -> None:
        found = cluster.find("deployments", "shop", NAME)
        told = {"type": kind, "status": status, "message": "so it is"}
        seen = {"observedGeneration": found["metadata"]["generation"], "conditions": [told]}
        cluster.put("deployments", {**found, "status": seen})

    return put


def container(**state: Any) -> Callable[[Cluster], None]:
    def put(cluster: Cluster) -> None:
        labels = cluster.find("deployments", "shop", NAME)["metadata"]["labels"]
        made = pod("shop", labels, ready=False)
        made["status"]["containerStatuses"][0]["state"] = state
        cluster.put("pods", made)

    return put


def ended(code: int) -> Callable[[Cluster], None]:
    return container(terminated={"exitCode": code, "message": "a sentence"})


def adapter(*, ready: bool, **more: Any) -> dict[str, Any]:
    return {"state": "running", "ready": ready, "adapterVersion": "1", **more}


RUNS: Final = Scene(then=runs)
RUNNING: Final = container(running={})
PULL: Final = {"reason": "ImagePullBackOff", "message": "no such image"}
BLOCKED: Final = {
    "origin": "orders",
    "id": "partition:1/offset:7",
    "reason": "400: why",
    "since": 1_764_460_800.0,
}
SCENES: Final[dict[Reason, Scene]] = {
    reasons.READY: RUNS,
    reasons.SCALED_TO_ZERO: Scene({"consumers": 0}, then=runs),
    reasons.PAUSED: Scene({"paused": True}, then=runs),
    reasons.INVALID_SPEC: Scene({"signatureVersion": "v4"}),
    reasons.SINK_PROVIDED: RUNS,
    reasons.SINK_NOT_FOUND: Scene({"sink": {"ref": BROKER}}, has(broker=False)),
    reasons.SINK_KIND_UNKNOWN: Scene({"sink": {"ref": BROKER}}),
    reasons.SINK_NOT_READABLE: Scene({"sink": {"ref": BROKER}}, refuses(403, "/brokers")),
    reasons.SINK_NOT_ADDRESSABLE: Scene({"sink": {"ref": BROKER}}, has(broker=True)),
    reasons.SINK_FORBIDDEN: Scene(
        {"sink": {"ref": {**BROKER, "namespace": "other"}}}, told={"cross_namespace_sinks": False}
    ),
    reasons.SINK_LOOKED_UP: Scene({"sink": {"ref": BROKER}}, refuses(503, "/brokers")),
    reasons.CREDENTIALS_PROVIDED: RUNS,
    reasons.CREDENTIALS_NOT_CHECKED: Scene({"auth": AUTH}, told={"read_secrets": False}, then=runs),
    reasons.SECRET_NOT_FOUND: Scene({"auth": AUTH}, then=no_pods),
    reasons.DEPLOYED: RUNS,
    reasons.ROLLING_OUT: Scene(then=no_pods),
    reasons.ROLLOUT_STALLED: Scene(then=deployment_says("Progressing", "False")),
    reasons.PODS_REFUSED: Scene(then=deployment_says("ReplicaFailure", "True")),
    reasons.TEMPLATE_REFUSED: Scene({"template": {"spec": {"hostNetwork": True}}}),
    reasons.NAME_TAKEN: Scene(cluster=taken),
    reasons.CHILD_REFUSED: Scene(cluster=refuses(422, f"/deployments/{NAME}")),
    reasons.CONSUMING: RUNS,
    reasons.NOT_CONSUMING: Scene({"paused": True}, then=runs),
    reasons.ADAPTER_STARTING: Scene(then=no_pods),
    reasons.ADAPTER_SILENT: Scene(then=RUNNING),
    reasons.ADAPTER_NOT_STARTED: Scene(then=container(waiting=PULL)),
    reasons.ADAPTER_MISCONFIGURED: Scene(then=ended(78)),
    reasons.ADAPTER_CRASHED: Scene(then=ended(1)),
    reasons.ADAPTER_SAYS: Scene(then=RUNNING, says=adapter(ready=False, message="it waits")),
    reasons.SINK_REACHABLE: Scene(then=runs, says=adapter(ready=True, sink={"reachable": True})),
    reasons.SINK_UNREACHABLE: Scene(
        then=runs, says=adapter(ready=True, sink={"reachable": False, "reason": "refused"})
    ),
    reasons.EVENT_BLOCKED: Scene(then=runs, says=adapter(ready=True, blocked=[BLOCKED])),
}
NOT_SEEN: Final = {reasons.NOT_DEPLOYED}
"""Each step leaves a verdict, so this one stands for a defect; `test_states_become_conditions.py`
has it."""


def test_each_reason_has_its_scene() -> None:
    """Who adds a reason tells how it comes about."""
    assert {*SCENES, *NOT_SEEN} == set(reasons.ALL)


@pytest.mark.parametrize("reason", SCENES, ids=lambda reason: reason.name)
async def test_a_reason_is_provoked(
    cluster: Cluster, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status gets the reason, with the state it stands for and a link to its heading."""
    monkeypatch.setattr(passing, "_WAIT", 0.0)
    monkeypatch.setattr(sinks, "_PATIENCE", 0.05)
    scene = SCENES[reason]
    async with TestServer(_adapter(scene.says)) as server:
        scene.cluster(cluster)
        running = await Running(cluster, **scene.told).start()
        for listener in (running.operator._listener, running.operator._rounds_listener):
            listener._port = server.port or 0
        cluster.put("mnssources", mns(**scene.spec))
        if scene.then is not None:
            await running.until(lambda: cluster.find("deployments", "shop", NAME))
            scene.then(cluster)
        found = await running.until(lambda: _with(cluster, reason))
        await running.stop()
    message = found.get("message", "")
    assert found["status"] == reason.state
    linked = re.search(r"See https://\S+/conditions\.html#(\S+)$", message)
    assert (linked is None) == (reason.state == "True" and not reason.advice), message
    if linked is not None:
        assert linked[1] == reason.name.lower()
    assert re.search(rf"(?m)^### {reason.name}$", PAGE)


def _with(cluster: Cluster, reason: Reason) -> Any:
    conditions = cluster.find("mnssources", "shop", "orders")["status"]["conditions"]
    return next((one for one in conditions if one["reason"] == reason.name), None)


def _adapter(says: dict[str, Any] | None) -> web.Application:
    async def status(_: web.Request) -> web.Response:
        return web.Response(status=404) if says is None else web.json_response(says)

    app = web.Application()
    app.router.add_get("/status", status)
    return app


async def test_new_adapters_that_fail_are_told_while_old_ones_work(
    running: Running, cluster: Cluster
) -> None:
    """`Deployed` says what the newest pod says and that the others go on, with its own link."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    cluster.put("mnssources", mns(sink={"uri": "http://other/"}))
    await running.until(lambda: running.condition("Deployed")["status"] == "Unknown")
    labels = cluster.find("deployments", "shop", NAME)["metadata"]["labels"]
    newest = pod("shop", labels, name="newest", ready=False)
    newest["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    last = {"terminated": {"exitCode": 1, "message": "no such queue"}}
    newest["status"]["containerStatuses"][0]["state"] = last
    cluster.put("pods", newest)
    await running.until(lambda: "no such queue" in running.condition("Deployed")["message"])
    message = running.condition("Deployed")["message"]
    assert "The adapters of before go on. See " in message
    assert message.endswith("#rollingout")
    assert message.count("https://") == 1
    assert running.condition("Consuming")["status"] == "True"
