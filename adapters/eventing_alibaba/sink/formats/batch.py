"""Batched mode: several events as one JSON array (HTTP binding 3.3, JSON format section 4).

Each event is encoded once, by itself, into a *part*; a request joins parts with commas. So the size
of a batch is known exactly while it grows, and one that is split after a 413 or another refusal is
made of the same parts again.

An event in another format than JSON (Avro, Protobuf) cannot stand in a JSON array: it has no part
and goes alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.jsonformat import json_event, json_template
from eventing_alibaba.contract.outline import Outline, Values
from eventing_alibaba.sink.formats.attributes import override
from eventing_alibaba.sink.formats.template import Templates

BATCH_JSON: Final = "application/cloudevents-batch+json; charset=utf-8"

T = TypeVar("T")


class BatchEncoder:
    """Encodes events for a batch, and batches. See `BinaryEncoder` for the arguments."""

    def __init__(self, head: bytes, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._templates = Templates(self._overrides, json_template)
        self.use(head)

    def use(self, head: bytes) -> None:
        """Begin requests with another head from now on."""
        self._head = head + f"content-type: {BATCH_JSON}\r\n".encode("ascii")

    def part(self, event: Event) -> bytes | None:
        """Return the event as a part of a batch; None if it has to go alone.

        Raises ValueError with a sentence for an impossible event.
        """
        if event.structured:
            return None
        if self._overrides:
            override(event, self._overrides)
        return json_event(event)

    def outlined(self, outline: Outline, values: Values, data: bytes) -> bytes | None:
        """Return an event with an outline as a part of a batch; None = make it of an event."""
        begun = self._templates.fill(outline, values)
        return None if begun is None else b"%b%b}" % (begun, data)

    def request(self, parts: Sequence[bytes]) -> bytes:
        """Return the whole request; one part at least."""
        body = b",".join(parts)
        return b"%bcontent-length: %d\r\n\r\n[%b]" % (self._head, len(body) + 2, body)


class Batch(Generic[T]):
    """Members of a request, each with its part, in order.

    Attributes:
        members: whatever the events belong to, one for each part.
        parts: as `BatchEncoder.part` made them.
        size: bytes of the body that the parts make.
    """

    __slots__ = ("members", "parts", "size")

    def __init__(self) -> None:
        self.members: list[T] = []
        self.parts: list[bytes] = []
        self.size = 1  # two brackets, and one comma less than there are parts

    def __len__(self) -> int:
        return len(self.parts)

    def takes(self, part: bytes, *, max_events: int, max_bytes: int) -> bool:
        """Return whether there is room. An empty one takes any part, however large."""
        parts = len(self.parts)
        return not parts or (parts < max_events and self.size + len(part) + 1 <= max_bytes)

    def add(self, member: T, part: bytes) -> None:
        """Append a member."""
        self.members.append(member)
        self.parts.append(part)
        self.size += len(part) + 1

    def halves(self) -> tuple[Batch[T], Batch[T]]:
        """Return the first and the second half; of an odd number, the first has one more.

        Raises ValueError for a batch of fewer than two members.
        """
        if len(self) < 2:
            raise ValueError(f"a batch of {len(self)} has no halves")
        first, second = Batch[T](), Batch[T]()
        middle = (len(self) + 1) // 2
        for at, (member, part) in enumerate(zip(self.members, self.parts, strict=True)):
            (first if at < middle else second).add(member, part)
        return first, second

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} events, {self.size} bytes>"
