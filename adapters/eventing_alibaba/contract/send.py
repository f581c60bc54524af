"""Sending messages to the broker that a manifest names: for trying things out, and for load.

A source may have a method of its spec

    def sender(self, context: Context, to: str | None) -> Sender

which is found by its name. `to` is the topic or queue where the source reads from several; the
method raises `Unsendable` where that is not given or is not one of them. It opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eventing_alibaba.contract.errors import SourceError


class Unsendable(ValueError):
    """A wish that this broker cannot fulfil; the text is a sentence that says what can be had."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send.

    Attributes:
        body: its data.
        key: what the broker orders by, where it has such a thing (Kafka's record key, the message
            group of a FIFO queue); None = none.
        headers: names and values (headers, properties, attributes), in this order.
    """

    body: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Sender(Protocol):
    """Somebody who sends; used from one event loop, from `open` to `close`.

    Attributes:
        place: where messages go, for people: `topic orders at localhost:9092`.
    """

    place: str

    async def open(self) -> None:
        """Connect. Raises SourceError, also where the topic or queue is missing."""

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[SourceError | None]:
        """Send these; return when the broker has answered for all of them, or will not.

        Aligned with `messages`: None = the broker has it for good. Raises Unsendable, and sends
        nothing, for a message with something that this broker's messages do not have.
        """

    async def close(self) -> None:
        """Let go of all resources. Idempotent."""
