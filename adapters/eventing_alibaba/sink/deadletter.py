"""A dead-letter sink over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.sink.outcome import Verdict, judge
from eventing_alibaba.sink.post import Sink
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

T = TypeVar("T")


class HttpDeadLetters:
    """A `contract.source.DeadLetterTarget` that POSTs events to a sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        """See `DeadLetterTarget.send`."""
        if self._sink.in_flight >= self._sink.limit:
            return False

        def answered(_: None, result: Answer | WireError) -> None:
            outcome = judge(result)
            if outcome.verdict is Verdict.DELIVERED:
                done(token, None)
            else:
                done(token, NotTaken(outcome.reason, outcome.retry_after))

        return self._sink.send(self._sink.encode(event), answered, None)

    async def close(self) -> None:
        """See `DeadLetterTarget.close`."""
        self._sink.cut()
        await self._sink.close()

    def __repr__(self) -> str:
        return f"<HttpDeadLetters {self._sink!r}>"
