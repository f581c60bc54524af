"""Dead letters on their way to a broker whose client is asked by coroutines.

A `DeadLetterTarget` answers by a callback, and the flow holds the message until it does. So each
one gets an answer, also where sending fails in a way that nobody foresaw: an answer of the broker
that cannot be read would otherwise keep a message in hand for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from eventing_alibaba.contract.source import NotTaken

log: Final = logging.getLogger(__name__)

T = TypeVar("T")

_AT_ONCE: Final = 16
_CLOSING: Final = "the adapter stops"
_DEFECT: Final = "sending it failed by a defect of the adapter; see its log"


class Burials:
    """What is being sent, at most sixteen at once."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[str | None]] = set()

    def __len__(self) -> int:
        """How many are being sent."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether no other one may begin now."""
        return len(self._tasks) >= _AT_ONCE

    def begin(
        self,
        sending: Coroutine[Any, Any, str | None],
        done: Callable[[T, NotTaken | None], None],
        token: T,
    ) -> None:
        """Run `sending`, which returns None or why it was not taken; then tell `done`."""

        def told(task: asyncio.Task[str | None]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                done(token, NotTaken(_CLOSING))
            elif (error := task.exception()) is not None:
                log.error("a dead letter was not sent", exc_info=error)
                done(token, NotTaken(_DEFECT))
            else:
                why = task.result()
                done(token, None if why is None else NotTaken(why))

        task = asyncio.get_running_loop().create_task(sending, name="dead letter")
        self._tasks.add(task)
        task.add_done_callback(told)

    async def close(self) -> None:
        """Cancel what is being sent, and tell that it was not."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def __repr__(self) -> str:
        return f"<Burials {len(self._tasks)}>"
