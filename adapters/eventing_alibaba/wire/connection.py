"""One connection: it carries one exchange at a time, and belongs to a pool.

The state of the exchange under way lies in plain attributes here, because an object, a future or a
timer per request would cost more than the parsing. `done` being set is what *busy* means. Whoever
ends an exchange takes `done` away first, so that nothing can end it twice.

Bytes that the socket did not take at once are seen through the transport's flow control with its
marks at zero: `unsent` costs nothing as long as everything is taken at once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import Kind, WireError
from eventing_alibaba.wire.http1 import AnswerReader
from eventing_alibaba.wire.message import ProtocolError
from eventing_alibaba.wire.tls import explain

if TYPE_CHECKING:
    from eventing_alibaba.wire.pool import Pool

BODY_SECONDS = 10.0
"""How long the body of an answer may take after its head, where only the status is wanted."""


class Connection(asyncio.Protocol):
    """A connection of `pool`.

    Attributes:
        done, token, request, deadline: the exchange under way; `done` is None between two.
        expires: when the connection has served long enough, by the pool's clock.
        reused: at least one exchange went well here.
        unsent: the transport still holds bytes that the peer has not taken.
        lost: the transport is gone.
        spoke: the peer sent something before it was asked.
    """

    __slots__ = (
        "_body_deadline", "_body_of", "_left", "_write_deadline", "deadline", "done", "expires",
        "lost", "pool", "reader", "request", "reused", "spoke", "token", "transport", "unsent",
        "write",
    )  # fmt: skip

    def __init__(self, pool: Pool, reader: AnswerReader) -> None:
        self.pool = pool
        self.reader = reader
        self.transport: asyncio.Transport
        self.write: Callable[[bytes], None]
        self.done: Callable[[Any, Answer | WireError], None] | None = None
        self.token: Any = None
        self.request = b""
        self.deadline = self.expires = 0.0
        self.reused = self.unsent = self.lost = self.spoke = False
        self._left = 0
        self._write_deadline = self._body_deadline = 0.0
        self._body_of = 0.0  # the deadline of the exchange that `_body_deadline` is for

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        # A TLS transport counts "at the mark" as above it, so its mark cannot be zero.
        high = 0 if transport.get_extra_info("ssl_object") is None else 1
        self.transport.set_write_buffer_limits(high=high, low=0)

    def pause_writing(self) -> None:
        """Note that the peer did not take everything."""
        self.unsent = True
        self._left = 0

    def resume_writing(self) -> None:
        """Note that the peer took everything."""
        self.unsent = False

    def data_received(self, data: bytes) -> None:
        """Read an answer; when it is complete, free the connection, then report."""
        done = self.done
        if done is None:
            self.spoke = True
            self.abandon()
            return
        if self.unsent and self.reused and self._unasked():
            self.pool.died(self, None)
            self.abandon()
            return
        try:
            answer = self.reader.feed(data)
        except ProtocolError as error:
            self.fail("protocol", f"answered with {error}")
            return
        if answer is None:
            return
        token = self.token
        self.done = None
        self.token = None
        self.reused = True
        pool = self.pool
        pool.freed(self)
        try:
            done(token, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the pool must go on
            pool.report(error)

    def eof_received(self) -> None:
        """End the exchange: no answer can come any more; for some answers this is the end."""
        if self.done is not None and (answer := self.reader.partial(eof=True)):
            self.end(answer)
        elif self.done is None:
            self.abandon()  # a request that is about to be written must not choose this one
        else:
            # Not a mere close(): that would first wait until the peer has read everything.
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the pool."""
        self.lost = True
        self.pool.died(self, exc)

    # The pool calls these.

    def start(
        self, request: bytes, done: Callable[[Any, Answer | WireError], None], token: Any,
        deadline: float,
    ) -> None:  # fmt: skip
        """Begin an exchange."""
        self.done = done
        self.token = token
        self.request = request
        self.deadline = deadline
        self.write(request)

    def end(self, result: Answer | WireError) -> None:
        """End the exchange and the connection."""
        done, token = self.done, self.token
        self.done = self.token = None
        self.abandon()
        if done is not None:
            self.pool.ended(done, token, result)

    def fail(self, kind: Kind, what: str) -> None:
        """End the exchange without an answer, unless its status is already known."""
        answer = self.reader.partial()
        self.end(answer or WireError(kind, f"{self.pool.target.address} {what}", sent=True))

    def abandon(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.pool.forget(self)
        self.transport.abort()

    def retire(self) -> None:
        """Close in order; no exchange is under way."""
        self.pool.forget(self)
        if self.unsent:
            self.transport.abort()
        else:
            self.transport.close()

    def check(self, now: float, write_timeout: float) -> None:
        """End the exchange if it is late; called about once a second."""
        if self.unsent:
            left = self.transport.get_write_buffer_size()
            if not self._left or left < self._left:
                self._left = left
                self._write_deadline = now + write_timeout
            elif now >= self._write_deadline:
                self.fail("write_timeout", f"took no byte of the request for {write_timeout:g} s")
                return
        if now >= self.deadline:
            if self.unsent:
                self.fail("write_timeout", "did not take the whole request in time")
            else:
                self.fail("answer_timeout", "took the request but did not answer in time")
        elif self.reader.final and not self.pool.collects:
            if self._body_of != self.deadline:
                self._body_of = self.deadline
                self._body_deadline = now + BODY_SECONDS
            elif now >= self._body_deadline:
                self.fail("answer_timeout", "")  # the status is known: it counts

    def because(self, exc: Exception | None) -> WireError:
        """Return why the connection ended before an answer."""
        where = self.pool.target.address
        if isinstance(exc, ssl.SSLError):
            return WireError("tls", explain(exc, where), sent=True)
        how = "was reset" if isinstance(exc, ConnectionResetError) else "ended"
        what = "in the middle of an answer" if self.reader.received else "before an answer"
        return WireError("closed", f"the connection to {where} {how} {what}", sent=True)

    def _unasked(self) -> bool:
        """Return whether bytes came before the first one of the request has left.

        They cannot be its answer: the server had given the idle connection up (some say 408).
        """
        return self.transport.get_write_buffer_size() >= len(self.request)

    def __repr__(self) -> str:
        state = "lost" if self.lost else "idle" if self.done is None else "busy"
        more = f" received={self.reader.received}" if self.reader.received else ""
        used = " reused" if self.reused else ""
        unsent = " unsent" if self.unsent else ""
        return f"<Connection {self.pool.target.address} {state}{used}{unsent}{more}>"
