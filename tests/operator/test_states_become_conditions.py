"""From what a Deployment and its pods are to conditions, by table."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.operator.cluster import pod

from eventing_alibaba_operator import observe, reasons
from eventing_alibaba_operator.status import (
    CONSUMING,
    CREDENTIALS,
    DEPLOYED,
    REACHABLE,
    SINK,
    Findings,
    Verdict,
    condition,
    status,
)
from eventing_alibaba_operator.words import Listener, Pod

LABELS = {"app.kubernetes.io/instance": "mnssource-orders"}
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def deployment(*conditions: Any, observed: int = 1, wanted: int = 1, **counts: int) -> Any:
    return {
        "metadata": {"generation": 1},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": observed, "conditions": list(conditions), **counts},
    }


ALL_THERE = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
REFUSED = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
LATE = {"type": "Progressing", "status": "False", "message": "timed out"}


@pytest.mark.parametrize(
    ("live", "reason", "fact"),
    [
        (deployment(**ALL_THERE), reasons.DEPLOYED, ""),
        (deployment(observed=0, **ALL_THERE), reasons.ROLLING_OUT, ""),
        (deployment(), reasons.ROLLING_OUT, ""),
        (deployment(**{**ALL_THERE, "replicas": 2}), reasons.ROLLING_OUT, ""),
        (deployment(REFUSED), reasons.PODS_REFUSED, "exceeded quota"),
        (deployment(LATE), reasons.ROLLOUT_STALLED, "0 of 1 adapters are available"),
        (deployment(LATE, **ALL_THERE), reasons.DEPLOYED, ""),
        (deployment(wanted=0), reasons.DEPLOYED, ""),
    ],
)
def test_a_deployment_tells_whether_it_is_there(live: Any, reason: Any, fact: str) -> None:
    """Counts and the Deployment's own conditions make `Deployed`."""
    verdict = observe.deployed(live)
    assert verdict.reason is reason
    assert fact in verdict.message


def container(**state: Any) -> Pod:
    made = pod("shop", LABELS, ready=False)
    made["metadata"]["creationTimestamp"] = NOW
    made["status"]["containerStatuses"][0] = {"name": "adapter", **state}
    return Pod.of(made)


def ended(code: int, message: str = "") -> Any:
    return {"terminated": {"exitCode": code, "message": message}}


def unschedulable() -> Pod:
    made = pod("shop", LABELS, ready=False)
    made["metadata"]["creationTimestamp"] = NOW
    told = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes have room"}
    made["status"] = {"conditions": [told]}
    return Pod.of(made)


BACKOFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}


@pytest.mark.parametrize(
    ("found", "reason", "fact"),
    [
        (
            container(state=BACKOFF, lastState=ended(78, "spec.queue: x")),
            "AdapterMisconfigured",
            "spec.queue: x",
        ),
        (container(state=ended(1, "Traceback")), "AdapterCrashed", "exit code 1: Traceback"),
        (container(state=BACKOFF, lastState=ended(137)), "AdapterCrashed", "exit code 137"),
        (container(state=PULL), "AdapterNotStarted", "no such image"),
        (container(state={"waiting": {"reason": "ContainerCreating"}}), "AdapterStarting", ""),
        (unschedulable(), "AdapterNotStarted", "0/3 nodes have room"),
    ],
)
async def test_the_kubelets_words_are_told(found: Pod, reason: str, fact: str) -> None:
    """What keeps a container from running, or ended it, makes `Consuming`."""
    told = await Listener().consuming([found])
    assert told.verdict.word == reason
    assert fact in told.verdict.message


@pytest.fixture
async def adapter() -> AsyncIterator[tuple[Listener, dict[str, bytes]]]:
    """A listener, and an adapter whose `/status` answers what the test puts there."""
    said = {"body": b"{}"}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=said["body"])

    app = web.Application()
    app.router.add_get("/status", answer)
    async with TestServer(app) as server:
        listener = Listener(port=server.port or 0)
        yield listener, said
        await listener.close()


def says(**told: Any) -> bytes:
    return json.dumps({"state": "running", "ready": False, "adapterVersion": "1", **told}).encode()


@pytest.mark.parametrize(
    ("body", "word", "state", "fact"),
    [
        (
            says(reason="Unauthorized", message="user refused"),
            "Unauthorized",
            "False",
            "user refused",
        ),
        (says(state="starting", reason="Starting"), "AdapterStarting", "Unknown", ""),
        (
            says(state="starting", reason="SecretMissing", message="no key"),
            "SecretMissing",
            "False",
            "no key",
        ),
        (says(ready=True, reason="Consuming"), "Consuming", "True", ""),
        (says(reason="no word"), "AdapterNotReady", "False", ""),
        (says(reason=5, message=[]), "AdapterNotReady", "False", ""),
        (b"[]", "AdapterSilent", "Unknown", ""),
        (b"<html>", "AdapterSilent", "Unknown", ""),
        (b'{"a": "' + b"x" * 20_000 + b'"}', "AdapterSilent", "Unknown", ""),
    ],
)
async def test_the_adapters_words_are_told(
    adapter: tuple[Listener, dict[str, bytes]], body: bytes, word: str, state: str, fact: str
) -> None:
    """Its reason and sentence are taken over; whatever is no status is silence."""
    listener, said = adapter
    said["body"] = body
    told = await listener.consuming([container(state={"running": {}})])
    assert (told.verdict.word, told.verdict.reason.state) == (word, state)
    assert fact in told.verdict.message


@pytest.mark.parametrize(
    ("sink", "reason", "fact"),
    [
        ({"reachable": True}, reasons.SINK_REACHABLE, ""),
        (
            {"reachable": False, "reason": "it refuses"},
            reasons.SINK_UNREACHABLE,
            "it refuses. Mess",
        ),
        ({"reachable": False, "reason": 5}, reasons.SINK_UNREACHABLE, "Messages wait"),
        ({"reachable": None}, None, ""),
        ({"reachable": "yes"}, None, ""),
        ([], None, ""),
        (None, None, ""),
    ],
)
async def test_the_adapters_words_on_its_service_are_told(
    adapter: tuple[Listener, dict[str, bytes]], sink: object, reason: object, fact: str
) -> None:
    """`sink` of its status makes `SinkReachable`; what it does not know makes none."""
    listener, said = adapter
    said["body"] = says(sink=sink)
    told = (await listener.consuming([container(state={"running": {}})])).sink
    assert (told and told.reason) is reason
    assert told is None or told.message.startswith(fact)


async def test_an_adapter_that_does_not_answer_is_silent() -> None:
    """Nobody at the port: Unknown, with where to look."""
    listener = Listener(port=1)
    told = await listener.consuming([container(state={"running": {}})])
    await listener.close()
    assert told.verdict.reason is reasons.ADAPTER_SILENT


def findings(**verdicts: reasons.Reason) -> Findings:
    kinds = {"sink": SINK, "credentials": CREDENTIALS, "deployed": DEPLOYED, "consuming": CONSUMING}
    return Findings(verdicts={kinds[k]: Verdict.of(r, "fact") for k, r in verdicts.items()})


GOOD = {
    "sink": reasons.SINK_PROVIDED,
    "credentials": reasons.CREDENTIALS_PROVIDED,
    "deployed": reasons.DEPLOYED,
    "consuming": reasons.CONSUMING,
}


@pytest.mark.parametrize(
    ("change", "ready", "reason", "also"),
    [
        ({}, "True", "Ready", None),
        ({"credentials": reasons.CREDENTIALS_NOT_CHECKED}, "True", "Ready", None),
        ({"consuming": reasons.ADAPTER_SILENT}, "True", "Ready", None),
        ({"sink": reasons.SINK_LOOKED_UP}, "Unknown", "SinkLookedUp", "Reconciling"),
        ({"deployed": reasons.ROLLING_OUT}, "Unknown", "RollingOut", "Reconciling"),
        ({"deployed": reasons.ROLLOUT_STALLED}, "False", "RolloutStalled", "Reconciling"),
        ({"consuming": reasons.ADAPTER_CRASHED}, "False", "AdapterCrashed", "Reconciling"),
        ({"consuming": reasons.ADAPTER_MISCONFIGURED}, "False", "AdapterMisconfigured", "Stalled"),
        ({"deployed": reasons.TEMPLATE_REFUSED}, "False", "TemplateRefused", "Stalled"),
        (
            {"sink": reasons.SINK_NOT_FOUND, "consuming": reasons.ADAPTER_CRASHED},
            "False",
            "SinkNotFound",
            "Reconciling",
        ),
    ],
)
def test_ready_sums_up(
    change: dict[str, reasons.Reason], ready: str, reason: str, also: str | None
) -> None:
    """The first False wins; what need not be True may be Unknown; kstatus learns what is final."""
    made = status(findings(**{**GOOD, **change}), generation=3, before={}, now=NOW)
    assert (condition(made, "Ready")["status"], condition(made, "Ready")["reason"]) == (
        ready,
        reason,
    )
    others = {one["type"] for one in made["conditions"]} & {"Stalled", "Reconciling"}
    assert others == ({also} if also else set())
    assert made["observedGeneration"] == 3


def test_a_service_that_is_away_leaves_its_source_ready() -> None:
    """`SinkReachable` is no part of `Ready`, so tools that wait are not held up; it is no error."""
    found = findings(**GOOD)
    found.verdicts[REACHABLE] = Verdict.of(reasons.SINK_UNREACHABLE, "refused")
    made = status(found, generation=1, before={}, now=NOW)
    assert condition(made, "Ready")["status"] == "True"
    assert condition(made, REACHABLE)["severity"] == "Info"
    assert not condition(made, "Reconciling")
    assert Verdict.before(made, REACHABLE) == found.verdicts[REACHABLE]


def test_without_a_deployment_nothing_is_ready() -> None:
    """A verdict that is missing is not taken for a good one."""
    made = status(findings(sink=reasons.SINK_PROVIDED), generation=1, before={}, now=NOW)
    assert condition(made, "Ready")["reason"] == "NotDeployed"


def test_a_conditions_time_changes_with_its_state_alone() -> None:
    """Another reason with the same state keeps `lastTransitionTime`."""
    first = status(
        findings(**{**GOOD, "sink": reasons.SINK_NOT_FOUND}), generation=1, before={}, now=NOW
    )
    second = status(
        findings(**{**GOOD, "sink": reasons.SINK_FORBIDDEN}), generation=1, before=first, now=LATER
    )
    third = status(findings(**GOOD), generation=1, before=second, now=LATER)
    assert condition(second, "Ready")["lastTransitionTime"] == NOW
    assert condition(third, "Ready")["lastTransitionTime"] == LATER


@pytest.mark.parametrize("length", [0, 10, 1900, 2048, 30_000])
@pytest.mark.parametrize("reason", reasons.ALL, ids=lambda reason: reason.name)
def test_messages_end_with_their_link(reason: reasons.Reason, length: int) -> None:
    """What wants something done says what, and ends with a link to its heading.

    So does whatever is not True, however long the fact.

    The fact is cut, so that a message has 2048 characters at most.
    """
    message = Verdict.of(reason, "x" * length).message
    assert message.startswith("x" * min(length, 1000))
    assert len(message) <= 2048
    assert reason.advice in message
    link = f"/conditions.html#{reason.name.lower()}"
    assert message.endswith(link) == (reason.state != "True" or reason.advice != "")
