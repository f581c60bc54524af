"""The two ways to run the demo: until somebody stops it, or once through so many messages.

Both send, look at what has arrived ten times a second, and end what they started. The first signal
ends a run in order; a second one does not wait for the adapter any more.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.show import Show
from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.contract.clock import now

_LOOK: Final = 0.1
_SEND: Final = 0.02
_LAST_ONES: Final = 3.0
"""Seconds that a run waits for what is still on its way or was overtaken, when the rest is over."""

_MOST_UNDER_WAY: Final = 5_000
"""The emulator has room for so many; it would drop the oldest of more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        tally: the counts at its end.
        seconds: from the first message to the last one.
        stopped: a signal ended it.
        failure: what the adapter said when it ended by itself; "" if it did not.
    """

    tally: Tally
    seconds: float
    stopped: bool = False
    failure: str = ""


async def live(stage: Stage, show: Show, *, rate: float) -> Outcome:
    """Send `rate` messages a second and show them arrive, until a signal or the adapter's end."""
    async with _signals(stage) as stop, stage:
        began = now()
        show.opening(stage, rate)
        sending = asyncio.create_task(_send(stage, rate=rate), name="send")
        try:
            shown = False
            while not stop.is_set() and not stage.adapter.ended.done():
                if not shown and stage.adapter.status_url:
                    shown = True
                    show.adapter(stage.adapter.status_url)
                _look(stage, show)
                await _until(stop, _LOOK)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        seconds = now() - began
        deadline = now() + _LAST_ONES
        while stage.ledger.tally().waiting and now() < deadline and not _over(stage):
            await asyncio.sleep(_LOOK)
            _look(stage, show)
        failure = await _finish(stage)
        _look(stage, show)
        return Outcome(stage.ledger.tally(at_rest=True), seconds, stop.is_set(), failure)


async def once(stage: Stage, *, count: int, rate: float | None, timeout: float) -> Outcome:
    """Send `count` messages, as fast as may be without a `rate`, and wait until all have arrived.

    Waits at most `timeout` seconds, counted from the start.
    """
    async with _signals(stage) as stop, stage:
        began = now()
        sending = asyncio.create_task(_send(stage, rate=rate, count=count), name="send")
        try:
            deadline = began + timeout
            while not stop.is_set() and not _over(stage) and now() < deadline:
                _look(stage)
                tally = stage.ledger.tally()
                if sending.done() and not tally.waiting:
                    if not tally.lost:
                        break
                    # What was overtaken may still come, but not for long.
                    deadline = min(deadline, now() + _LAST_ONES)
                await _until(stop, _SEND)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        seconds = now() - began
        # What comes a second time while the adapter stops is a duplicate, and must be seen.
        failure = await _finish(stage)
        _look(stage)
        return Outcome(stage.ledger.tally(at_rest=True), seconds, stop.is_set(), failure)


async def _send(stage: Stage, *, rate: float | None, count: int | None = None) -> None:
    began, number = now(), 0
    while count is None or number < count:
        room = _MOST_UNDER_WAY - stage.ledger.tally().waiting
        due = room if rate is None else int((now() - began) * rate) + 1 - number
        # In bursts where there is no rate: the emulator hands out one batch of a partition at a
        # time, so a trickle of small ones would be slow.
        if rate is not None or room >= _MOST_UNDER_WAY // 2:
            for _ in range(min(due, room, due if count is None else count - number)):
                number += 1
                stage.send(number)
        stage.scenario.tend()
        await asyncio.sleep(_SEND)


def _look(stage: Stage, show: Show | None = None) -> None:
    stage.scenario.tend()
    arrived = list(stage.arrivals())
    if show is None:
        return
    troubles = stage.adapter.troubles
    show.troubles(troubles.popleft() for _ in range(len(troubles)))
    show.arrivals(arrived)
    show.counts(stage.ledger.tally())


def _over(stage: Stage) -> bool:
    return stage.adapter.ended.done()


async def _finish(stage: Stage) -> str:
    """Stop the adapter; return what it said if it had ended by itself, or ended badly."""
    early = _over(stage)
    code = await stage.adapter.stop()
    if not early and code in (0, -signal.SIGKILL, -signal.SIGTERM):
        return ""
    said = "; ".join(stage.adapter.troubles) or "it said nothing"
    return f"the adapter ended with exit code {code}: {said}"


async def _until(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


@asynccontextmanager
async def _signals(stage: Stage) -> AsyncIterator[asyncio.Event]:
    """Give an event that a signal sets; the next signal kills the adapter."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stopped() -> None:
        if stop.is_set():
            stage.hurry()
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stopped)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
