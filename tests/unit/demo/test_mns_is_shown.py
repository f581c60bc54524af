"""The queue that the demo shows: orders go in, and it breaks and heals as the page asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from eventing_alibaba.cli.demo.mns import CUTS, FAULTS, KEY_GONE, QUEUE, THROTTLED, MnsScenario
from eventing_alibaba.cli.demo.scenario import Breakable, load
from eventing_alibaba.testing.emulators import EmulatorUnavailableError


@pytest.fixture
async def scenario() -> AsyncIterator[MnsScenario]:
    """The scenario, open."""
    made = MnsScenario()
    await made.open()
    yield made
    await made.close()


async def _sent(scenario: MnsScenario) -> None:
    scenario.tend()
    while scenario._sending is not None:
        await asyncio.wait([scenario._sending])
        scenario.tend()


async def test_orders_wait_while_the_queue_is_down(scenario: MnsScenario) -> None:
    """What is sent meanwhile is in the queue when it is up again, all of it, in its order."""
    refused: list[int] = []
    scenario.stop_broker()
    for number in range(1, 2_501):
        scenario.send(scenario.message(number), refused.append)
    await _sent(scenario)
    assert scenario._emulator.messages(QUEUE) == []
    scenario.start_broker()
    await _sent(scenario)
    bodies = [one["body"].encode() for one in scenario._emulator.messages(QUEUE)]
    assert [scenario.number_of(body) for body in bodies] == list(range(1, 2_501))
    assert refused == []


async def test_orders_that_the_queue_does_not_take_are_told(scenario: MnsScenario) -> None:
    """An order that is not in the queue must not be waited for."""
    refused: list[int] = []
    scenario._emulator.delete_queue(QUEUE)
    scenario.send(scenario.message(7), refused.append)
    await _sent(scenario)
    assert refused == [7]


async def test_it_suffers_from_what_is_active_and_nothing_else(scenario: MnsScenario) -> None:
    """Each fault is there after it was asked for, and gone when it is no longer named."""
    assert isinstance(scenario, Breakable)
    await scenario.suffer({fault.name for fault in FAULTS})
    state = scenario._emulator.state()
    assert state["keys"] == []
    assert [fault.get("error", fault.get("cut")) for fault in state["faults"]] == [
        "QpsLimitExceeded",
        "half",
    ]
    await scenario.suffer({CUTS})
    state = scenario._emulator.state()
    assert (state["keys"], len(state["faults"])) == (["test"], 1)
    await scenario.suffer({KEY_GONE, THROTTLED})
    await scenario.suffer(set())
    state = scenario._emulator.state()
    assert (state["keys"], state["faults"]) == (["test"], [])


def test_what_it_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the XML parser of the adapter the sentence says what to install."""
    monkeypatch.setattr("eventing_alibaba.cli.demo.emulated.find_spec", lambda _: None)
    with pytest.raises(EmulatorUnavailableError, match=r"pip install 'eventing-alibaba\[mns\]'"):
        load("mns")
