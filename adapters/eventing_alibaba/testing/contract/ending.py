"""How a session ends: quiesce, close, close again, open again."""

from __future__ import annotations

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.testing.contract.expecting import ids, left, remaining
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.contract.solo import Solo, poll_under_way, solo
from eventing_alibaba.testing.sink import Answer, RecordingSink


class Ending:
    """The last calls of a session, each of them twice."""

    async def test_quiesce_returns_what_was_taken_and_takes_no_more(self, harness: Harness) -> None:
        """What polls bring comes once, however often it is called; acknowledging still works."""
        sent = await harness.produce(20)
        async with solo(harness) as driven:
            await driven.take(3, limit=1)
            await poll_under_way(driven)
            await driven.quiesce()
            await driven.quiesce()
            later = await harness.produce(4)
            await driven.quiesce()
            received = [message.id for message in driven.taken]
            await driven.ack(driven.taken)
        assert len(set(received)) == len(received), "a message was returned twice"
        assert set(received) <= set(ids(sent)), "something was taken after the first call"
        await left(harness, len(sent) + len(later) - len(received))

    async def test_close_is_idempotent(self, harness: Harness) -> None:
        """Closed twice, and before it was ever opened, a source neither fails nor hangs."""
        sent = await harness.produce(4)
        driven = Solo(harness)
        await driven.close()
        await driven.open()
        await driven.ack(await driven.take(len(sent)))
        await driven.close()
        assert await harness.backlog() == 0, "what was acknowledged is safe when close returns"
        await driven.close()

    async def test_a_closed_source_opens_again_or_refuses(self, harness: Harness) -> None:
        """If `open` after `close` returns, the session is as good as the first; else it says so."""
        sent = await harness.produce(10)
        driven = Solo(harness)
        await driven.open()
        await driven.ack(await driven.take(5, limit=5))
        await driven.quiesce()
        rest = driven.taken[5:]
        await driven.source.release(rest, 0.0, failed=False)
        await driven.close()
        try:
            await driven.open()
        except SourceError:
            return
        try:
            again = await driven.take(len(sent) - 5)
            await driven.ack(again)
        finally:
            await driven.close()
        assert {m.id for m in again} | {m.id for m in driven.taken[:5]} == set(ids(sent))
        await left(harness, 0)

    async def test_a_stop_acknowledges_all_that_was_answered(self, harness: Harness) -> None:
        """Stopped under load: accepted is acknowledged, and the next run gets the rest, once."""
        sent = await harness.produce(80)
        async with RecordingSink() as sink:
            sink.set_default(Answer(delay=0.02))
            async with Run(harness, sink):
                await sink.wait_delivered(len(sent) // 4, timeout=harness.patience)
            accepted = {record.id for record in sink.records if record.status == 204}
            assert len(accepted) == len(sink.records), "a stop waits for what is on the wire"
            assert await harness.backlog() == len(remaining(sent, accepted))
            assert len(accepted) < len(sent)
            async with Run(harness, sink):
                await sink.wait_delivered(len(sent), timeout=harness.patience)
        assert sorted(record.id for record in sink.records) == ids(sent)
        await left(harness, 0)

    async def test_a_stop_before_the_first_message_is_quick_and_harmless(
        self, harness: Harness
    ) -> None:
        """Stopped before the session is open, nothing is delivered and nothing acknowledged."""
        sent = await harness.produce(4)
        async with RecordingSink() as sink:
            run = Run(harness, sink)
            run.start()
            await run.end()
            left_after = await harness.backlog()
            assert left_after == len(sent) - sink.records.delivered
            async with Run(harness, sink):
                await sink.wait_delivered(len(sent), timeout=harness.patience)
        assert sorted(record.id for record in sink.records) == ids(sent)
        await left(harness, 0)
