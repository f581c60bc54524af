"""An adapter without its process: source, flow and a sink on the test's own event loop.

What a process adds (signals, health pages, its end) is not here; what it must not do to messages
can be seen better from inside: which calls the source got, and what it answered.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.pipeline import Pipeline
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.sink.post import Sink, SinkOptions
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.watched import Watched
from eventing_alibaba.testing.ledger import Ordering
from eventing_alibaba.testing.sink import RecordingSink
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.target import Target

# Failures are part of most tests, so they are tried again soon, and never exhausted.
_DELIVERY = {"retry": 100_000, "backoffDelay": "PT0.05S", "backoffMax": "PT0.2S"}
_FLOW = {"grace": "PT5S"}


class Run:
    """`async with Run(harness, sink) as run:` delivers until the block ends, then stops in order.

    Args:
        harness: whose source it is.
        sink: where events go.
        ordering: the harness's first unless given.
        delivery, flow: fields of the manifest of these names.

    Attributes:
        source: the source, watched.
        counters: the flow's.
        reports: what the source said of itself; None stands for "well".
    """

    def __init__(
        self,
        harness: Harness,
        sink: RecordingSink,
        *,
        ordering: Ordering | None = None,
        delivery: dict[str, Any] | None = None,
        flow: dict[str, Any] | None = None,
    ) -> None:
        spec = harness.read(
            ordering or harness.orderings[0],
            sink={"uri": sink.url},
            delivery={**_DELIVERY, **(delivery or {})},
            flow={**_FLOW, **(flow or {})},
        )
        self._patience = harness.patience + seconds(spec.flow.grace)
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.source = Watched(harness.source(spec))
        self.counters = Counters()
        self.reports: list[SourceError | None] = []
        self.pipeline = Pipeline(
            source=self.source,
            sink=Sink(
                Pool(Target.parse(sink.url), limit=spec.flow.concurrency),
                SinkOptions(timeout=seconds(spec.delivery.timeout)),
            ),
            options=spec.flow,
            retry=Retry.of(spec.delivery),
            counters=self.counters,
            report=self.reports.append,
        )

    @property
    def ready(self) -> bool:
        """Whether the source is well, as `/readyz` would tell."""
        return bool(self.reports) and self.reports[-1] is None

    @property
    def acked(self) -> list[str]:
        """Ids of the messages whose acknowledgement the source has taken, in order."""
        return [message.id for message in self.source.acked]

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self.pipeline.run(self._stop))

    async def end(self) -> None:
        """Stop in order. Raises what the flow raised, and AssertionError for a broken promise."""
        assert self._task is not None, "a run that was not started cannot end"
        task = self._task
        self._stop.set()
        done, _ = await asyncio.wait([task], timeout=self._patience)
        if not done:
            task.cancel()
            await asyncio.wait([task], timeout=self._patience)
            raise TimeoutError(f"the stop took longer than {self._patience:g} s")
        task.result()
        assert not self.source.faults, self.source.faults

    def check(self) -> None:
        """Fail if it has ended by itself: nothing that happens outside may end an adapter."""
        assert self._task is not None
        assert not self._task.done(), f"the run has ended: {self._task}"

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.check()
        await self.end()

    def __repr__(self) -> str:
        return f"<Run ready={self.ready} {self.counters!r} {self.source!r}>"
