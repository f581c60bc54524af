"""The loop is alive as long as its heartbeat is young."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from eventing_alibaba.runtime.heartbeat import EVERY, HUNG_AFTER, Heartbeat


class Clock:
    now = 0.0

    def __call__(self) -> float:
        """Return the time that the test says it is."""
        return self.now


class Handle:
    """A call that waits for the test to make it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """Take note of it."""
        self.cancelled = True


class Loop:
    """Keeps what was to be called later, for the test to call."""

    def __init__(self) -> None:
        self.later: list[Handle] = []

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Handle:
        """Take note of it."""
        assert delay == EVERY
        self.later.append(Handle(lambda: callback(*args)))
        return self.later[-1]


def test_a_loop_that_does_not_turn_is_not_alive() -> None:
    """From the given seconds on, also when it never beat; with a beat it is alive again."""
    clock = Clock()
    heart = Heartbeat(clock)
    lives = [heart.alive]
    clock.now = HUNG_AFTER
    lives.append(heart.alive)
    heart.start(cast("asyncio.AbstractEventLoop", Loop()))
    lives.append(heart.alive)
    assert lives == [True, False, True]


def test_it_beats_until_stopped() -> None:
    """Each beat arranges the next, and a stopped heart leaves nothing behind."""
    clock, loop = Clock(), Loop()
    heart = Heartbeat(clock)
    heart.start(cast("asyncio.AbstractEventLoop", loop))
    for second in (1, 2, 3):
        clock.now = float(second)
        loop.later.pop().call()
        assert heart.age() == 0.0
        assert len(loop.later) == 1
    heart.stop()
    heart.stop()
    assert loop.later.pop().cancelled
