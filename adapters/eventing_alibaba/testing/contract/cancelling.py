"""A cancellation at every await of every call: nothing is lost, and the source can be closed.

The flow cancels `receive` at each stop, and everything else when its time is up. A call is
cancelled at its first await, then at its second, and so on until it ends before the cancellation
comes; each time while it waits, and in the very step in which what it waits for is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.errors import PartialFailure
from eventing_alibaba.contract.message import Message
from eventing_alibaba.testing.contract.expecting import ids, left, need
from eventing_alibaba.testing.contract.harness import Harness, Produced
from eventing_alibaba.testing.contract.solo import (
    ROOM,
    Moment,
    QuietFlow,
    Solo,
    interrupted,
    poll_under_way,
    solo,
)

MOMENTS: Final[tuple[Moment, ...]] = ("waiting", "answered")
_MOST_AWAITS: Final = 200

moments = pytest.mark.parametrize("moment", MOMENTS)


class Cancelling:
    """Every await may be cancelled."""

    @moments
    async def test_a_cancelled_open_can_be_repeated(self, harness: Harness, moment: Moment) -> None:
        """The same source opens after it, and is the only consumer then: it gets everything."""
        sent = await harness.produce(20)
        driven = Solo(harness)
        try:
            for at in range(1, _MOST_AWAITS):
                opening = driven.source.open(QuietFlow())
                ended, _ = await interrupted(
                    opening, at=at, moment=moment, patience=harness.patience
                )
                if ended:
                    break
            await driven.ack(await driven.take(len(sent)))
        finally:
            await driven.close()
        assert sorted(message.id for message in driven.taken) == ids(sent)
        await left(harness, 0)

    @moments
    async def test_a_cancelled_receive_loses_nothing(
        self, harness: Harness, moment: Moment
    ) -> None:
        """What a poll brings after it was cancelled comes with the next call, once, in order."""
        sent = await harness.produce(40)
        got: list[Message] = []
        async with solo(harness) as driven:
            at, calls = 1, 0
            while len(got) < len(sent):
                receiving = driven.source.receive(3, ROOM)
                ended, batch = await interrupted(
                    receiving, at=at, moment=moment, patience=harness.patience
                )
                got += batch or ()
                at = 1 if ended else at + 1
                calls += 1
                assert calls < _MOST_AWAITS * len(sent), f"only {len(got)} messages came"
            await driven.ack(got)
        assert sorted(message.id for message in got) == ids(sent)
        assert all(message.attempt in {1, None} for message in got), "some were lost at first"
        for track in {message.track for message in sent} - {None}:
            wanted = [message.id for message in sent if message.track == track]
            assert [message.id for message in got if message.id in set(wanted)] == wanted
        await left(harness, 0)

    @moments
    async def test_a_cancelled_ack_can_be_repeated(self, harness: Harness, moment: Moment) -> None:
        """Whether it was done or not when it was cancelled, doing it again ends well."""
        sent = await harness.produce(12)
        async with solo(harness) as driven:
            taken = await driven.take(len(sent))
            for at in range(1, _MOST_AWAITS):
                acking = driven.source.ack(taken)
                try:
                    ended, _ = await interrupted(
                        acking, at=at, moment=moment, patience=harness.patience
                    )
                except PartialFailure as error:
                    if error.again:
                        raise
                    break  # the cancelled call has done its work: those receipts are void now
                if ended:
                    break
        await left(harness, 0)

    @moments
    async def test_a_cancelled_quiesce_loses_nothing(
        self, harness: Harness, moment: Moment
    ) -> None:
        """Repeated, it still brings what polls had taken; what nobody acknowledged comes again."""
        sent = await harness.produce(20)
        async with solo(harness) as driven:
            done = await driven.take(4, limit=1)
            await poll_under_way(driven)
            for at in range(1, _MOST_AWAITS):
                ended, brought = await interrupted(
                    driven.source.quiesce(), at=at, moment=moment, patience=harness.patience
                )
                if ended:
                    driven.taken += brought or ()
                    break
            await driven.ack(done)
            rest = [message for message in driven.taken if message not in done]
            await driven.source.release(rest, 0.0, failed=False)
        assert len({message.id for message in driven.taken}) == len(driven.taken)
        await _rest_comes_again(harness, sent, done)

    @moments
    async def test_a_cancelled_close_can_be_repeated(
        self, harness: Harness, moment: Moment
    ) -> None:
        """The second call closes; what was acknowledged before is safe, the rest comes again."""
        sent = await harness.produce(20)
        driven = Solo(harness)
        await driven.open()
        taken = await driven.take(len(sent))
        done = [message for message in taken if message.track == taken[0].track]
        await driven.ack(done)
        await driven.source.release([m for m in taken if m not in done], 0.0, failed=False)
        for at in range(1, _MOST_AWAITS):
            ended, _ = await interrupted(
                driven.source.close(), at=at, moment=moment, patience=harness.patience
            )
            if ended:
                break
        await driven.close()
        await _rest_comes_again(harness, sent, done)

    @moments
    async def test_a_cancelled_release_can_be_repeated(
        self, harness: Harness, moment: Moment
    ) -> None:
        """Given back once or twice, a message comes again, once."""
        need(harness, "leases")
        sent = await harness.produce(6)
        async with solo(harness) as driven:
            taken = await driven.take(len(sent))
            for at in range(1, _MOST_AWAITS):
                releasing = driven.source.release(taken, 0.0, failed=False)
                ended, _ = await interrupted(
                    releasing, at=at, moment=moment, patience=harness.patience
                )
                if ended:
                    break
            again = await driven.take(len(sent))
            assert sorted(message.id for message in again) == ids(sent)
            await driven.ack(again)
        await left(harness, 0)


async def _rest_comes_again(
    harness: Harness, sent: Sequence[Produced], done: Sequence[Message]
) -> None:
    """Check that the broker has exactly what is not `done`, and gives it to the next consumer.

    At once: what nobody knows of any more would come when its lease has ended.
    """
    rest = {message.id for message in sent} - {message.id for message in done}
    leases = [message.lease for message in done if message.lease is not None]
    await left(harness, len(rest))
    async with solo(harness) as driven:
        again = await driven.take(len(rest))
        assert not leases or now() < min(leases), "some came only after their leases"
        await driven.ack(again)
    assert {message.id for message in again} == rest
    await left(harness, 0)
