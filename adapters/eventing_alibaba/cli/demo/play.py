"""The demo once through so many messages; and how any run ends.

The first signal ends a run in order; a second one does not wait for the adapter any more.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.sender import Sender
from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.contract.clock import now

_LOOK: Final = 0.02
_LAST_ONES: Final = 3.0
"""Seconds that a run waits for what is still on its way or was overtaken, when the rest is over."""


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


async def once(stage: Stage, *, count: int, rate: float | None, timeout: float) -> Outcome:
    """Send `count` messages, as fast as may be without a `rate`, and wait until all have arrived.

    Waits at most `timeout` seconds, counted from the start.
    """
    with Signals() as signals:
        signals.hurry = stage.hurry
        return await _once(stage, signals.stop, count=count, rate=rate, timeout=timeout)


async def _once(
    stage: Stage, stop: asyncio.Event, *, count: int, rate: float | None, timeout: float
) -> Outcome:
    async with stage:
        began = now()
        sending = asyncio.create_task(Sender(stage, rate=rate).run(count), name="send")
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
                await until(stop, _LOOK)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        seconds = now() - began
        # What comes a second time while the adapter stops is a duplicate, and must be seen.
        failure = await finish(stage)
        _look(stage)
        return Outcome(stage.ledger.tally(at_rest=True), seconds, stop.is_set(), failure)


def _look(stage: Stage) -> None:
    stage.scenario.tend()
    for _ in stage.arrivals():
        pass  # the ledger counts them as they are taken


def _over(stage: Stage) -> bool:
    return stage.adapter.ended.done()


async def finish(stage: Stage) -> str:
    """Stop the adapter; return what it said if it had ended by itself, or ended badly."""
    early = _over(stage)
    code = await stage.adapter.stop()
    if not early and code in (0, -signal.SIGKILL, -signal.SIGTERM):
        return ""
    said = "; ".join(stage.adapter.troubles) or "it said nothing"
    return f"the adapter ended with exit code {code}: {said}"


async def until(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


class Signals:
    """Listens for signals, as `with`.

    Attributes:
        stop: set by the first one.
        hurry: called by each further one.
    """

    _NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in self._NUMBERS:
            loop.add_signal_handler(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._NUMBERS:
            loop.remove_signal_handler(number)

    def _came(self) -> None:
        if self.stop.is_set():
            self.hurry()
        self.stop.set()
