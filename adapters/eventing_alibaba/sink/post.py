"""The sink: a target, an encoder and a pool of connections.

`send` is synchronous and takes an encoded request; whether there is room is asked first, so that
nothing is encoded that cannot be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from eventing_alibaba import __version__
from eventing_alibaba.sink.encode import BinaryEncoder, Encode, StructuredEncoder
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.request import head

T = TypeVar("T")

USER_AGENT: Final = f"eventing-alibaba/{__version__}"


@dataclass(slots=True, frozen=True)
class SinkOptions:
    """How events are sent.

    Attributes:
        mode: HTTP content mode.
        namespace: of the source object, sent as `Kn-Namespace`.
        overrides: attributes set on every event.
        headers: further headers of every request.
        timeout: seconds for one answer.
    """

    mode: Literal["binary", "structured"] = "binary"
    namespace: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 600.0


class Sink:
    """Sends encoded events and reports each one's result exactly once."""

    def __init__(self, pool: Pool, options: SinkOptions) -> None:
        self.pool = pool
        self._timeout = options.timeout
        headers = {"User-Agent": USER_AGENT, **options.headers}
        if options.namespace:
            headers["Kn-Namespace"] = options.namespace
        start = head("POST", pool.target, headers.items(), None).removesuffix(b"\r\n")
        encoder = BinaryEncoder if options.mode == "binary" else StructuredEncoder
        self.encode: Encode = encoder(start, options.overrides)

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return self.pool.limit

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self.pool.in_flight

    def send(self, request: bytes, done: Callable[[T, Answer | WireError], None], token: T) -> bool:
        """Take one request if there is room; `done(token, result)` follows, never from in here."""
        return self.pool.send(request, done, token, timeout=self._timeout)

    def cut(self) -> None:
        """End every exchange now; each reports a `WireError` of kind `cut`."""
        self.pool.cut()

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.close()

    def __repr__(self) -> str:
        return f"<Sink {self.pool!r}>"
