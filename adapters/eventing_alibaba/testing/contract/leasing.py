"""Leases and attempts, for brokers that give a message back when nobody answers for it."""

from __future__ import annotations

import asyncio

import pytest

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.errors import PartialFailure
from eventing_alibaba.testing.contract.expecting import ids, left, need
from eventing_alibaba.testing.contract.harness import Harness
from eventing_alibaba.testing.contract.run import Run
from eventing_alibaba.testing.contract.solo import solo
from eventing_alibaba.testing.sink import Answer, RecordingSink


class Leasing:
    """What Kafka does not have."""

    async def test_a_stop_releases_what_was_not_touched(self, harness: Harness) -> None:
        """What was received and never written is there at once for others, not after its lease."""
        need(harness, "leases")
        sent = await harness.produce(20)
        async with RecordingSink() as sink:
            sink.set_default(Answer(fault="never"))
            async with Run(harness, sink, flow={"concurrency": 1, "grace": "PT0S"}) as run:
                await sink.wait_recorded(1, timeout=harness.patience)
            untouched = {m.id for m in run.source.received} - {r.id for r in sink.records}
            assert untouched, "nothing was received ahead, so nothing could be released"
            assert {message.id for message in run.source.released} == untouched
            lease = min(m.lease for m in run.source.received if m.lease is not None)
            async with solo(harness) as driven, asyncio.timeout(max(0.0, lease - now())):
                taken = await driven.take(len(sent) - 1)
                await driven.ack(taken)
        assert untouched <= {message.id for message in taken} <= set(ids(sent))

    async def test_a_slow_service_costs_no_lease(self, harness: Harness) -> None:
        """An answer that takes longer than a lease is still the only one that is asked for."""
        need(harness, "leases")
        sent = await harness.produce(4)
        async with solo(harness) as driven:
            (message,) = await driven.take(1)
            assert message.lease is not None
            lease = message.lease - now()
            await driven.source.release([message], 0.0, failed=False)
        async with RecordingSink() as sink, Run(harness, sink):
            sink.set_default(Answer(delay=1.2 * lease))
            await sink.wait_delivered(len(sent), timeout=harness.patience + 2 * lease)
            await left(harness, 0)
        assert sorted(record.id for record in sink.records) == ids(sent)

    async def test_a_released_message_comes_again(self, harness: Harness) -> None:
        """Given back without delay, it comes at once, with the same id and a receipt that works."""
        need(harness, "leases")
        sent = await harness.produce(3)
        async with solo(harness) as driven:
            taken = await driven.take(3)
            await driven.source.release(taken, 0.0, failed=True)
            again = await driven.take(3)
            assert sorted(message.id for message in again) == ids(sent)
            await driven.ack(again)
        await left(harness, 0)

    async def test_a_void_receipt_is_told_as_lost(self, harness: Harness) -> None:
        """Acknowledging with a receipt of an earlier delivery acknowledges nothing and says so."""
        need(harness, "leases")
        await harness.produce(2)
        async with solo(harness) as driven:
            old = await driven.take(2)
            await driven.source.release(old, 0.0, failed=False)
            new = await driven.take(2)
            with pytest.raises(PartialFailure) as refused:
                await driven.ack(old)
            assert {message.id for message in refused.value.lost} == {m.id for m in old}
            assert not refused.value.again
            assert await harness.backlog() == 2
            await driven.ack(new)
        await left(harness, 0)

    async def test_an_extended_lease_ends_later(self, harness: Harness) -> None:
        """`extend` answers for each message in its place, with a later lease, or None for lost."""
        need(harness, "leases")
        await harness.produce(3)
        async with solo(harness) as driven:
            taken = await driven.take(3)
            leases = [message.lease for message in taken]
            assert all(lease is not None and lease > now() for lease in leases)
            longest = max(lease - now() for lease in leases if lease is not None)
            await driven.source.release(taken[:1], 0.0, failed=False)
            extended = await driven.source.extend(taken, longest + 60)
            assert extended[0] is None
            assert [m and m.id for m in extended[1:]] == [m.id for m in taken[1:]]
            for before, after in zip(leases[1:], extended[1:], strict=True):
                assert after is not None
                assert after.lease is not None
                assert before is not None
                assert after.lease > before + 30
            await driven.ack([message for message in extended if message is not None])
            await driven.ack(await driven.take(1))
        await left(harness, 0)

    async def test_the_broker_counts_attempts(self, harness: Harness) -> None:
        """`attempt` is 1 at first, and more when a message was tried and given back."""
        need(harness, "leases", "attempts")
        await harness.produce(1)
        async with solo(harness) as driven:
            (first,) = await driven.take(1)
            await driven.source.release([first], 0.0, failed=True)
            (second,) = await driven.take(1)
            assert first.attempt == 1
            assert second.attempt is not None
            assert second.attempt > 1
            await driven.ack([second])
