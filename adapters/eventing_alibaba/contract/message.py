"""What a source hands to the flow: one message, as received, with what is needed to settle it.

`track` and `lane` are the whole of ordering. A *track* orders settling: acknowledgements of its
messages reach the source only as a contiguous prefix (a Kafka partition, a FIFO queue). A *lane*
orders delivery: one event of a lane is on the wire at a time, in order, and a lane never spans two
tracks. A source that leaves both `None` has no order to keep.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Attributes: TypeAlias = Sequence[tuple[str, bytes | str | None]]


# Immutable by convention: `frozen=True` would cost 0.7 µs a message.
@dataclass(slots=True, eq=False)
class Message:
    """One message as the broker gave it.

    Attributes:
        id: stable across redeliveries and restarts; becomes the CloudEvents `id`.
        body: the payload, or the raw bytes where `defect` says they could not be decoded.
        attributes: headers or properties as received: order, repeats and nulls kept.
        origin: the queue or topic it came from.
        time: when it was produced, in seconds since the epoch.
        key: the record or message key.
        track: settle order (see the module's text); None = free.
        lane: delivery order; None = free.
        attempt: deliveries by the broker so far, where it counts. May be low; never used to decide
            that retries are exhausted.
        lease: `contract.clock.now()` at which the broker gives the message to somebody else; None
            where there is no lease (Kafka).
        defect: why the message could not be decoded. Such a message goes the dead-letter road and
            never to the sink.
        receipt: the source's own; the flow only carries it.
        null: the broker distinguishes "no value" from an empty one and this is the former (a Kafka
            tombstone); `body` is then empty.
    """

    id: str
    body: bytes
    attributes: Attributes
    origin: str
    time: float | None = None
    key: bytes | None = None
    track: Hashable | None = None
    lane: Hashable | None = None
    attempt: int | None = None
    lease: float | None = None
    defect: str | None = None
    receipt: object = None
    null: bool = False

    def extended(self, lease: float) -> Message:
        """Return this message with a later lease; its receipt is the same object."""
        return Message(
            self.id,
            self.body,
            self.attributes,
            self.origin,
            self.time,
            self.key,
            self.track,
            self.lane,
            self.attempt,
            lease,
            self.defect,
            self.receipt,
            self.null,
        )
