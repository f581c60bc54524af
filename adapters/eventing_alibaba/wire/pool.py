"""Connections to one target, and which request goes on which.

`send` puts a request into the outbox, and at the end of the loop's turn all that gathered there is
written in one go, each request on an idle connection (the most recently used one: the others may
age away). To write each at once costs more CPU with a fast server on the same machine: it falls
asleep between two requests, and to wake it is the dearest part of a write. Where no connection is
idle the request waits, and a task opens a connection: one task for a connection, never one for a
request. Whatever is ready first serves the oldest waiting request, be it the new connection or one
that was freed meanwhile (`opening.py`).

When an answer is complete, its connection is idle again *before* `done` is called, so that a `send`
inside `done` goes out on the same warm connection.

A server may close an idle connection at the very moment at which a request is written to it. Such a
request, on a connection that had worked before and that ended without a byte of an answer, is sent
once more, and only on a fresh connection: nobody needs to know. On a fresh connection the same
thing is an error, because the server may have done the work.

There is one timer. It looks at all exchanges about once a second, or earlier when a deadline is
nearer, and sleeps when there is nothing to look at.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from eventing_alibaba.wire.alarm import NEVER, Alarm
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.connection import Connection
from eventing_alibaba.wire.dial import SHUTDOWN_SECONDS, Dialer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.http1 import AnswerReader, Memo
from eventing_alibaba.wire.opening import Opening, Waiting
from eventing_alibaba.wire.proxy import Proxy
from eventing_alibaba.wire.room import Room
from eventing_alibaba.wire.roster import Roster
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsContext, TlsOptions

T = TypeVar("T")
Done: TypeAlias = Callable[[Any, Answer | WireError], None]

SWEEP_SECONDS: Final = 1.0


class Pool:
    """At most `limit` exchanges at once with `target`.

    Attributes:
        target: where requests go.
        limit: exchanges at once; `resize` changes it.
        in_flight: requests under way, waiting ones included.
        resends: requests written a second time because an idle connection had died.
        opened: connections opened so far.
        collects: headers and body of every answer are wanted.
    """

    def __init__(
        self,
        target: Target,
        *,
        limit: int,
        tls: TlsOptions | TlsContext | None = None,
        proxy: Proxy | None = None,
        connect_timeout: float = 5.0,
        write_timeout: float = 30.0,
        max_age: float = 300.0,
        keep_body: int = 1024,
        collect_headers: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open nothing yet.

        Args:
            target: where requests go; each request names its own path, in origin-form.
            limit: exchanges at once, and so connections.
            tls: for an `https` target; None = the authorities of the system.
            proxy: from `proxy_for`; None = none.
            connect_timeout: seconds for name, connection, tunnel and handshake together.
            write_timeout: seconds in which the peer must take at least a byte of a request.
            max_age: seconds a connection lives, give or take a fifth.
            keep_body: bytes of a body that are kept.
            collect_headers: collect headers and body of a 2xx as well.
            clock: seconds, monotonic.
        """
        self.target = target
        self.in_flight = 0
        self.resends = 0
        self.opened = 0
        self.collects = collect_headers
        self.limit = limit
        self._clock = clock
        self._write_timeout = write_timeout
        self._max_age = max_age
        self._keep_body = keep_body
        self._memo: Memo = {}
        context = tls if isinstance(tls, TlsContext) else TlsContext(tls)
        self._dialer = Dialer(
            target, proxy=proxy, tls=context, timeout=connect_timeout, clock=clock
        )
        self._proxy = proxy if target.scheme == "http" else None
        self._roster = Roster()
        self._idle = self._roster.idle
        self._outbox: list[tuple[bytes, Done, Any, float]] = []
        self._opening = Opening(self._dial, opened=self._opened, failed=self._fail)
        self._room = Room()
        self._alarm = Alarm(self.sweep)
        self._sweep_by = NEVER  # exchanges are looked at no later than this
        self._wanted = False  # a freed connection may not simply become idle
        self._closed = False

    def resize(self, limit: int) -> None:
        """Allow so many exchanges at once.

        Lowering it closes idle connections, and busy ones as they finish.
        """
        if self._closed:
            return
        self.limit = limit
        self._wanted = True
        # What was taken and not written yet is to find the connections that it counted on.
        busy = len(self._roster.live) - len(self._idle)
        self._roster.shrink(max(limit, busy + len(self._outbox)))
        for _ in range(limit - self.in_flight):
            self._room.wake()

    def send(
        self,
        request: bytes,
        done: Callable[[T, Answer | WireError], None],
        token: T,
        *,
        timeout: float,
    ) -> bool:
        """Take a request if there is room.

        Returns False, and nothing is taken, if `limit` exchanges are under way or the pool is
        closed. Otherwise `done(token, result)` is called exactly once, after this has returned; at
        the latest about a second after `timeout` seconds.
        """
        if self.in_flight >= self.limit:
            return False
        if self._proxy is not None:
            request = self._proxy.absolute(self.target, request)
        self.in_flight += 1
        outbox = self._outbox
        if not outbox:
            asyncio.get_running_loop().call_soon(self._write_out)
        outbox.append((request, done, token, timeout))
        return True

    def _write_out(self) -> None:
        """Write what has gathered in the outbox, or let it wait for a connection."""
        outbox, self._outbox = self._outbox, []
        idle = self._idle
        now = self._clock()
        for request, done, token, timeout in outbox:
            deadline = now + timeout
            if deadline < self._sweep_by:
                self._watch(deadline, now)
            while idle:
                connection = idle[-1]
                if now >= connection.expires:
                    connection.retire()
                    continue
                del idle[-1]
                try:
                    connection.start(request, done, token, deadline)
                except Exception as error:  # noqa: BLE001 - the others must go on
                    self.report(error)
                    connection.fail("closed", "could not be written to")
                break
            else:
                self._wanted = True
                self._opening.add(Waiting(request, done, token, deadline))

    async def request(self, request: bytes, *, timeout: float) -> Answer:
        """Send a request and wait for its answer; wait for room first if there is none.

        Cancelling it closes the connection.

        Raises:
            WireError: there was no answer.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        end = self._clock() + timeout
        while not self.send(request, _resolve, future, timeout=end - self._clock()):
            if self._closed:
                raise WireError("cut", f"the pool for {self.target.address} is closed", sent=False)
            self._wanted = True
            try:
                await self._room.wait(end - self._clock())
            except TimeoutError:
                text = f"no connection to {self.target.address} was free in time: {self!r}"
                raise WireError("connect_timeout", text, sent=False) from None
        try:
            return await future
        except asyncio.CancelledError:
            self._end(lambda token: token is future)
            raise

    def cut(self) -> None:
        """End every exchange now; each `done` is called from in here, with a `WireError`.

        An exchange of which a final head has come counts as answered.
        """
        self._opening.stop()
        self._end(lambda _: True)

    async def close(self) -> None:
        """Cut what is under way and close everything. Idempotent."""
        self._closed = True
        self.limit = 0
        self.cut()
        self._alarm.off()
        while self._room:
            self._room.wake()
        await self._opening.close()
        await self._dialer.close()
        await self._roster.close(patience=SHUTDOWN_SECONDS * 1.5)

    def sweep(self) -> None:
        """End what is late or old. The pool's own timer calls it."""
        now = self._clock()
        self._sweep_by = NEVER
        for connection in tuple(self._roster.live):
            if connection.done is not None:
                connection.check(now, self._write_timeout)
            elif now >= connection.expires:
                connection.retire()
        text = f"no connection to {self.target.address} was there in time"
        for entry in self._opening.take(lambda entry: now >= entry.deadline):
            self._fail(entry, WireError("connect_timeout", text, sent=False))
        if self.in_flight:
            busy = (c.deadline for c in self._roster.live if c.done is not None)
            self._watch(min(self._opening.earliest, *busy, NEVER), now)
        elif self._idle:
            self._alarm.set(min(c.expires for c in self._idle), now)

    # Connections and attempts call these.

    def freed(self, connection: Connection) -> None:
        """Take a connection back whose answer is complete."""
        self.in_flight -= 1
        if connection.unsent or self._wanted or not connection.reader.keep:
            self._pass_on(connection)
        else:
            self._idle.append(connection)

    def died(self, connection: Connection, exc: Exception | None) -> None:
        """Settle the exchange of a connection that ended, if it had one."""
        self._roster.forget(connection)
        done, token = connection.done, connection.token
        if done is None:
            return
        connection.done = connection.token = None
        if connection.reused and not connection.reader.received and not self._closed:
            self.resends += 1
            request, deadline = connection.request, connection.deadline
            self._opening.add(Waiting(request, done, token, deadline, again=True))
            return
        self.ended(done, token, connection.reader.partial() or connection.because(exc))

    def ended(
        self,
        done: Callable[[Any, Answer | WireError], None],
        token: Any,
        result: Answer | WireError,
    ) -> None:
        """Report the result of an exchange that has no connection (any more)."""
        self.in_flight -= 1
        self._room.wake()
        try:
            done(token, result)
        except Exception as error:  # noqa: BLE001 - whatever it is, the pool must go on
            self.report(error)

    def forget(self, connection: Connection) -> None:
        """Give this connection no further exchange."""
        self._roster.forget(connection)

    def report(self, error: Exception) -> None:
        """Tell the loop about an exception of a `done`, or of a write, that should not be."""
        text = f"a request to {self.target.address}, or its result, was not taken"
        context = {"message": text, "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)

    def _pass_on(self, connection: Connection) -> None:
        """Close a connection that was used, let it serve who waits, or leave it idle."""
        surplus = len(self._roster.live) > self.limit
        if surplus or connection.unsent or not connection.reader.keep:
            connection.retire()
        elif entry := self._opening.next(fresh=False):
            connection.start(entry.request, entry.done, entry.token, entry.deadline)
        else:
            self._idle.append(connection)
        self._room.wake()
        self._wanted = surplus or self._opening.waiting > 0 or bool(self._room)

    async def _dial(self) -> Connection:
        return await self._dialer.dial(
            lambda: Connection(
                self, AnswerReader(self._memo, keep_body=self._keep_body, collect=self.collects)
            )
        )

    def _opened(self, connection: Connection) -> None:
        self.opened += 1
        age = self._max_age * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing
        connection.expires = self._clock() + age
        self._roster.add(connection)
        entry = self._opening.next(fresh=True)
        if entry is not None:
            connection.start(entry.request, entry.done, entry.token, entry.deadline)
        elif len(self._roster.live) > self.limit:
            connection.retire()
        else:
            self._idle.append(connection)

    def _fail(self, entry: Waiting, error: WireError) -> None:
        """Report that a request found no connection. It may have been written before."""
        if entry.again:
            error = WireError(error.kind, error.text, sent=True)
        self.ended(entry.done, entry.token, error)

    def _end(self, chosen: Callable[[Any], bool]) -> None:
        """End the exchanges under way whose token is `chosen`."""
        busy = [c for c in self._roster.live if c.done is not None and chosen(c.token)]
        unwritten = [entry for entry in self._outbox if chosen(entry[2])]
        self._outbox = [entry for entry in self._outbox if not chosen(entry[2])]
        waiting = self._opening.take(lambda entry: chosen(entry.token))
        for connection in busy:
            connection.fail("cut", "had not answered when the exchange was given up here")
        text = f"the request to {self.target.address} was given up here"
        for _, done, token, _ in unwritten:
            self.ended(done, token, WireError("cut", text, sent=False))
        for entry in waiting:
            self._fail(entry, WireError("cut", text, sent=False))

    def _watch(self, deadline: float, now: float) -> None:
        """See to it that exchanges are looked at in time."""
        self._alarm.set(min(deadline, now + SWEEP_SECONDS), now)
        self._sweep_by = self._alarm.at

    def __repr__(self) -> str:
        busy = len(self._roster.live) - len(self._idle)
        closed = " closed" if self._closed else ""
        return (
            f"<Pool {self.target.origin} idle={len(self._idle)} busy={busy}"
            f" opening={self._opening.attempts} waiting={self._opening.waiting + len(self._outbox)}"
            f" limit={self.limit}{closed}>"
        )


def _resolve(future: asyncio.Future[Answer], result: Answer | WireError) -> None:
    if future.done():
        return
    if isinstance(result, WireError):
        future.set_exception(result)
    else:
        future.set_result(result)
