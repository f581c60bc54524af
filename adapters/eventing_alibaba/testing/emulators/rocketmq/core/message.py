"""A message: what was sent, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["NORMAL", "FIFO", "DELAY", "TRANSACTION"]
"""What a message is; a topic takes one of them."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """What a producer sends.

    Attributes:
        id: made by the producer; stays through redeliveries and in the dead-letter topic.
        body: as it is stored: compressed if `compressed`.
        compressed: the body is gzip or zlib.
        tag: the message's one tag.
        keys: what it can be looked up by.
        properties: the user's own.
        group: messages of one group keep their order (FIFO).
        deliver_at: not before this time, in ms since the epoch (delayed).
        born_at, born_host: when and where it was made, as the producer says.
        trace_context: passed on as it is.
        transactional: half of a transaction.
        dead_of: topic that this dead letter was in.
        past: deliveries that a dead letter has behind it; they count on.
    """

    id: str
    body: bytes
    compressed: bool = False
    tag: str | None = None
    keys: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    deliver_at: int | None = None
    born_at: int = 0
    born_host: str = ""
    trace_context: str | None = None
    transactional: bool = False
    dead_of: str | None = None
    past: int = 0

    @property
    def kind(self) -> Kind:
        """What it is, which only its properties tell: there is no field for it in the store."""
        if self.transactional:
            return "TRANSACTION"
        if self.deliver_at is not None or self.dead_of is not None:
            return "DELAY"  # a dead letter keeps the mark of the delay that it could have had
        return "NORMAL" if self.group is None else "FIFO"


@dataclass(slots=True)
class Stored:
    """A message in a queue.

    Attributes:
        draft: what was sent.
        topic, broker, queue, offset: where it lies.
        stored_at: since when, in ms since the epoch.
    """

    draft: Draft
    topic: str
    broker: str
    queue: int
    offset: int
    stored_at: int
