"""Certificates to trust, from where Knative keeps them to where adapters can mount them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator.names import TRUST_BUNDLE

HOME = "system"


def bundle(name: str, **data: str) -> Any:
    labels = {"networking.knative.dev/trust-bundle": "true"}
    return {"metadata": {"name": name, "namespace": HOME, "labels": labels}, "data": data}


def copy(cluster: Cluster) -> Any:
    return cluster.find("configmaps", "shop", TRUST_BUNDLE)["data"]


@pytest.fixture
async def trusting(cluster: Cluster) -> AsyncIterator[Running]:
    """An operator that knows where certificates are."""
    made = await Running(cluster, trust_bundle_namespace=HOME).start()
    yield made
    await made.stop()


async def test_none_overwrites_another(trusting: Running, cluster: Cluster) -> None:
    """Names and keys that would be the same when joined, or when cut, stay apart."""
    cluster.put("configmaps", bundle("a", **{"b-c": "1"}))
    cluster.put("configmaps", bundle("a-b", c="2"))
    long = "k" * 250
    cluster.put("configmaps", bundle("long", **{f"{long}1": "3", f"{long}2": "4"}))
    cluster.put("mnssources", mns())
    await trusting.until(lambda: len(copy(cluster)) == 4)
    assert sorted(copy(cluster).values()) == ["1", "2", "3", "4"]
    assert {"a_b-c.pem", "a-b_c.pem"} <= set(copy(cluster))
    assert all(len(key) <= 253 for key in copy(cluster))


async def test_changes_are_followed(trusting: Running, cluster: Cluster) -> None:
    """What is added comes, what is removed goes, and a resync writes nothing."""
    cluster.put("configmaps", bundle("a", ca="1"))
    cluster.put("mnssources", mns())
    await trusting.until(lambda: copy(cluster) == {"a_ca.pem": "1"})
    cluster.put("configmaps", bundle("a", other="2"))
    await trusting.until(lambda: copy(cluster) == {"a_other.pem": "2"})
    await trusting.settled()
    written = [what for what in cluster.writes if "configmaps" in what]
    trusting.operator.resync()
    await trusting.settled()
    assert [what for what in cluster.writes if "configmaps" in what] == written
    cluster.delete("configmaps", HOME, "a")
    await trusting.until(lambda: copy(cluster) == {})


async def test_a_map_of_somebody_else_is_left_alone(trusting: Running, cluster: Cluster) -> None:
    """One of the name without our label is not written, and the source has its adapter."""
    about = {"name": TRUST_BUNDLE, "namespace": "shop"}
    cluster.put("configmaps", {"metadata": about, "data": {"theirs": "x"}})
    cluster.put("configmaps", bundle("a", ca="1"))
    cluster.put("mnssources", mns())
    await trusting.until(lambda: cluster.find("deployments", "shop", "mnssource-orders"))
    assert copy(cluster) == {"theirs": "x"}
