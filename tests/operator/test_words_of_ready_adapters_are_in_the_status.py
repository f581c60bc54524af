"""What was heard on the rounds, in the status of a source."""

from __future__ import annotations

from tests.operator.asking import (
    KEY,
    NAME,
)
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.rounds import Known, Rounds
from eventing_alibaba_operator.status import BLOCKED, REACHABLE, Verdict, condition


async def _ready(running: Running, cluster: Cluster) -> Rounds:
    cluster.put("mnssources", mns())
    await running.until(lambda: cluster.find("deployments", "shop", NAME))
    cluster.run_pods("shop", NAME)
    await running.until(lambda: running.condition()["status"] == "True")
    return running.operator._rounds


def _tell(running: Running, sink: Verdict | None) -> None:
    source = running.operator._rounds._sources[KEY]
    source.known = Known("1.2.3", asked=True, sink=sink)
    running.operator.queue.add(KEY)


async def test_a_service_that_is_away_is_in_the_status(running: Running, cluster: Cluster) -> None:
    """`SinkReachable` is False with `severity: Info` and an Event, and the source stays ready."""
    await _ready(running, cluster)
    _tell(running, Verdict.of(reasons.SINK_UNREACHABLE, "connection refused"))
    await running.until(lambda: running.condition(REACHABLE))
    found = running.condition(REACHABLE)
    assert (found["status"], found["reason"], found["severity"]) == (
        "False",
        "SinkUnreachable",
        "Info",
    )
    assert running.condition()["status"] == "True"
    _tell(running, Verdict.of(reasons.SINK_REACHABLE))
    await running.until(lambda: running.condition(REACHABLE)["status"] == "True")
    assert "severity" not in running.condition(REACHABLE)
    await running.until(lambda: len(_events(cluster)) == 2)
    assert _events(cluster) == [("Warning", "SinkUnreachable"), ("Normal", "SinkReachable")]
    _tell(running, None)
    await running.until(lambda: not _said(cluster))


def _said(cluster: Cluster, kind: str = REACHABLE) -> object:
    return condition(cluster.find("mnssources", "shop", "orders")["status"], kind)


def _events(cluster: Cluster) -> list[tuple[str, str]]:
    listed = [found for (plural, *_), found in cluster.objects.items() if plural == "events"]
    return [(e["type"], e["reason"]) for e in listed if e["reason"].startswith("Sink")]


async def test_a_blocked_event_is_in_the_status(running: Running, cluster: Cluster) -> None:
    """`Blocked` is True while it is, and then gone; the source stays ready."""
    going = await _ready(running, cluster)
    verdict = Verdict.of(reasons.EVENT_BLOCKED, "orders partition:1/offset:7 is blocked")
    going._sources[KEY].known = Known("1.2.3", asked=True, blocked=verdict)
    running.operator.queue.add(KEY)
    await running.until(lambda: running.condition(BLOCKED))
    found = running.condition(BLOCKED)
    assert (found["status"], found["reason"]) == ("True", "EventBlocked")
    assert found["message"].startswith("orders partition:1/offset:7 is blocked. Mend the service")
    assert found["message"].endswith("#eventblocked")
    assert running.condition()["status"] == "True"
    _tell(running, None)
    await running.until(lambda: not _said(cluster, BLOCKED))


async def test_a_restart_keeps_what_a_status_says_until_adapters_were_asked(
    running: Running, cluster: Cluster
) -> None:
    """A fresh operator writes nothing while it does not know better."""
    await _ready(running, cluster)
    _tell(running, Verdict.of(reasons.SINK_UNREACHABLE, "connection refused"))
    await running.until(lambda: running.condition(REACHABLE))
    await running.settled()
    await running.stop()
    written = len(cluster.writes)
    await running.start()
    await running.settled()
    running.operator.queue.add(KEY)
    await running.settled()
    assert cluster.writes[written:] == []
    assert running.condition(REACHABLE)["status"] == "False"


async def test_a_source_at_rest_is_not_asked(running: Running, cluster: Cluster) -> None:
    """Scaled to zero, it has no word on its service, as nobody tries to reach it."""
    going = await _ready(running, cluster)
    _tell(running, Verdict.of(reasons.SINK_UNREACHABLE, "connection refused"))
    await running.until(lambda: running.condition(REACHABLE))
    cluster.put("mnssources", mns(paused=True))
    await running.until(lambda: not _said(cluster))
    assert KEY not in going._sources


async def test_a_source_whose_status_is_gone_is_not_asked(
    running: Running, cluster: Cluster
) -> None:
    """Nobody may ever tell of its deletion, as with a source that is gone while it is written."""
    going = await _ready(running, cluster)
    del cluster.objects["mnssources", "shop", "orders"]  # and no watch tells
    _tell(running, Verdict.of(reasons.SINK_UNREACHABLE, "connection refused"))
    await running.until(lambda: KEY not in going._sources)
