"""Several consumers of one queue or group: who joins gets a share, who leaves hands it over."""

from __future__ import annotations

import asyncio
from typing import Final

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.contract.expecting import ledger, left, need
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.sink import Answer, RecordingSink

_BATCH: Final = 20
_HANDING_OVER: Final = 5.0


class Sharing:
    """Two adapters with one manifest."""

    async def test_consumers_join_and_leave_without_loss_or_repetition(
        self, harness: Harness
    ) -> None:
        """A second consumer gets a share under load, and all of it when the first one leaves.

        What is on the wire is finished before it is handed over, so nothing is delivered twice,
        unless the harness says that its broker cannot do better.
        """
        need(harness, "share")
        causes: list[tuple[str, float]] = []
        sent = [*await harness.produce(_BATCH)]
        async with RecordingSink() as sink:
            sink.set_default(Answer(delay=0.01))
            second = Run(harness, sink)
            async with Run(harness, sink) as first:
                await sink.wait_delivered(_BATCH // 4, timeout=harness.patience)
                causes.append(("join", now()))
                async with asyncio.timeout(harness.patience):
                    second.start()
                    while not second.source.received:
                        sent += await harness.produce(_BATCH)
                        await sink.wait_delivered(len(sent) - _BATCH // 2, timeout=harness.patience)
                sent += await harness.produce(_BATCH)
                await sink.wait_delivered(len(sent) - _BATCH // 2, timeout=harness.patience)
                assert first.ready
                assert second.ready
                causes.append(("leave", now()))
            try:
                sent += await harness.produce(_BATCH)
                await sink.wait_delivered(len(sent), timeout=harness.patience)
                await left(harness, 0)
            finally:
                await second.end()
            told = ledger(sent, harness.orderings[0], slack=_HANDING_OVER)
            told.read(sink.records)
        for kind, at in causes:
            told.cause(kind, at)
        report = told.report()
        assert report.clean, report
        if harness.repeated_by_sharing is not None:
            assert len(report.duplicates) <= harness.repeated_by_sharing, report
