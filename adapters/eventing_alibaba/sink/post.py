"""The sink: a target, an encoder, what it is shown of us, and a pool of connections.

`send` is synchronous and takes an encoded request; whether there is room is asked first, so that
nothing is encoded that cannot be sent.

In batch mode `part` encodes one event and `batch` makes a request of parts; who collects them, and
for how long, is the flow's concern.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar

from eventing_alibaba import __version__
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.outline import Outline, Values
from eventing_alibaba.sink.encode import Encode, Form, Outlined, encoder
from eventing_alibaba.sink.formats.batch import BatchEncoder
from eventing_alibaba.sink.identity import Identity
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.request import head

T = TypeVar("T")


class Send(Protocol):
    """Sends a request."""

    def __call__(
        self, request: bytes, done: Callable[[T, Answer | WireError], None], token: T, /
    ) -> bool:
        """Take one request if there is room; `done(token, result)` follows, never from in here.

        The result is a `WireError` of kind `credentials`, and nothing was sent, where there is
        nothing to show to the sink.
        """


USER_AGENT: Final = f"eventing-alibaba/{__version__}"


@dataclass(slots=True, frozen=True)
class SinkOptions:
    """How events are sent.

    Attributes:
        mode: how a single event is written: HTTP content mode, or raw.
        namespace: of the source object, sent as `Kn-Namespace`.
        overrides: attributes set on every event.
        headers: further headers of every request.
        timeout: seconds for one answer.
    """

    mode: Form = "binary"
    namespace: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 600.0


class Sink:
    """Sends encoded events and reports each one's result exactly once.

    Attributes:
        pool: the connections.
        send: takes one request if there is room.
        encode: makes the request of a single event; raises ValueError with a sentence for an
            impossible one.
        outlined: makes it of an event's outline; None = `encode` is to do it. Raises like that.
        part: encodes an event for a batch; None = it has to go alone. Raises like `encode`.
        part_outlined: the same of an event's outline; None = `part` is to do it.
    """

    def __init__(self, pool: Pool, options: SinkOptions, identity: Identity | None = None) -> None:
        self.pool = pool
        self._timeout = options.timeout
        self._headers = {"User-Agent": USER_AGENT, **options.headers}
        if options.namespace:
            self._headers["Kn-Namespace"] = options.namespace
        start = self._head()
        self._encoder = encoder(options.mode, start, options.overrides)
        self._batches = BatchEncoder(start, options.overrides)
        self._identity = identity
        self.send: Send = (
            partial(pool.send, timeout=options.timeout) if identity is None else self._send_known
        )
        self.encode: Encode = self._encoder if identity is None else self._encode_known
        self.outlined: Outlined = (
            self._encoder.outlined if identity is None else self._outlined_known
        )
        self.part: Callable[[Event], bytes | None] = self._batches.part
        self.part_outlined: Outlined = self._batches.outlined

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return self.pool.limit

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self.pool.in_flight

    def batch(self, parts: Sequence[bytes]) -> bytes:
        """Return the request of a batch; one part at least. Make it just before it is sent."""
        if self._identity is not None and self._identity.changed():
            self._renew(self._identity)
        return self._batches.request(parts)

    def _send_known(
        self, request: bytes, done: Callable[[T, Answer | WireError], None], token: T
    ) -> bool:
        if self._identity is not None and self._identity.refusal is not None:
            return self._refuse(self._identity.refusal, done, token)
        return self.pool.send(request, done, token, timeout=self._timeout)

    def cut(self) -> None:
        """End every exchange now; each reports a `WireError` of kind `cut`."""
        self.pool.cut()

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.close()
        if self._identity is not None:
            self._identity.close()

    def _encode_known(self, event: Event) -> bytes:
        if self._identity is not None and self._identity.changed():
            self._renew(self._identity)
        return self._encoder(event)

    def _outlined_known(self, outline: Outline, values: Values, data: bytes) -> bytes | None:
        if self._identity is not None and self._identity.changed():
            self._renew(self._identity)
        return self._encoder.outlined(outline, values, data)

    def _renew(self, identity: Identity) -> None:
        start = self._head(identity)
        self._encoder.use(start)
        self._batches.use(start)

    def _head(self, identity: Identity | None = None) -> bytes:
        shown = () if identity is None else identity.headers
        lines = (*self._headers.items(), *shown)
        return head("POST", self.pool.target, lines, None).removesuffix(b"\r\n")

    def _refuse(self, why: str, done: Callable[[T, Answer | WireError], None], token: T) -> bool:
        pool = self.pool
        if pool.in_flight >= pool.limit:
            return False
        # It counts until it is reported, so that who waits for the last result waits for this one.
        pool.in_flight += 1
        error = WireError("credentials", why, sent=False)
        asyncio.get_running_loop().call_soon(pool.ended, done, token, error)
        return True

    def __repr__(self) -> str:
        return f"<Sink {self.pool!r}>"
