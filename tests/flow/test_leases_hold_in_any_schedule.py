"""Leases against a broker's books, in thousands of random schedules, in virtual time.

A schedule is some minutes of trouble: a slow service with failures of every kind; a broker whose
calls are slow, fail before or after they took effect, and whose leases end early; messages that
arrive meanwhile; perhaps a stop and a second process. Then all is well, and everything must be
acknowledged. What must never happen is counted by the broker (`leased.py`), at every step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from tests.flow.harness import OK, RESET, Result, Run, status
from tests.flow.leased import LeasedBroker, LeasedService

from eventing_alibaba.contract.errors import Disconnected, Throttled, Unauthorized
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted

T = TypeVar("T")

pytestmark = [pytest.mark.looptime(noop_cycles=0), pytest.mark.soak]

SCHEDULES = 10_000 if os.environ.get("SOAK") else 300
"""In each of the tests below."""

_ERRORS = (
    Disconnected("away"),
    Unauthorized("expired"),
    Throttled("slowly", delay=3.0),
    RuntimeError("a defect of the source"),
)


class Trouble:
    """What goes wrong, drawn from a seed; `over` ends it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.over = False
        self.slow = self.chance.choice([0.0, 0.1, 2.0, 15.0])
        self.faulty = self.chance.choice([0.0, 0.1, 0.4])
        self.patient = self.chance.choice([0.1, 5.0, 90.0])
        self.unwell = self.chance.choice([0.0, 0.1, 0.5])

    def latency(self, call: str) -> float:
        if self.over or self.chance.random() < 0.3:
            return 0.0
        return self.chance.random() * self.slow

    def fail(self, call: str, when: str) -> Exception | None:
        if self.over or self.chance.random() >= self.faulty:
            return None
        return self.chance.choice(_ERRORS)

    def plan(self, name: str) -> tuple[float, Result]:
        if self.over:
            return 0.01, OK
        delay = self.chance.random() * self.patient
        if self.chance.random() >= self.unwell:
            return delay, OK
        answers: list[Result] = [status(500), status(503), status(400), RESET]
        return delay, self.chance.choice(answers)


class DeadLetters:
    """A dead-letter sink: what is safe there counts as accepted."""

    def __init__(self, trouble: Trouble, service: LeasedService) -> None:
        self.trouble = trouble
        self.service = service

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        delay, result = self.trouble.plan(event.id)

        def answer() -> None:
            if result is OK:
                self.service.accepted.add(event.id)
            done(token, None if result is OK else NotTaken("no"))

        asyncio.get_running_loop().call_later(delay, answer)
        return True

    async def close(self) -> None:
        """There is nothing to let go of."""


async def schedule(seed: int, *, fifo: bool) -> None:
    """Run one schedule; raises AssertionError with its seed."""
    trouble = Trouble(seed)
    random.seed(seed)  # for the jitter of the flow's own
    chance = trouble.chance
    broker = LeasedBroker(
        visibility=chance.choice([6.0, 12.0, 30.0]), fifo=fifo, silent=chance.random() < 0.5
    )
    broker.latency, broker.fail = trouble.latency, trouble.fail
    produced = 0
    processes = chance.choice([1, 1, 2])
    for last in [*[False] * (processes - 1), True]:
        service = LeasedService(broker, limit=chance.choice([1, 3, 8]))
        service.plan = trouble.plan
        run = Run(
            broker,
            service,
            retry=Retry(most=chance.choice([0, 2, 9]), delay=0.5, longest=20.0, after_max=0.0),
            exhausted=Exhausted(
                route=chance.choice(["release", "deadLetter"]),
                target=DeadLetters(trouble, service),
                leased=True,
            ),
            max_hold=chance.choice(["PT20S", "PT1H"]),
            grace=chance.choice(["PT0S", "PT25S"]),
        )
        async with run:
            for _ in range(chance.randrange(2, 12)):
                for _ in range(chance.randrange(6)):
                    broker.produce(produced, chance.choice(["a", "b"]) if fifo else None)
                    produced += 1
                await asyncio.sleep(chance.random() * chance.choice([0.05, 1.0, 20.0]))
                # Who is not told of an early end cannot know that an "OK" was none.
                if broker.stored and not broker.silent and chance.random() < 0.3:
                    unlucky = chance.choice(list(broker.stored.values()))
                    broker.end_lease(
                        *[s.id for s in broker.stored.values() if s.queue == unlucky.queue]
                        if fifo
                        else [unlucky.id]
                    )
            if last:
                trouble.over = True
                await everything_is_acknowledged(broker, run)
            else:
                broker.quiescing = chance.randrange(3)
        assert broker.closed
        assert broker.violations == []
        calls = len(broker.log)
        await asyncio.sleep(broker.visibility + 1)
        assert len(broker.log) == calls, "a call after the end"
        assert [s for s in broker.stored.values() if s.calls] == [], "a call that never ended"


async def everything_is_acknowledged(broker: LeasedBroker, run: Run) -> None:
    """Wait for that; nothing may be left in the flow then."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while broker.left:
        assert loop.time() - start < 8 * 3600, f"not acknowledged: {broker.left}"
        await asyncio.sleep(2.0)
    await asyncio.sleep(2 * broker.visibility)
    assert len(run.pipeline._leased.leases) == 0, "a lease is left over"
    assert run.pipeline.held.count == 0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of schedules warn of what they are made of."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("fifo", [False, True], ids=["free", "fifo"])
async def test_no_schedule_breaks_a_promise(fifo: bool) -> None:
    """In none is a message lost, delivered twice by one process, or in two calls at once."""
    for seed in range(SCHEDULES):
        try:
            await schedule(seed, fifo=fifo)
        except BaseException as error:
            error.add_note(f"seed {seed}, fifo={fifo}")
            raise
