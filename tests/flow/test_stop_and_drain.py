"""How the flow lets go: of tracks that the source loses, and of everything at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.flow.harness import OK, Broker, Run, Service, message, status, turn, until

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.deliver_batches import Batching

pytestmark = pytest.mark.looptime


async def test_drain_waits_for_requests_on_the_wire_only() -> None:
    """Queued messages and sleeping retries are dropped at once, the wire may still settle."""
    broker = Broker([message(n) for n in range(8)])
    service = Service(limit=4)
    async with Run(broker, service) as run:
        service.answer(status(500), b"body 3")
        service.answer(OK, b"body 0")
        await turn()
        drained = asyncio.create_task(broker.flow.drain(["t"], lost=False, timeout=10))
        await turn()
        for posted, reply in list(service.wire):
            if posted in {b"body 1", b"body 2"}:
                reply(OK)
        await turn()
        assert not drained.done(), "requests are still on the wire"
        for _, reply in list(service.wire):
            reply(OK)
        await drained
        settled = broker.flow.settled("t")
        assert settled is not None
        assert settled.id == "2", "what failed was dropped, so the prefix ends before it"
        assert broker.acked_ids in ([], ["0"]), "the source commits for itself"
        await asyncio.sleep(100)
        assert service.counted[b"body 3"] == 1
        assert b"body 7" not in service.posted
        assert run.pipeline.held.count == 0


@pytest.mark.parametrize("batching", [None, Batching(1, 1 << 20, 0.0)], ids=["single", "batches"])
async def test_a_drained_track_gets_no_further_event_of_a_message(
    batching: Batching | None,
) -> None:
    """The first of three was on the wire; the message is the next owner's, as a whole."""
    broker, service = Broker([message(0, body=b"split:a,b,c")]), Service(limit=1)
    async with Run(broker, service, batching=batching) as run:
        await turn()
        drained = asyncio.create_task(broker.flow.drain(["t"], lost=False, timeout=10.0))
        await turn()
        service.answer(OK)
        await turn()
        assert drained.done()
        assert len(service.posted) == 1
        assert broker.acked == []
        assert broker.flow.settled("t") is None
        assert run.pipeline.held.count == 0


async def test_drain_gives_up_after_its_timeout_and_is_final() -> None:
    """A service that does not answer cannot hold a rebalance; its late answer changes nothing."""
    broker, service = Broker([message(1)]), Service()
    async with Run(broker, service):
        await broker.flow.drain(["t"], lost=False, timeout=3)
        assert broker.flow.settled("t") is None
        service.answer(OK)
        await asyncio.sleep(1)
        assert broker.flow.settled("t") is None
        assert broker.acked == []


async def test_drain_of_lost_tracks_waits_for_nothing() -> None:
    """Somebody else already has the track: there is nothing to wait for."""
    broker, service = Broker([message(1)]), Service()
    async with Run(broker, service):
        before = asyncio.get_running_loop().time()
        await broker.flow.drain(["t"], lost=True, timeout=30)
        assert asyncio.get_running_loop().time() == before


async def test_a_failed_answer_of_a_drained_track_is_not_retried() -> None:
    """The broker gives the message to the next owner; posting it again would only duplicate it."""
    broker, service = Broker([message(1)]), Service()
    async with Run(broker, service):
        drained = asyncio.create_task(broker.flow.drain(["t"], lost=False, timeout=30))
        await turn()
        service.answer(status(500))
        await drained
        await asyncio.sleep(100)
        assert service.posted == [b"body 1"]


async def test_other_tracks_go_on_during_a_drain() -> None:
    """Draining one track neither delays nor settles another."""
    broker, service = Broker([message(1, track="a"), message(2, track="b")]), Service()
    async with Run(broker, service):
        drained = asyncio.create_task(broker.flow.drain(["a"], lost=False, timeout=30))
        await turn()
        broker.produce(message(3, track="b"))
        await turn()
        service.answer(OK, b"body 2")
        service.answer(OK, b"body 3")
        await asyncio.sleep(1)
        assert broker.acked_ids == ["2", "3"]
        assert not drained.done()
        service.answer(OK, b"body 1")
        await drained


async def test_what_comes_late_for_a_drained_track_is_left_to_the_broker() -> None:
    """A batch that was already under way when the track was lost is not delivered."""
    broker, service = Broker(), Service()
    async with Run(broker, service):
        await broker.flow.drain(["t"], lost=False, timeout=1)
        broker.produce(message(1), message(2, track="u"))
        await turn()
        assert service.posted == [b"body 2"]


async def test_a_forgotten_track_leaves_nothing_behind() -> None:
    """The flow does not collect the tracks of a year of rebalances."""
    broker, service = Broker(), Service()
    service.rule = lambda body: OK
    async with Run(broker, service) as run:
        for epoch in range(50):
            broker.produce(message(epoch, track=epoch, lane=epoch))
            await asyncio.sleep(1)
            await broker.flow.drain([epoch], lost=False, timeout=1)
            broker.flow.forget(epoch)
        assert list(run.pipeline.held.tracks()) == []


async def test_a_blocked_event_of_a_drained_track_is_blocked_no_more() -> None:
    """`/status` does not show what is somebody else's by now."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(400)
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        assert len(run.pipeline.blocked()) == 1
        await broker.flow.drain(["t"], lost=False, timeout=1)
        assert run.pipeline.blocked() == []


async def test_a_stop_waits_for_answers_and_acknowledges_them() -> None:
    """Requests on the wire may finish within the grace; what was never written is released."""
    broker, service = Broker([message(n, track=n) for n in range(10)]), Service(limit=4)
    run = Run(broker, service)
    async with run:
        run.stop.set()
        await asyncio.sleep(2)
        assert sorted(m.id for m in broker.released) == ["4", "5", "6", "7", "8", "9"]
        assert broker.closed == 0
        for body in (b"body 0", b"body 1", b"body 2", b"body 3"):
            service.answer(OK, body)
        await asyncio.sleep(1)
        assert broker.acked_ids == ["0", "1", "2", "3"]
        assert broker.closed == 1
        assert len(service.posted) == 4


async def test_a_stop_cuts_what_is_not_answered_in_time() -> None:
    """After the grace the requests are cut; their messages are neither settled nor released."""
    broker, service = Broker([message(1), message(2, track="u")]), Service()
    async with Run(broker, service, grace="PT5S") as run:
        service.answer(OK, b"body 2")
        start = asyncio.get_running_loop().time()
        await run.end()
        assert 5 <= asyncio.get_running_loop().time() - start < 6
        assert broker.acked_ids == ["2"]
        assert broker.released == []
        assert broker.closed == 1


async def test_a_stop_during_backoff_does_not_wait_for_it() -> None:
    """Sleeping retries are released at once: their broker keeps them."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: status(500)
    async with Run(broker, service) as run:
        await asyncio.sleep(0.5)
        start = asyncio.get_running_loop().time()
        await run.end()
        assert asyncio.get_running_loop().time() - start < 1
        assert [m.id for m in broker.released] == ["1"]


async def test_a_stop_while_opening_ends_at_once() -> None:
    """A broker that is away does not hold up the end of the process."""
    broker, service = Broker(), Service()
    broker.fail_open = [Disconnected("away") for _ in range(99)]
    async with Run(broker, service) as run:
        await asyncio.sleep(3)
        start = asyncio.get_running_loop().time()
        await run.end()
        assert asyncio.get_running_loop().time() - start < 1


async def test_a_stop_flushes_acks_that_fail_at_first() -> None:
    """The last acknowledgements are tried again before the source is closed."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: OK
    broker.fail_ack = [Disconnected("for a moment")]
    async with Run(broker, service) as run:
        await until(lambda: broker.ack_calls)
        await run.end()
        assert broker.acked_ids == ["1"]


async def test_a_defect_of_the_source_does_not_end_a_stop() -> None:
    """Whatever `quiesce` and `close` raise, answers are waited for and acknowledged."""
    broker, service = Broker([message(1)]), Service()

    async def fail() -> Sequence[Message]:
        raise KeyError("a defect")

    broker.quiesce = broker.close = fail  # type: ignore[assignment, method-assign]
    async with Run(broker, service) as run:
        await turn()
        run.stop.set()
        await asyncio.sleep(1)
        service.answer(OK)
        assert run.task is not None
        await asyncio.wait_for(run.task, 5)
        assert broker.acked_ids == ["1"]


async def test_a_stop_does_not_wait_for_ever_for_acks() -> None:
    """A broker that takes no acknowledgement delays the end by seconds, not for ever."""
    broker, service = Broker([message(1)]), Service()
    service.rule = lambda body: OK
    broker.fail_ack = [Disconnected("gone") for _ in range(999)]
    async with Run(broker, service) as run:
        await asyncio.sleep(1)
        start = asyncio.get_running_loop().time()
        await run.end()
        assert asyncio.get_running_loop().time() - start < 15
        assert broker.closed == 1
