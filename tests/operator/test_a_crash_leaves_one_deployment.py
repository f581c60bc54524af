"""A process that dies at any write of a reconcile, and the next one that goes on."""

from __future__ import annotations

import pytest
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

SINK = {"uri": "https://service/", "audience": "service"}


class _DeadError(Exception):
    """The process does not live any more."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", ["serviceaccounts", "deployments", "status"])
async def test_a_kill_at_a_write_converges(cluster: Cluster, when: str, part: str) -> None:
    """Killed before or after a write, whichever: the next process ends with one of each child."""
    dead: list[str] = []

    def crash(moment: str, what: str) -> None:
        if dead or (moment == when and part in what):
            dead.append(what)
            raise _DeadError

    cluster.crash = crash
    first = await Running(cluster).start()
    cluster.put("mnssources", mns(sink=SINK))
    await first.until(lambda: dead)
    await first.stop()
    cluster.crash = lambda _when, _what: None
    second = await Running(cluster).start()
    await second.until(second.condition)
    cluster.run_pods("shop", "mnssource-orders")
    await second.until(lambda: second.condition()["status"] == "True")
    for kind in ("deployments", "serviceaccounts"):
        assert len([key for key in cluster.objects if key[0] == kind]) == 1
    await second.stop()
