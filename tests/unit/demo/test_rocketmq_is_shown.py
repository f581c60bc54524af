"""The topic that the demo shows: orders go in by customer, and it breaks and heals as asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest

from eventing_alibaba.cli.demo.rocketmq import (
    FAULTS,
    STREAMS,
    THROTTLED,
    TOPIC,
    TOPIC_GONE,
    RocketMQScenario,
)
from eventing_alibaba.cli.demo.scenario import Breakable, load
from eventing_alibaba.testing.emulators import EmulatorUnavailableError


@pytest.fixture
async def scenario() -> AsyncIterator[RocketMQScenario]:
    """The scenario, open."""
    made = RocketMQScenario()
    await made.open()
    yield made
    await made.close()


async def _sent(scenario: RocketMQScenario) -> None:
    scenario.tend()
    while scenario._sending is not None:
        await asyncio.wait([scenario._sending])
        scenario.tend()


async def test_orders_wait_while_the_broker_is_down(scenario: RocketMQScenario) -> None:
    """What is sent meanwhile is there when it is up again, each customer's in their order."""
    refused: list[int] = []
    scenario.stop_broker()
    for number in range(1, 701):
        scenario.send(scenario.message(number), refused.append)
    await _sent(scenario)
    assert scenario._emulator.messages(TOPIC) == []
    scenario.start_broker()
    await _sent(scenario)
    by_queue: dict[int, list[int]] = defaultdict(list)
    by_customer: dict[str, list[int]] = defaultdict(list)
    for message in scenario._emulator.messages(TOPIC):
        found = scenario.number_of(message["body"].encode())
        assert found is not None
        by_queue[message["queue"]].append(found)
        by_customer[scenario.message(found).customer].append(found)
    assert sorted(n for numbers in by_queue.values() for n in numbers) == list(range(1, 701))
    assert all(numbers == sorted(numbers) for numbers in by_customer.values())
    assert len(by_queue) > 4, "customers share few queues"
    assert refused == []


async def test_orders_that_the_broker_does_not_take_are_told(scenario: RocketMQScenario) -> None:
    """An order that is not in the topic must not be waited for."""
    refused: list[int] = []
    scenario._emulator.delete_topic(TOPIC)
    scenario.send(scenario.message(7), refused.append)
    await _sent(scenario)
    assert refused == [7]


async def test_it_suffers_from_what_is_active_and_nothing_else(scenario: RocketMQScenario) -> None:
    """Each fault is there after it was asked for, and gone when it is no longer named."""

    def faults() -> list[str]:
        found = scenario._emulator.state()["faults"]
        return [f"{one.get('operation', '*')} {one.get('error', one.get('grpc'))}" for one in found]

    assert isinstance(scenario, Breakable)
    await scenario.suffer({fault.name for fault in FAULTS})
    assert faults() == [
        "QueryRoute TOPIC_NOT_FOUND",
        "ReceiveMessage TOPIC_NOT_FOUND",
        "* TOO_MANY_REQUESTS",
        "Telemetry UNAVAILABLE",
    ]
    await scenario.suffer({THROTTLED})
    assert faults() == ["* TOO_MANY_REQUESTS"]
    await scenario.suffer({STREAMS, TOPIC_GONE})
    await scenario.suffer(set())
    assert faults() == []


def test_what_it_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gRPC the sentence says what to install."""
    monkeypatch.setattr("eventing_alibaba.cli.demo.emulated.find_spec", lambda _: None)
    with pytest.raises(
        EmulatorUnavailableError, match=r"pip install 'eventing-alibaba\[rocketmq\]"
    ):
        load("rocketmq")
