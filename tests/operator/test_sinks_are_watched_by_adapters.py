"""What ready adapters are asked for: their version, and whether their service answers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from tests.operator.asking import (
    AWAY,
    KEY,
    READY,
    Going,
    Said,
    adapter,
    pod,
    until,
)

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.rounds import Known
from eventing_alibaba_operator.status import Verdict
from eventing_alibaba_operator.words import Pod, Told


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
