"""What the page's commands do to a run, and what the run tells."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.demo.playing import Bottle, LeakyBottle, accept, stage

from eventing_alibaba.cli.demo.faults import (
    ADAPTER_KILL,
    BROKER_DOWN,
    FAULTS,
    SERVICE_BUSY,
    SERVICE_DOWN,
    SERVICE_SLOW,
    described,
)
from eventing_alibaba.cli.demo.performance import Performance


def _texts(performance: Performance) -> list[str]:
    return [one["text"] for one in performance.look().log]


async def test_a_service_is_broken_and_healed() -> None:
    """Its rules follow what is active; the state says what that is; the log says both."""
    performance = Performance(stage(), rate=20)
    script = performance.stage.service.script
    await performance.break_(SERVICE_BUSY)
    await performance.break_(SERVICE_SLOW)
    assert [rule.answer.status for rule in script.rules] == [429]
    assert script.default.delay > 0
    look = performance.look()
    assert look.state["active"] == [SERVICE_BUSY, SERVICE_SLOW]
    assert [one["tone"] for one in look.log] == ["bad", "bad"]
    await performance.heal(SERVICE_BUSY)
    assert (script.rules, performance.look().state["active"]) == ([], [SERVICE_SLOW])
    await performance.heal(SERVICE_SLOW)
    assert script.default.delay == 0


async def test_a_broker_is_broken_and_healed() -> None:
    """The scenario takes its broker down and up; sentences have its name."""
    bottle = Bottle()
    performance = Performance(stage(bottle), rate=20)
    await performance.break_(BROKER_DOWN)
    assert bottle.done == ["stopped"]
    assert _texts(performance) == ["Bottle is down."]
    await performance.heal()
    assert bottle.done == ["stopped", "started"]
    assert _texts(performance) == ["Bottle is up again."]


async def test_a_broker_breaks_in_ways_of_its_own() -> None:
    """A scenario's own faults have buttons too; it is told what is active, and heals with all."""
    bottle = LeakyBottle()
    performance = Performance(stage(bottle), rate=20)
    assert performance.faults[-1].name == "leak"
    await performance.break_(SERVICE_BUSY)
    await performance.break_("leak")
    assert bottle.done == ["leak"]
    assert _texts(performance)[-1] == "Bottle leaks."
    await performance.heal("leak")
    assert bottle.done == ["leak", ""]
    assert performance.look().state["active"] == [SERVICE_BUSY]
    await performance.break_("leak")
    await performance.heal()
    assert bottle.done == ["leak", "", "leak", ""]


async def test_a_service_that_is_down_refuses_connections() -> None:
    """Down means refused, on the same port, until it is healed."""
    made = stage()
    performance = Performance(made, rate=20)
    async with made.service:
        port = int(made.service.url.split(":")[2].strip("/"))
        await performance.break_(SERVICE_DOWN)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await performance.heal(SERVICE_DOWN)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()


async def test_everything_is_healed_at_once() -> None:
    """One command heals whatever is broken, and one sentence says so."""
    bottle = Bottle()
    performance = Performance(stage(bottle), rate=20)
    for name in (BROKER_DOWN, SERVICE_BUSY, SERVICE_SLOW):
        await performance.break_(name)
    performance.look()
    await performance.heal()
    look = performance.look()
    assert look.state["active"] == []
    assert "Everything is healed." in [one["text"] for one in look.log]
    assert bottle.done == ["stopped", "started"]
    assert performance.stage.service.script.rules == []


async def test_the_same_again_is_nothing() -> None:
    """Breaking what is broken and healing what is well change and tell nothing."""
    performance = Performance(stage(), rate=20)
    await performance.break_(SERVICE_BUSY)
    await performance.break_(SERVICE_BUSY)
    assert len(_texts(performance)) == 1
    await performance.heal(SERVICE_SLOW)
    assert _texts(performance) == []


async def test_a_kill_is_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter is killed, and nothing is left to be healed."""
    made = stage()
    killed: list[bool] = []
    monkeypatch.setattr(made.adapter, "kill", lambda: killed.append(True))
    performance = Performance(made, rate=20)
    await performance.break_(ADAPTER_KILL)
    assert killed == [True]
    assert performance.look().state["active"] == []


async def test_what_cannot_be_broken_is_named() -> None:
    """An unknown name is refused with those that there are."""
    performance = Performance(stage(), rate=20)
    for act in (performance.break_, performance.heal):
        with pytest.raises(LookupError, match="service-down"):
            await act("coffee")


def test_the_load_has_bounds() -> None:
    """The slider's values pass, others are refused and change nothing."""
    performance = Performance(stage(), rate=20)
    performance.load(5000)
    for rate in (0, -1, 5001, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="must be above 0"):
            performance.load(rate)
    assert performance.look().state["load"] == 5000


def test_page_and_ledger_agree() -> None:
    """What a look tells of a run is what its ledger says, which `--once` prints."""
    made = stage()
    performance = Performance(made, rate=20)
    for number in range(1, 8):
        made.send(number)
    accept(made, 1, 2, 3, 3)
    accept(made, 4, aside=True)
    look = performance.look()
    told = [look.state[name] for name in ("sent", "delivered", "duplicated", "lost", "setAside")]
    assert told == [7, 3, 1, 0, 1]
    assert look.tally == made.ledger.tally()
    assert look.state["waiting"] == look.tally.waiting == 3


def test_a_few_events_are_shown_and_kept_whole() -> None:
    """Of many arrivals a few are told, the odd ones first; each can be asked for."""
    made = stage()
    performance = Performance(made, rate=20)
    for number in range(1, 101):
        made.send(number)
    accept(made, *range(1, 100), 99)
    accept(made, 100, aside=True)
    events = performance.look().events
    assert 1 <= len(events) <= 3
    assert events[0]["kind"] == "again"
    whole = performance.event(events[0]["key"])
    assert whole["attributes"]["type"] == "t"
    assert f'"order":{whole["message"]}' in whole["data"]
    assert (whole["mode"], whole["cut"]) == ("binary", False)
    with pytest.raises(LookupError, match="no longer kept"):
        performance.event(12345)


def test_faults_are_described_for_a_page() -> None:
    """The page needs to know none of them: names, places and words come with the stream."""
    told = described((*FAULTS, *LeakyBottle.faults), "Bottle")
    assert {one["place"] for one in told} == {"broker", "adapter", "service"}
    assert told[-1]["does"] == "Bottle leaks."
    assert not any("{" in str(one["does"]) for one in told)
