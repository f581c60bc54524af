"""What is written later, or not at all, so that many sources do not slow each other down."""

from __future__ import annotations

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import events, names, reconcile
from eventing_alibaba_operator.events import Events
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.kube import Kube
from eventing_alibaba_operator.login import Cluster as Login
from eventing_alibaba_operator.passing import Passing

NAME = "mnssource-orders"


def key(name: object = "orders") -> Key:
    return Key("MnsSource", "shop", str(name))


def test_one_word_waits_a_second() -> None:
    """A single source's time is a second away and stays, until it has told."""
    passing = Passing()
    assert passing.told_at(key(), 100.0) == 101.0
    assert passing.told_at(key(), 100.7) == 101.0
    passing.forget(key())
    assert passing.told_at(key(), 200.0) == 201.0


def test_many_words_are_spread() -> None:
    """Those of a thousand sources are told five a second, and none later than two minutes."""
    passing = Passing()
    times = [passing.told_at(key(number), 100.0) for number in range(1000)]
    assert times[:3] == pytest.approx([101.0, 101.2, 101.4])
    assert max(times) == pytest.approx(220.0)


async def test_a_source_that_is_soon_ready_is_told_once(running: Running, cluster: Cluster) -> None:
    """Created, started and connected within a second, it has one write of its status."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    await running.settled()
    assert [what for what in cluster.writes if what.endswith("/status")] == [
        "PATCH /apis/sources.eventing-alibaba.dev/v1alpha1/namespaces/shop/mnssources/orders/status"
    ]


async def test_what_was_ready_is_told_at_once(
    running: Running, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that is ready no more does not wait: a status must not claim what is over."""
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    monkeypatch.setattr(Passing, "told_at", lambda *_: pytest.fail("it was put off"))
    cluster.put("mnssources", mns(consumers=2))
    await running.until(lambda: running.condition()["status"] == "Unknown")


async def test_a_name_that_becomes_free_is_taken(
    running: Running, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody else has the name it is read again and again, and never written.

    A process that starts anew knows by the status that it is so.
    """
    monkeypatch.setattr(reconcile, "_NAME_TAKEN", 0.02)
    foreign = {"metadata": {"name": NAME, "namespace": "shop"}, "spec": {"replicas": 9}}
    cluster.put("deployments", foreign)
    cluster.put("mnssources", mns())
    await running.until(lambda: running.condition()["reason"] == "NameTaken")
    tried = [what for what in cluster.writes if f"/deployments/{NAME}" in what]
    looks = len(cluster.reads)
    await running.until(lambda: len(cluster.reads) > looks + 3)
    assert [what for what in cluster.writes if f"/deployments/{NAME}" in what] == tried
    await running.stop()
    await running.start()
    looks = len(cluster.reads)
    await running.until(lambda: len(cluster.reads) > looks + 12)
    assert [what for what in cluster.writes if f"/deployments/{NAME}" in what] == tried
    cluster.delete("deployments", "shop", NAME)
    found = await running.until(lambda: cluster.find("deployments", "shop", NAME))
    assert found["metadata"]["labels"][names.LABEL_INSTANCE] == NAME


async def test_an_event_has_a_name_that_the_server_takes(cluster: Cluster) -> None:
    """A long name of a source is cut, and never before a dot or a dash."""
    async with Kube(Login(cluster.url)) as kube:
        told = Events(kube)
        for name in ("a" * 199 + ".b", "a" * 199 + "-b", "orders"):
            told.tell(key(name), name, reason="Ready", message="connected")
        begins = [told._waiting.get_nowait()[1]["metadata"]["generateName"] for _ in range(3)]
    assert begins == ["a" * 199 + ".", "a" * 199 + ".", "orders."]


async def test_good_news_is_left_out_in_a_flood(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand sources that become ready, some have an Event; every trouble has one."""
    monkeypatch.setattr(events, "_EVERY", 0.0)
    async with Kube(Login(cluster.url)) as kube:
        told = Events(kube)
        for number in range(1000):
            told.tell(key(number), f"{number}", reason="Ready", message="connected")
        told.tell(key("bad"), "bad", reason="SinkNotFound", message="gone", warning=True)
        assert told._waiting.qsize() == events._MOST_GOOD_NEWS + 1
