"""One event as the bytes of one HTTP request: which of `formats` writes it.

An encoder begins every request with the same *head*: request line, `Host` and the headers that do
not depend on the event. It is rendered once, and replaced by `use` when a credential in it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.outline import Outline, Values
from eventing_alibaba.sink.formats.binary import BinaryEncoder
from eventing_alibaba.sink.formats.raw import RawEncoder
from eventing_alibaba.sink.formats.structured import StructuredEncoder

Encode: TypeAlias = Callable[[Event], bytes]
Outlined: TypeAlias = Callable[[Outline, Values, bytes], "bytes | None"]
Form: TypeAlias = Literal["binary", "structured", "raw"]


class Encoder(Protocol):
    """What makes requests of events."""

    def __call__(self, event: Event) -> bytes:
        """Return the whole request. Raises ValueError with a sentence for an impossible event."""

    def outlined(self, outline: Outline, values: Values, data: bytes) -> bytes | None:
        """Return the whole request of an event with an outline; None = encode it as an event."""

    def use(self, head: bytes) -> None:
        """Begin requests with another head from now on."""


def encoder(form: Form, head: bytes, overrides: Mapping[str, str]) -> Encoder:
    """Return the encoder for a form. `overrides` are set on every event, but for raw."""
    if form == "raw":
        return RawEncoder(head)
    if form == "structured":
        return StructuredEncoder(head, overrides)
    return BinaryEncoder(head, overrides)
