"""What waits in the source of a queue that was lost: RocketMQ delivers all of it again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from tests.unit.rocketmq.made import context_of, row, spec_of

from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq import messages
from eventing_alibaba.sources.rocketmq.source import RocketMQSource

pytestmark = pytest.mark.looptime(noop_cycles=0)


class Settling:
    """Remembers what was given back."""

    def __init__(self) -> None:
        self.released: list[str] = []

    async def release(self, given: Sequence[Message], delay: float, *, failed: bool) -> None:
        self.released += [message.id for message in given]


class Polls:
    """Nothing more comes."""

    def want(self, room: int, size: int) -> None:
        """Take note of nothing."""


def opened() -> tuple[RocketMQSource, Settling]:
    """A source whose session is played."""
    spec = spec_of()
    source = RocketMQSource(spec, context_of(spec, now=asyncio.get_running_loop().time))
    settling = Settling()
    source._settling = cast("Any", settling)
    source._polls = cast("Any", Polls())
    return source, settling


def received(numbers: range, *, queue: int, seconds: float) -> list[Message]:
    """Messages of a FIFO queue, invisible for so long."""
    ends = asyncio.get_running_loop().time() + seconds
    return [
        messages.read(
            row(message_id=f"q{queue}-{n}", body=b"x", queue_id=queue),
            "orders",
            "broker",
            cast("Any", None),
            ends,
            fifo=True,
        )
        for n in numbers
    ]


async def test_what_is_behind_a_lost_message_is_given_back() -> None:
    """The flow lost the queue's first one; another queue's messages are handed out."""
    source, settling = opened()
    first, *behind = received(range(4), queue=1, seconds=30)
    source._arrived([first, *behind, *received(range(2), queue=2, seconds=30)])
    assert await source.receive(1, 1 << 20) == [first]
    source.lost({first.track})
    assert [one.id for one in await source.receive(9, 1 << 20)] == ["q2-0", "q2-1"]
    await asyncio.sleep(0)
    assert settling.released == ["q1-1", "q1-2", "q1-3"]


async def test_a_queue_whose_first_lease_is_over_is_given_back_as_a_whole() -> None:
    """Those behind it were extended: they must not overtake it."""
    source, settling = opened()
    source._arrived(received(range(1), queue=1, seconds=5))
    source._arrived(received(range(1, 3), queue=1, seconds=60))
    source._arrived(received(range(1), queue=2, seconds=60))
    await asyncio.sleep(6)
    assert [one.id for one in await source.receive(9, 1 << 20)] == ["q2-0"]
    await asyncio.sleep(0)
    assert settling.released == ["q1-1", "q1-2"]
