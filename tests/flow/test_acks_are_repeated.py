"""Acknowledgements that fail: repeated until they are done, in order, whatever the failure."""

from __future__ import annotations

import asyncio

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, until

from eventing_alibaba.contract.errors import PartialFailure, Throttled

pytestmark = pytest.mark.looptime(noop_cycles=0)


def accepting(broker: Broker) -> Run:
    service = Service()
    service.rule = lambda body: OK
    return Run(broker, service)


async def test_messages_to_be_repeated_are_known_by_their_ids() -> None:
    """A source may name them by copies; none counts as acknowledged for that."""
    broker = Broker([message(n) for n in range(4)])
    broker.fail_ack = [PartialFailure("two of them", again=[message(3), message(1)])]
    async with accepting(broker):
        await until(lambda: len(broker.ack_calls) == 2)
        assert broker.ack_calls == [4, 2]
        assert broker.acked_ids == ["1", "3"], "in the order of the track"


async def test_a_defect_of_the_source_does_not_end_acknowledging() -> None:
    """What no source should raise is logged, and the call is repeated."""
    broker = Broker([message(n) for n in range(4)])
    broker.fail_ack = [RuntimeError("a defect"), KeyError("another")]
    async with accepting(broker) as run:
        await until(lambda: broker.acked)
        assert broker.acked_ids == ["0", "1", "2", "3"]
        assert run.counters.settled == {"acked": 4}


async def test_what_is_settled_meanwhile_goes_with_the_repetition() -> None:
    """Behind what failed, never before it."""
    broker = Broker([message(1)])
    broker.fail_ack = [Throttled("slowly", delay=5.0)]
    async with accepting(broker):
        await until(lambda: broker.ack_calls)
        broker.produce(message(2))
        await asyncio.sleep(6)
        assert broker.ack_calls == [1, 2]
        assert broker.acked_ids == ["1", "2"]
