"""A broker that is away, slow, or refuses acknowledgements: said, waited for, and got over."""

from __future__ import annotations

from eventing_alibaba.testing.contract.expecting import ids, ledger, left, need, until
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.sink import RecordingSink


class Troubling:
    """Nothing that happens to a broker ends an adapter."""

    async def test_a_broker_that_comes_back_is_found_again(self, harness: Harness) -> None:
        """Not ready while it is away, ready when it is back, without a restart or a repetition."""
        need(harness, "away")
        first = await harness.produce(20)
        async with RecordingSink() as sink, Run(harness, sink) as run:
            await sink.wait_delivered(len(first), timeout=harness.patience)
            await left(harness, 0)
            assert run.ready
            async with harness.away():
                await until(lambda: not run.ready, patience=harness.patience, what="not ready")
                run.check()
                assert str(run.reports[-1]), "what is wrong is said in a sentence"
            second = await harness.produce(20)
            await sink.wait_delivered(len(first) + len(second), timeout=harness.patience)
            await until(lambda: run.ready, patience=harness.patience, what="ready")
            await left(harness, 0)
            told = ledger([*first, *second], harness.orderings[0])
            told.read(sink.records)
        report = told.report()
        assert report.clean, report
        assert not report.duplicates, report

    async def test_a_broker_that_is_away_at_the_start_is_waited_for(self, harness: Harness) -> None:
        """Started before its broker, it says so, and delivers when the broker comes."""
        need(harness, "away")
        sent = await harness.produce(10)
        async with RecordingSink() as sink:
            async with harness.away():
                run = Run(harness, sink)
                run.start()
                try:
                    await until(lambda: run.reports, patience=harness.patience, what="a report")
                    assert not run.ready
                except BaseException:
                    await run.end()
                    raise
            await sink.wait_delivered(len(sent), timeout=harness.patience)
            await until(lambda: run.ready, patience=harness.patience, what="ready")
            await left(harness, 0)
            await run.end()
        assert sorted(record.id for record in sink.records) == ids(sent)

    async def test_a_slow_broker_repeats_nothing(self, harness: Harness) -> None:
        """Answers that take their time delay messages and acknowledgements, and no more."""
        need(harness, "slow")
        sent = await harness.produce(30)
        async with RecordingSink() as sink, harness.slow(0.05):
            async with Run(harness, sink):
                await sink.wait_delivered(len(sent), timeout=harness.patience)
            assert await harness.backlog() == 0, "the stop waits for the last acknowledgement"
        assert sorted(record.id for record in sink.records) == ids(sent)

    async def test_refused_acknowledgements_are_repeated(self, harness: Harness) -> None:
        """While the broker refuses them, delivery goes on; then all are made up for.

        The process itself delivers nothing twice.
        """
        need(harness, "refuse acks")
        first = await harness.produce(10)
        async with RecordingSink() as sink, Run(harness, sink) as run:
            await sink.wait_delivered(len(first), timeout=harness.patience)
            await left(harness, 0)
            async with harness.refusing_acks():
                second = await harness.produce(20)
                await sink.wait_delivered(len(first) + len(second), timeout=harness.patience)
                assert await harness.backlog() == len(second)
            await left(harness, 0)
            run.check()
        assert sorted(record.id for record in sink.records) == sorted(ids(first) + ids(second))
