"""A service that does not answer bounds what is taken out of the broker."""

from __future__ import annotations

from typing import Final

from eventing_alibaba.testing.contract.expecting import always, ids, left, until
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.sink import Answer, RecordingSink

_WATCHED: Final = 0.3
_SILENT: Final = Answer(fault="never")


class Pressing:
    """More waits than may be held."""

    async def test_a_silent_service_bounds_how_much_is_received(self, harness: Harness) -> None:
        """No more than `flow.maxBuffered` is received, and all of it is delivered in the end."""
        most = 16
        sent = await harness.produce(8 * most)
        async with (
            RecordingSink() as sink,
            Run(harness, sink, flow={"maxBuffered": most, "concurrency": 4}) as run,
        ):
            sink.set_default(_SILENT)
            await sink.wait_recorded(1, timeout=harness.patience)
            await always(
                lambda: len(run.source.received) <= most,
                seconds=_WATCHED,
                what=f"more than {most} messages were received",
            )
            sink.set_default(Answer())
            sink.disconnect()
            await sink.wait_delivered(len(sent), timeout=harness.patience)
            await left(harness, 0)
            accepted = sorted(record.id for record in sink.records if record.status == 204)
        assert accepted == ids(sent)

    async def test_a_silent_service_bounds_how_many_bytes_are_received(
        self, harness: Harness
    ) -> None:
        """No more than `flow.maxBytes`, and one message's excess, of bodies is held."""
        size, most = 16 * 1024, 128 * 1024
        sent = await harness.produce(8 * most // size, size=size)
        async with RecordingSink() as sink, Run(harness, sink, flow={"maxBytes": most}) as run:
            sink.set_default(_SILENT)
            await sink.wait_recorded(1, timeout=harness.patience)
            await always(
                lambda: run.pipeline.held.size < most + 2 * size,
                seconds=_WATCHED,
                what=f"more than {most} bytes of bodies were held",
            )
            sink.set_default(Answer())
            sink.disconnect()
            await sink.wait_delivered(len(sent), timeout=harness.patience)
            await left(harness, 0)

    async def test_receiving_goes_on_when_there_is_room(self, harness: Harness) -> None:
        """With room for one message at a time, every message still comes, once."""
        sent = await harness.produce(30)
        async with RecordingSink() as sink, Run(harness, sink, flow={"maxBuffered": 1}) as run:
            await sink.wait_delivered(len(sent), timeout=harness.patience)
            await until(
                lambda: len(run.acked) == len(sent), patience=harness.patience, what="all acks"
            )
        assert sorted(record.id for record in sink.records) == ids(sent)
        assert await harness.backlog() == 0
