"""What ready adapters are asked for: their version, and whether their service answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.operator.cluster import Cluster
from tests.operator.conftest import Running, mns

from eventing_alibaba_operator import reasons, rounds
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.rounds import Known, Rounds
from eventing_alibaba_operator.status import BLOCKED, REACHABLE, Verdict, condition
from eventing_alibaba_operator.words import Listener, Pod, Told

NAME = "mnssource-orders"
KEY = Key("MnsSource", "shop", "orders")
READY = Told(Verdict.of(reasons.CONSUMING))
AWAY = {"reachable": False, "reason": "connection refused", "since": 1.0}

Said = dict[str, Any]


def pod(name: str, *, started: int = 0, address: str = "127.0.0.1") -> Pod:
    stamp = f"2026-01-01T00:00:{started:02}Z"
    return Pod(name, NAME, ready=True, address=address, running=True, started=stamp)


@asynccontextmanager
async def adapter(port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[tuple[int, Said]]:
    """An adapter, and what it says; `asked` counts."""
    said: Said = {"ready": True, "state": "running", "adapterVersion": "1.2.3", "asked": 0}

    async def status(_: web.Request) -> web.Response:
        said["asked"] += 1
        return web.json_response(said)

    app = web.Application()
    app.router.add_get("/status", status)
    async with TestServer(app, host=host, port=port) as server:
        assert server.port is not None
        yield server.port, said


class Going:
    """Rounds that are under way on a clock of the test's."""

    def __init__(self, port: int) -> None:
        self.now = 1000.0
        self.woken: list[Key] = []
        self.listener = Listener(port=port)
        self.rounds = Rounds(self.listener, self.woken.append, clock=lambda: self.now)

    def of(self, *pods: Pod) -> Known:
        return self.rounds.of(KEY, pods, READY)

    async def after(self, seconds: float, said: Said) -> None:
        """Let time pass and one more round be asked, and answered."""
        before = said["asked"]
        self.now += seconds
        await until(lambda: said["asked"] > before and not self.rounds._asking)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.002)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@asynccontextmanager
async def under_way(port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Going]:
    monkeypatch.setattr(rounds, "_TICK", 0.005)
    going = Going(port)
    task = asyncio.create_task(going.rounds.run())
    yield going
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await going.listener.close()


@pytest.fixture
async def said(stack: AsyncExitStack) -> Said:
    port, said = await stack.enter_async_context(adapter())
    said["port"] = port
    return said


@pytest.fixture
async def going(stack: AsyncExitStack, said: Said, monkeypatch: pytest.MonkeyPatch) -> Going:
    return await stack.enter_async_context(under_way(said["port"], monkeypatch))


async def test_a_pod_that_was_ready_at_first_sight_tells_its_version(
    going: Going, said: Said
) -> None:
    """It is asked at once in the background, and its source is woken when it has answered."""
    assert going.of(pod("a")) == Known()
    await until(lambda: going.woken)
    assert going.of(pod("a")) == Known("1.2.3", asked=True)
    assert said["asked"] == 1
    assert going.woken == [KEY]


async def test_a_new_pod_is_asked_at_once(going: Going, said: Said) -> None:
    """Who has just told how it is, is not asked again; a newer pod is, and its version counts."""
    answered = Told(READY.verdict, "1.0.0", answered=True)
    assert going.rounds.of(KEY, [pod("a")], answered).version == "1.0.0"
    going.rounds._sources[KEY].due = going.now + 20
    both = pod("a"), pod("b", started=1)
    assert going.of(*both).version == "1.0.0"
    await until(lambda: going.of(*both).version == "1.2.3")


async def test_an_adapter_is_asked_every_twenty_seconds(going: Going, said: Said) -> None:
    """And every five while its service is away; a source hears of what has changed only."""
    going.of(pod("a"))
    await until(lambda: going.woken)
    due = going.rounds._sources[KEY].due
    assert 16 <= due - going.now <= 20
    await going.after(20, said)
    assert going.woken == [KEY]
    said["sink"] = AWAY
    await going.after(20, said)
    await until(lambda: len(going.woken) == 2)
    assert 4 <= going.rounds._sources[KEY].due - going.now <= 5
    sink = going.of(pod("a")).sink
    assert sink is not None
    assert sink.reason is reasons.SINK_UNREACHABLE
    assert sink.message.startswith("connection refused. Messages wait in their broker")


async def test_a_service_that_comes_and_goes_is_away_for_half_a_minute(
    going: Going, said: Said
) -> None:
    """Away is told at once; back at the earliest thirty seconds later, however often it changes."""
    going.of(pod("a"))
    said["sink"] = AWAY
    await until(lambda: going.woken)
    said["sink"] = {"reachable": True}
    for _ in range(5):
        await going.after(5, said)
        assert _reason(going) is reasons.SINK_UNREACHABLE
    await going.after(5, said)
    assert _reason(going) is reasons.SINK_REACHABLE
    said["sink"] = AWAY
    await going.after(20, said)
    assert _reason(going) is reasons.SINK_UNREACHABLE


def _reason(going: Going) -> object:
    sink = going.of(pod("a")).sink
    return sink and sink.reason


async def test_a_service_that_is_away_for_many_reasons_is_told_of_one(
    going: Going, said: Said
) -> None:
    """Refused, then silent, then refused: the words are changed after half a minute, if then."""
    going.of(pod("a"))
    said["sink"] = AWAY
    await until(lambda: going.woken)
    before = going.of(pod("a")).sink
    for reason in ("timeout", "503", "timeout", "503", "timeout"):
        said["sink"] = {**AWAY, "reason": reason}
        await going.after(5, said)
        assert going.of(pod("a")).sink == before
    assert len(going.woken) == 1
    await going.after(5, said)
    now = going.of(pod("a")).sink
    assert now is not None
    assert now.message.startswith("timeout.")


async def test_nothing_is_claimed_where_no_adapter_is_ready(going: Going, said: Said) -> None:
    """Crashed or silent, nobody knows how the service is; ready again, they are asked at once."""
    said["sink"] = AWAY
    going.of(pod("a"))
    await until(lambda: going.woken)
    crashed = replace(pod("a"), ready=False)
    silent = Told(Verdict.of(reasons.ADAPTER_CRASHED))
    assert going.rounds.of(KEY, [crashed], silent) == Known("1.2.3", asked=True)
    said["sink"] = {"reachable": True}
    going.of(pod("a"))
    await until(lambda: _reason(going) is reasons.SINK_REACHABLE)


async def test_a_pod_that_comes_while_others_are_asked_does_not_wait(
    going: Going, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers of those before do not put it off to the next round."""
    asked, answer = asyncio.Event(), asyncio.Event()
    ask = going.listener.ask

    async def slowly(pod: Pod) -> Told:
        asked.set()
        await answer.wait()
        return await ask(pod)

    monkeypatch.setattr(going.listener, "ask", slowly)
    going.of(pod("a"))
    await asked.wait()
    going.of(pod("a"), pod("b", started=1))
    answer.set()
    await until(lambda: said["asked"] == 3)


async def test_a_defect_in_asking_is_silence(
    going: Going, said: Said, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the next round comes when it would have come: not each second."""

    async def defect(_pod: Pod) -> Told:
        raise RuntimeError("defect")

    monkeypatch.setattr(going.listener, "ask", defect)
    going.of(pod("a"))
    await until(lambda: "defect" in caplog.text and not going.rounds._asking)
    assert going.rounds._sources[KEY].due >= going.now + 16
    assert going.woken == []


async def test_one_adapter_whose_service_is_away_is_enough(
    stack: AsyncExitStack, said: Said, going: Going
) -> None:
    """All ready pods of a source are asked; one that knows nothing yet does not hide the others."""
    _, other = await stack.enter_async_context(adapter(said["port"], "127.0.0.2"))
    pods = pod("a"), pod("b", started=1, address="127.0.0.2")
    said["sink"], other["sink"] = {"reachable": True}, {"reachable": None}
    going.of(*pods)
    await until(lambda: going.woken)
    assert going.of(*pods).sink == Verdict.of(reasons.SINK_REACHABLE)
    other["sink"] = AWAY
    await going.after(20, said)
    sink = going.of(*pods).sink
    assert sink is not None
    assert sink.reason is reasons.SINK_UNREACHABLE


async def test_silent_adapters_are_asked_ever_more_rarely(
    going: Going, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three rounds without an answer nothing is known of the service; its version stays."""
    said["sink"] = {"reachable": True}
    going.of(pod("a"))
    await until(lambda: going.woken)
    asked = []

    async def ask(pod: Pod) -> Told:
        asked.append(going.now)
        return Told(Verdict.of(reasons.ADAPTER_SILENT))

    monkeypatch.setattr(going.listener, "ask", ask)
    for number in range(6):
        going.now = going.rounds._sources[KEY].due
        await until(lambda n=number: len(asked) > n and not going.rounds._asking)  # type: ignore[misc]
        assert (going.of(pod("a")).sink is None) == (number >= 2)
    assert going.of(pod("a")) == Known("1.2.3", asked=True)
    assert 16 * 16 <= going.rounds._sources[KEY].due - going.now <= 20 * 16


async def test_nobody_asks_for_a_source_that_is_gone(
    going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is forgotten, and an answer that comes after that wakes nobody."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def ask(pod: Pod) -> Told:
        asked.set()
        await answer.wait()
        return Told(READY.verdict, "1.2.3", answered=True)

    monkeypatch.setattr(going.listener, "ask", ask)
    going.of(pod("a"))
    await asked.wait()
    going.rounds.forget(KEY)
    answer.set()
    await until(lambda: not going.rounds._asking)
    assert not going.rounds._sources
    assert going.woken == []


async def test_blocked_events_are_told_the_oldest_first(
    stack: AsyncExitStack, said: Said, going: Going
) -> None:
    """Of all ready pods; a source is not woken by more of them, and it ends with the last."""
    _, other = await stack.enter_async_context(adapter(said["port"], "127.0.0.2"))
    pods = pod("a"), pod("b", started=1, address="127.0.0.2")
    said["blocked"] = [blocked(7, since=1_700_000_100)]
    going.of(*pods)
    await until(lambda: going.woken)
    found = going.of(*pods).blocked
    assert found == Verdict.of(
        reasons.EVENT_BLOCKED,
        "orders partition:1/offset:7 is blocked since 2023-11-14T22:15:00Z: the service"
        " answered 500",
    )
    other["blocked"] = [blocked(3, since=1_700_000_000)]
    await going.after(20, said)
    await until(lambda: len(going.woken) == 2)
    found = going.of(*pods).blocked
    assert found is not None
    assert "offset:3 is blocked since 2023-11-14T22:13:20Z" in found.message
    assert "500; and others. Mend the service" in found.message
    said["blocked"] = [blocked(n, since=1_700_000_100 + n) for n in range(20)]
    await going.after(20, said)
    assert len(going.woken) == 2
    said["blocked"] = other["blocked"] = []
    await going.after(20, said)
    await until(lambda: len(going.woken) == 3)
    assert going.of(*pods).blocked is None


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        [None, 5, "x", {}, {"since": "now"}, {"since": -1}, {"since": 1e300}],
        [{"since": True, "id": 5, "origin": [], "reason": {}}],
    ],
)
async def test_any_form_of_blocked_does_no_harm(going: Going, said: Said, listed: object) -> None:
    """Whatever stands there, the version is known, and the next round is asked."""
    said["blocked"] = listed
    going.of(pod("a"))
    await until(lambda: going.woken)
    assert going.of(pod("a")).version == "1.2.3"


def blocked(offset: int, *, since: float) -> Said:
    return {
        "origin": "orders",
        "id": f"partition:1/offset:{offset}",
        "reason": "the service answered 500",
        "status": 500,
        "since": since,
    }


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
    cluster.refuse = lambda _verb, path: 404 if path.endswith("/status") else None
    _tell(running, Verdict.of(reasons.SINK_UNREACHABLE, "connection refused"))
    await running.until(lambda: KEY not in going._sources)
