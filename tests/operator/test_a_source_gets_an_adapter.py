"""From a source to a Deployment and a status, on a double of an API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.operator.cluster import Cluster, pod
from tests.operator.conftest import Running, mns

NAME = "mnssource-orders"


def deployment(cluster: Cluster, name: str = NAME) -> Any:
    return cluster.find("deployments", "shop", name)


def variable(found: Any, name: str) -> Any:
    listed = found["spec"]["template"]["spec"]["containers"][0]["env"]
    return {one["name"]: one["value"] for one in listed}.get(name)


async def test_a_source_becomes_ready(running: Running, cluster: Cluster) -> None:
    """A Deployment owned by the source appears, and Ready follows its pods."""
    made = cluster.put("mnssources", mns())
    found = await running.until(lambda: deployment(cluster))
    assert found["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    await running.until(lambda: running.condition()["status"] == "Unknown")
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    status = cluster.find("mnssources", "shop", "orders")["status"]
    assert status["sinkUri"] == "http://service/"
    assert status["observedGeneration"] == 1
    assert status["consumers"] == 1


async def test_no_source_is_written_but_its_status(running: Running, cluster: Cluster) -> None:
    """No finalizer, no annotation: of a source only the subresource status is ever written."""
    cluster.put("mnssources", mns())
    await running.until(running.condition)
    written = [what for what in cluster.writes if "/mnssources/" in what]
    assert written
    assert all(what.endswith("/orders/status") for what in written)


async def test_nothing_is_written_when_nothing_changed(running: Running, cluster: Cluster) -> None:
    """Ten resyncs and a restart write nothing."""
    cluster.put("mnssources", mns())
    await running.until(lambda: deployment(cluster))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    await running.settled()
    cluster.writes.clear()
    for _ in range(10):
        running.operator.resync()
        await running.settled()
    again = await Running(cluster).start()
    await again.settled()
    assert again.operator.queue.done
    await again.stop()
    assert cluster.writes == []


async def test_a_change_reaches_the_deployment(running: Running, cluster: Cluster) -> None:
    """A changed sink changes the environment; consumers change replicas and no pod."""
    cluster.put("mnssources", mns())
    before = await running.until(lambda: deployment(cluster))
    cluster.put("mnssources", mns(consumers=3))
    scaled = await running.until(
        lambda: deployment(cluster) if deployment(cluster)["spec"]["replicas"] == 3 else None
    )
    assert scaled["spec"]["template"] == before["spec"]["template"]
    cluster.put("mnssources", mns(sink={"uri": "http://other/"}))
    await running.until(lambda: variable(deployment(cluster), "K_SINK") == "http://other/")


@pytest.mark.parametrize(
    ("wish", "reason"), [({"paused": True}, "Paused"), ({"consumers": 0}, "ScaledToZero")]
)
async def test_a_source_at_rest_is_ready(
    running: Running, cluster: Cluster, wish: Any, reason: str
) -> None:
    """Paused, or with no consumers, a source is Ready with that as the reason."""
    cluster.put("mnssources", mns(**wish))
    found = await running.until(lambda: deployment(cluster))
    assert found["spec"]["replicas"] == 0
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["reason"] == reason)
    assert running.condition()["status"] == "True"
    assert running.condition("Consuming")["reason"] == "NotConsuming"


async def test_somebody_elses_changes_are_undone(running: Running, cluster: Cluster) -> None:
    """Replicas that somebody changed come back; a label that somebody added stays."""
    cluster.put("mnssources", mns())
    found = json.loads(json.dumps(await running.until(lambda: deployment(cluster))))
    found["spec"]["replicas"] = 7
    found["metadata"]["labels"]["team"] = "green"
    cluster.put("deployments", found)
    await running.until(lambda: deployment(cluster)["spec"]["replicas"] == 1)
    assert deployment(cluster)["metadata"]["labels"]["team"] == "green"


async def test_a_field_no_longer_wanted_goes_away(running: Running, cluster: Cluster) -> None:
    """What was created with certificates loses them when the sink has none any more."""
    cluster.put("mnssources", mns(sink={"uri": "https://a/", "CACerts": "-----BEGIN"}))
    await running.until(lambda: variable(deployment(cluster), "K_CA_CERTS"))
    cluster.put("mnssources", mns(sink={"uri": "https://a/"}))
    await running.until(lambda: variable(deployment(cluster), "K_CA_CERTS") is None)


async def test_a_foreign_object_is_never_touched(running: Running, cluster: Cluster) -> None:
    """A Deployment of the name that is not the source's is left alone, and the status says so."""
    foreign = {"metadata": {"name": NAME, "namespace": "shop"}, "spec": {"replicas": 9}}
    before = json.loads(json.dumps(cluster.put("deployments", foreign)))
    cluster.put("mnssources", mns())
    await running.until(lambda: running.condition()["reason"] == "NameTaken")
    assert deployment(cluster) == before


async def test_a_missing_secret_is_told_and_heals(running: Running, cluster: Cluster) -> None:
    """The adapter is started nevertheless; the Secret's absence is told until it is there."""
    ref = {name: {"secretKeyRef": {"name": "mns", "key": name}} for name in ("id", "secret")}
    auth = {"accessKeyId": ref["id"], "accessKeySecret": ref["secret"]}
    cluster.put("mnssources", mns(auth=auth))
    await running.until(lambda: running.condition()["reason"] == "SecretNotFound")
    assert deployment(cluster)
    assert "`mns`" in running.condition()["message"]
    cluster.put("secrets", {"metadata": {"name": "mns", "namespace": "shop"}})
    running.operator._reconciler.secrets._known.clear()
    running.operator.resync()
    await running.until(lambda: running.condition("CredentialsProvided")["status"] == "True")


async def test_a_spec_the_schema_let_through_is_told(running: Running, cluster: Cluster) -> None:
    """What only the model knows to be wrong becomes InvalidSpec and Stalled; nothing is made."""
    cluster.put("mnssources", mns(signatureVersion="v4"))
    await running.until(lambda: running.condition()["reason"] == "InvalidSpec")
    assert running.condition("Stalled")["status"] == "True"
    assert "`region` must be given" in running.condition()["message"]
    assert not [what for what in cluster.writes if "deployments" in what]


async def test_a_refused_template_field_is_named(running: Running, cluster: Cluster) -> None:
    """A field that is the operator's becomes TemplateRefused with its name."""
    template = {"spec": {"containers": [{"name": "adapter", "command": ["sh"]}]}}
    cluster.put("mnssources", mns(template=template))
    await running.until(lambda: running.condition()["reason"] == "TemplateRefused")
    assert "containers[adapter].command" in running.condition()["message"]


@pytest.mark.parametrize("code", [403, 422])
async def test_a_refused_deployment_is_told(running: Running, cluster: Cluster, code: int) -> None:
    """The server's sentence about a Deployment that it does not take becomes ChildRefused."""
    cluster.refuse = lambda verb, path: (
        code if verb == "PATCH" and "/deployments/" in path else None
    )
    cluster.put("mnssources", mns())
    await running.until(lambda: running.condition()["reason"] == "ChildRefused")


async def test_an_api_server_that_is_away_is_waited_for(running: Running, cluster: Cluster) -> None:
    """503 to everything is no verdict about a source: it goes on when the server is back."""
    down = True
    cluster.refuse = lambda verb, _path: 503 if down and verb == "PATCH" else None
    cluster.put("mnssources", mns())
    await running.until(lambda: running.operator.queue.failed)
    assert "status" not in cluster.find("mnssources", "shop", "orders")
    down = False
    await running.until(lambda: deployment(cluster))


async def test_a_deleted_source_is_forgotten(running: Running, cluster: Cluster) -> None:
    """A deletion is nobody's work: nothing is written, and the source is not known any more."""
    cluster.put("mnssources", mns())
    await running.until(running.condition)
    await running.settled()
    cluster.writes.clear()
    cluster.delete("mnssources", "shop", "orders")
    await running.until(lambda: len(running.operator.inventory) == 0)
    await running.settled()
    assert cluster.writes == []


async def test_a_deletion_that_nobody_told_of_is_found(running: Running, cluster: Cluster) -> None:
    """A source that went unheard is found gone by the next resync."""
    made = cluster.put("mnssources", mns())
    await running.until(running.condition)
    running.operator.seen(
        "MnsSource",
        None,
        {**made, "metadata": {**made["metadata"], "name": "ghost", "resourceVersion": "1"}},
    )
    await running.until(lambda: running.operator.inventory)
    running.operator.resync()
    await running.until(lambda: len(running.operator.inventory) == 1)


async def test_the_adapters_exit_message_is_the_status(running: Running, cluster: Cluster) -> None:
    """Exit code 78 makes Stalled, with the sentence that the adapter left behind."""
    cluster.put("mnssources", mns())
    found = await running.until(lambda: deployment(cluster))
    made = pod("shop", found["metadata"]["labels"], ready=False)
    ended = {"exitCode": 78, "message": "spec.queue: is not a queue of this kind"}
    made["status"]["containerStatuses"][0] = {
        "name": "adapter",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    cluster.put("pods", made)
    await running.until(lambda: running.condition()["reason"] == "AdapterMisconfigured")
    assert "is not a queue of this kind" in running.condition()["message"]
    assert running.condition("Stalled")["status"] == "True"
