"""Nothing is acknowledged without a 2xx; order is kept; what is not acknowledged comes again."""

from __future__ import annotations

from typing import Final

import pytest

from eventing_alibaba.testing.contract.expecting import (
    ids,
    lane,
    ledger,
    left,
    middle,
    need_ordering,
    remaining,
)
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.ledger import Ordering
from eventing_alibaba.testing.sink import Answer, RecordingSink, Rule

ORDERINGS: Final[tuple[Ordering, ...]] = ("ordered", "keyed", "unordered")

_REFUSALS: Final = {
    "status 500": Answer(status=500),
    "status 400": Answer(status=400),
    "half an answer": Answer(status=204, fault="half"),
    "no answer": Answer(fault="never"),
    "a reset": Answer(fault="reset"),
}


class Delivering:
    """Source and flow to a service that accepts, refuses, or dies in the middle."""

    async def test_what_is_accepted_is_acknowledged(self, harness: Harness) -> None:
        """Each message becomes one valid event, delivered once, and leaves nothing in the broker.

        Its id and source are the same however often it is mapped.
        """
        sent = await harness.produce(40)
        async with RecordingSink() as sink, Run(harness, sink) as run:
            await sink.wait_delivered(len(sent), timeout=harness.patience)
            await left(harness, 0)
            for message in run.source.received:
                once, again = run.source.event(message), run.source.event(message)
                assert repr(once) == repr(again), "mapping a message twice gives two events"
        assert sorted(record.id for record in sink.records) == ids(sent)
        assert not sink.invalid_requests
        assert await harness.backlog() == 0

    @pytest.mark.parametrize("answer", _REFUSALS.values(), ids=_REFUSALS.keys())
    async def test_nothing_is_acknowledged_without_a_2xx(
        self, harness: Harness, answer: Answer
    ) -> None:
        """Refused, cut or unanswered, every message stays in the broker and comes again later."""
        silent = answer.fault == "never"
        sent = await harness.produce(20)
        async with RecordingSink() as sink:
            sink.set_default(answer)
            async with Run(harness, sink, flow={"grace": "PT0S" if silent else "PT5S"}) as run:
                await sink.wait_recorded(1 if silent else 6, timeout=harness.patience)
            assert run.acked == []
            assert await harness.backlog() == len(sent)
            sink.clear()
            sink.set_default(Answer())
            async with Run(harness, sink):
                await sink.wait_delivered(len(sent), timeout=harness.patience)
        assert sorted(record.id for record in sink.records) == ids(sent)
        await left(harness, 0)

    @pytest.mark.parametrize("ordering", ORDERINGS)
    async def test_acknowledging_stops_before_what_is_refused(
        self, harness: Harness, ordering: Ordering
    ) -> None:
        """One refused message holds up its lane and the acknowledgements of its track, no others.

        A stop then leaves exactly these to the broker, and the next run gets exactly these.
        """
        need_ordering(harness, ordering)
        sent = await harness.produce(40)
        victim = middle(sent)
        line, at = lane(victim, ordering), list(sent).index(victim)
        held_up = {victim.id} | {
            m.id for m in sent[at:] if line is not None and lane(m, ordering) == line
        }
        accepted = {message.id for message in sent} - held_up
        unacknowledged = remaining(sent, accepted)
        async with RecordingSink() as sink:
            sink.set_rules(Rule(answer=Answer(status=500), match={"id": victim.id}))
            async with Run(harness, sink, ordering=ordering) as run:
                await sink.wait_delivered(len(accepted), timeout=harness.patience)
                await left(harness, len(unacknowledged))
            assert {record.id for record in sink.records if record.status == 204} == accepted
            assert not set(run.acked) & {message.id for message in unacknowledged}
            assert await harness.backlog() == len(unacknowledged)
            sink.clear()
            sink.set_rules()
            async with Run(harness, sink, ordering=ordering):
                await sink.wait_delivered(len(unacknowledged), timeout=harness.patience)
            told = ledger(unacknowledged, ordering)
            told.read(sink.records)
        report = told.report()
        assert report.clean, report
        assert not report.duplicates, report
        await left(harness, 0)

    @pytest.mark.parametrize("ordering", ORDERINGS)
    async def test_order_is_kept_by_a_service_that_fails(
        self, harness: Harness, ordering: Ordering
    ) -> None:
        """With every fourth answer bad, each lane has one event on the wire and keeps its order."""
        need_ordering(harness, ordering)
        sent = await harness.produce(80)
        async with RecordingSink() as sink:
            sink.set_rules(
                Rule(answer=Answer(status=500), fraction=0.1, seed=1),
                Rule(answer=Answer(fault="half"), fraction=0.1, seed=2),
                Rule(answer=Answer(fault="reset"), fraction=0.05, seed=3),
            )
            async with Run(harness, sink, ordering=ordering):
                await sink.wait_delivered(len(sent), timeout=harness.patience)
                await left(harness, 0)
            told = ledger(sent, ordering)
            told.read(sink.records)
        report = told.report()
        assert report.clean, report
        assert not report.duplicates, report
        assert len(sink.records) > len(sent), "the service has refused nothing"
