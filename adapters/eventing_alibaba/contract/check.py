"""Looking at a broker without running anything: what is asked, one question after the other.

A source may have a method of its spec

    def check(self, context: Context) -> AsyncGenerator[Step, None]

which is found by its name. It is an asynchronous generator: whoever iterates over it asks the
question of each step before it takes the next one. So a generator knows by then how its questions
were answered, leaves out what makes no sense any more (topics, where no broker was reached), and
closes its connections in a `finally`.

Nothing that runs may notice: no member joins or leaves a group, no offset moves, no message is
taken or sent. The same errors come out as in `/status`, so that people read one language.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One question.

    Attributes:
        name: what is looked at, in a few words: `broker kafka-1:9092`, `topic orders`.
        ask: finds out; returns what was found, in a few words or "", or raises the SourceError that
            `run` would show. Called once.
    """

    name: str
    ask: Callable[[], Awaitable[str]]
