"""The queue, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import looptime
import pytest

from eventing_alibaba_operator.queue import WorkQueue

pytestmark = pytest.mark.looptime


@asynccontextmanager
async def at_work(
    work: Callable[[str], Awaitable[float | None]], workers: int = 2
) -> AsyncIterator[WorkQueue[str]]:
    queue = WorkQueue(work, workers=workers, spread=lambda _low, high: high)
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_key_that_waits_is_worked_on_once() -> None:
    """A hundred additions of a waiting key are one piece of work."""
    done: list[str] = []

    async def work(key: str) -> None:
        done.append(key)

    async with at_work(work) as queue:
        for _ in range(100):
            queue.add("a")
        queue.add("b")
        await asyncio.sleep(1)
    assert sorted(done) == ["a", "b"]


async def test_what_is_first_goes_before_the_others() -> None:
    """A key added as first is next, one that waits moves up, and none is worked on twice."""
    seen: list[str] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        seen.append(key)
        if len(seen) == 4:
            done.set()

    queue = WorkQueue(work, workers=1)
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add("d", first=True)
    queue.add("c", first=True)
    queue.add("c")
    assert len(queue) == 4
    task = asyncio.create_task(queue.run())
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == ["d", "c", "a", "b"]


async def test_what_a_user_changes_meanwhile_goes_first_too() -> None:
    """A key that is worked on when its user changes it again does not go behind all others."""
    seen: list[str] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        seen.append(key)
        if len(seen) == 1:
            queue.add("a", first=True)
            queue.add("a")
        if len(seen) == 4:
            done.set()

    queue = WorkQueue(work, workers=1)
    for key in ("a", "b", "c"):
        queue.add(key)
    task = asyncio.create_task(queue.run())
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == ["a", "a", "b", "c"]


async def test_a_key_never_has_two_workers() -> None:
    """What is added while it is worked on is worked on again, afterwards, and once."""
    now, most, times = 0, 0, 0

    async def work(_key: str) -> None:
        nonlocal now, most, times
        now, times = now + 1, times + 1
        most = max(most, now)
        await asyncio.sleep(1)
        now -= 1

    async with at_work(work) as queue:
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.add("a")
        queue.add("a")
        await asyncio.sleep(5)
    assert (most, times) == (1, 2)


async def test_failures_wait_longer_each_time(looptime: looptime.LoopTimeEventLoop) -> None:
    """0.5, 1, 2, 4 seconds, at most a minute; a success begins anew."""
    at: list[float] = []
    loop = asyncio.get_running_loop()

    async def work(_key: str) -> None:
        at.append(loop.time())
        raise ConnectionError

    async with at_work(work) as queue:
        queue.add("a")
        await asyncio.sleep(500)
    waits = [round(b - a, 2) for a, b in itertools.pairwise(at)]
    assert waits[:8] == [0.5, 1, 2, 4, 8, 16, 32, 60]
    assert set(waits[8:]) == {60}


async def test_news_end_a_wait() -> None:
    """A failed key that something is heard of is worked on at once."""
    times = 0

    async def work(_key: str) -> None:
        nonlocal times
        times += 1
        raise ConnectionError

    async with at_work(work) as queue:
        queue.add("a")
        await asyncio.sleep(0.1)
        queue.add("a")
        await asyncio.sleep(0.1)
    assert times == 2


async def test_work_that_asks_to_look_again_is_called_again() -> None:
    """The seconds that work returns are waited for; `forget` ends it."""
    at: list[float] = []
    loop = asyncio.get_running_loop()

    async def work(_key: str) -> float:
        at.append(loop.time())
        return 30.0

    async with at_work(work) as queue:
        queue.add("a")
        await asyncio.sleep(65)
        queue.forget("a")
        await asyncio.sleep(100)
    assert [round(moment - at[0]) for moment in at] == [0, 30, 60]


async def test_no_more_workers_than_told() -> None:
    """Two workers work on two keys of many at once."""
    now, most = 0, 0

    async def work(_key: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(1)
        now -= 1

    async with at_work(work) as queue:
        for number in range(20):
            queue.add(str(number))
        await asyncio.sleep(20)
    assert most == 2
