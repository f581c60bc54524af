"""A log's whole flow in thousands of random schedules, in virtual time.

A schedule is some minutes of trouble: a service that is slow, refuses, falls over and is away; a
broker whose calls fail before or after they took effect; partitions that are taken away, with and
without notice; perhaps a stop and a second process. Then all is well, and everything must be
acknowledged. What must never happen is noted by the log and the service (`logged.py`), at every
step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from tests.flow.harness import OK, REFUSED, RESET, Result, Run, status
from tests.flow.logged import PARTITIONS, Log, Witness

from eventing_alibaba.contract.errors import Disconnected, Throttled, Unauthorized
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted

T = TypeVar("T")

pytestmark = [pytest.mark.looptime(noop_cycles=0), pytest.mark.soak]

SCHEDULES = 10_000 if os.environ.get("SOAK") else 300
"""In each of the tests below."""


class Trouble:
    """What goes wrong, drawn from a seed; `over` ends it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.over = False
        self.away = False
        self.faulty = self.chance.choice([0.0, 0.0, 0.1, 0.4])
        self.patient = self.chance.choice([0.01, 0.5, 30.0])
        self.unwell = self.chance.choice([0.0, 0.1, 0.5])

    def fail(self) -> Exception | None:
        if self.over or self.chance.random() >= self.faulty:
            return None
        return self.chance.choice(
            [
                Disconnected("away"),
                Unauthorized("expired"),
                Throttled("slowly", delay=3.0),
                RuntimeError("a defect of the source"),
            ]
        )

    def plan(self) -> tuple[float, Result]:
        if self.over:
            return 0.01, OK
        delay = self.chance.random() * self.patient
        if self.away:
            silent: list[Result] = [REFUSED, status(503), status(429, retry_after="3")]
            return delay, self.chance.choice(silent)
        if self.chance.random() >= self.unwell:
            return delay, OK
        answers: list[Result] = [status(500), status(503), status(400), status(413), RESET]
        return delay, self.chance.choice(answers)


class DeadLetters:
    """A dead-letter sink: what is safe there counts as accepted."""

    def __init__(self, trouble: Trouble, service: Witness) -> None:
        self.trouble = trouble
        self.service = service

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        delay, result = self.trouble.plan()
        partition, offset = map(int, event.id.split("/"))
        track = self.service.log.assigned[partition]

        def answer() -> None:
            if result is OK:
                self.service.buried(track, offset)
            done(token, None if result is OK else NotTaken("no"))

        asyncio.get_running_loop().call_later(delay, answer)
        return True

    async def close(self) -> None:
        """There is nothing to let go of."""


async def schedule(seed: int, *, ordering: str, batched: bool) -> None:
    """Run one schedule; raises AssertionError."""
    trouble = Trouble(seed)
    random.seed(seed)  # for the jitter of the flow's own
    chance = trouble.chance
    log = Log(ordering, chance)
    log.fail = trouble.fail
    for last in [*[False] * chance.choice([0, 0, 1]), True]:
        limit, buffered = chance.choice([1, 3, 8]), chance.choice([2, 16, 64])
        service = Witness(log, limit=limit)
        service.plan = trouble.plan
        run = Run(
            log,
            service,
            retry=Retry(most=chance.choice([0, 2, 9]), delay=0.5, longest=20.0),
            exhausted=Exhausted(
                route=chance.choice(["block", "deadLetter"]), target=DeadLetters(trouble, service)
            ),
            batching=Batching(chance.choice([2, 5]), 1 << 20, chance.choice([0.0, 0.05]))
            if batched
            else None,
            max_buffered=buffered,
            max_uncommitted=chance.choice([1, 5, 100]),
            grace=chance.choice(["PT0S", "PT25S"]),
        )
        service.held = lambda held=run.pipeline.held, most=buffered: (held.count, most)  # type: ignore[misc]
        async with run:
            for _ in range(chance.randrange(2, 12)):
                await _something(log, trouble)
            if last:
                trouble.over = True
                await _everything_is_acknowledged(log, run)
        assert log.violations == []
        assert not service.wire, "a request that never ended"
        log.close_all()


async def _something(log: Log, trouble: Trouble) -> None:
    chance = trouble.chance
    for _ in range(chance.randrange(12)):
        log.produce(chance.randrange(PARTITIONS))
    trouble.away = chance.random() < 0.2
    await asyncio.sleep(chance.random() * chance.choice([0.05, 1.0, 20.0]))
    if log.assigned and chance.random() < 0.3:
        await log.revoke(chance.randrange(PARTITIONS), lost=chance.random() < 0.5)


async def _everything_is_acknowledged(log: Log, run: Run) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    while log.left:
        assert loop.time() - start < 8 * 3600, f"not acknowledged: {log.left}"
        await asyncio.sleep(2.0)
    await asyncio.sleep(60)  # answers for partitions that were given up may still come
    assert run.pipeline.held.count == 0
    assert not run.pipeline.blocked()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of schedules have hundreds of thousands of warnings."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("batched", [False, True], ids=["single", "batches"])
@pytest.mark.parametrize("ordering", ["unordered", "keyed", "ordered"])
async def test_no_schedule_breaks_a_promise(ordering: str, batched: bool) -> None:
    """No ack without 2xx or dead letter, no second POST after one, order, bounds, nothing lost."""
    for seed in range(SCHEDULES):
        try:
            await schedule(seed, ordering=ordering, batched=batched)
        except BaseException as error:
            error.add_note(f"in schedule {seed}")
            raise
