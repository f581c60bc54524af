"""A source driven by hand, call by call, as the flow would call it."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Coroutine, Generator, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeAlias, TypeVar

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.testing.contract.harness import Harness

T = TypeVar("T")

Moment: TypeAlias = Literal["waiting", "answered"]
"""When a cancellation comes: while something is awaited, or in the very step in which it is done.

In the second case the awaited future has its result and nobody has read it yet; code that takes
something off a queue in that step loses it.
"""

ROOM: Final = 32 * 1024 * 1024


class QuietFlow:
    """A `FlowControl` of a flow that holds nothing back: nothing is queued, nothing on the wire."""

    async def drain(self, tracks: Iterable[Hashable], *, lost: bool, timeout: float) -> None:
        """Have nothing to wait for."""

    def settled(self, track: Hashable) -> Message | None:
        """Know of nothing that `ack` has not told."""
        del track
        return None

    def forget(self, track: Hashable) -> None:
        """Have nothing to forget."""

    def report(self, error: SourceError | None) -> None:
        """Take note of nothing."""


class Solo:
    """A source and what it handed out.

    Attributes:
        source: call it as you like; every call should be given `patience`.
        taken: messages that `take` received, in order.
    """

    def __init__(self, harness: Harness) -> None:
        self.source: Source = harness.source(harness.read(harness.orderings[0]))
        self.taken: list[Message] = []
        self.patience = harness.patience

    async def open(self) -> None:
        """Open the source."""
        async with asyncio.timeout(self.patience):
            await self.source.open(QuietFlow())

    async def take(self, count: int, *, limit: int = 100, max_bytes: int = ROOM) -> list[Message]:
        """Receive exactly `count` messages; raises TimeoutError when they do not come."""
        taken: list[Message] = []
        try:
            async with asyncio.timeout(self.patience):
                while len(taken) < count:
                    asked = min(limit, count - len(taken))
                    batch = await self.source.receive(asked, max_bytes)
                    assert len(batch) <= asked, f"receive({asked}) returned {len(batch)} messages"
                    taken += batch
        except TimeoutError:
            raise TimeoutError(f"{len(taken)} of {count} messages came, then none") from None
        finally:
            self.taken += taken
        return taken

    async def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge."""
        async with asyncio.timeout(self.patience):
            await self.source.ack(messages)

    async def quiesce(self) -> list[Message]:
        """Quiesce the source."""
        async with asyncio.timeout(self.patience):
            brought = list(await self.source.quiesce())
        self.taken += brought
        return brought

    async def close(self) -> None:
        """Close the source."""
        async with asyncio.timeout(self.patience):
            await self.source.close()


@asynccontextmanager
async def solo(harness: Harness) -> AsyncIterator[Solo]:
    """An open source; closed at the end of the block."""
    driven = Solo(harness)
    try:
        await driven.open()
        yield driven
    finally:
        await driven.close()


async def poll_under_way(driven: Solo) -> None:
    """Cancel a `receive` while it waits; what it may have brought before that is in `taken`."""
    receiving = driven.source.receive(10, ROOM)
    _, batch = await interrupted(receiving, at=1, moment="waiting", patience=driven.patience)
    driven.taken += batch or ()


async def interrupted(
    call: Coroutine[Any, Any, T], *, at: int, moment: Moment, patience: float
) -> tuple[bool, T | None]:
    """Await a call and cancel it at its `at`-th await, from 1.

    Returns whether it has ended all the same, because it had fewer awaits, and its result. Raises
    what it raises, and TimeoutError when it took `patience` seconds to end.
    """
    task = asyncio.create_task(_counted(call, at, moment))
    done, _ = await asyncio.wait([task], timeout=patience)
    if not done:
        task.cancel()
        raise TimeoutError(f"{call} did not end within {patience:g} s")
    if task.cancelled():
        return False, None
    return True, task.result()


@types.coroutine
def _counted(call: Coroutine[Any, Any, T], at: int, moment: Moment) -> Generator[Any, None, T]:
    """Pass on what the call awaits, and cancel the task that runs this at the `at`-th of them."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    awaits = 0
    thrown: BaseException | None = None
    while True:
        try:
            awaited = call.send(None) if thrown is None else call.throw(thrown)
        except StopIteration as end:
            result: T = end.value
            return result
        thrown = None
        awaits += 1
        if awaits == at:
            if moment == "answered" and isinstance(awaited, asyncio.Future):
                # Added before the task adds its own, so it is called before the task goes on.
                awaited.add_done_callback(lambda _: task.cancel())
            else:
                loop.call_soon(task.cancel)
        try:
            yield awaited
        except BaseException as error:  # noqa: BLE001 - handed to the call, which decides
            thrown = error
