"""The waits of the flow: many on one handle of the loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eventing_alibaba.flow.timers import Timers

pytestmark = pytest.mark.looptime


async def test_a_wait_that_fails_takes_no_other_with_it() -> None:
    """A retry that falls on a defect is told to the loop; those that are due with it still ring."""
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    timers = Timers(loop)
    rung: list[object] = []

    def ring(number: object) -> None:
        if number == 1:
            raise KeyError(number)
        rung.append(number)

    for number in range(4):
        timers.after(1.0, ring, number)
    await asyncio.sleep(2)
    assert rung == [0, 2, 3]
    assert [type(context["exception"]) for context in told] == [KeyError]


async def test_waits_ring_in_their_order_and_a_cancelled_one_does_not() -> None:
    """The earliest first, whatever the order in which they began."""
    timers = Timers(asyncio.get_running_loop())
    rung: list[object] = []
    for seconds in (3.0, 1.0, 2.0):
        timers.after(seconds, rung.append, seconds)
    timers.after(1.5, rung.append, 1.5).cancel()
    await asyncio.sleep(4)
    assert rung == [1.0, 2.0, 3.0]
    assert len(timers) == 0
