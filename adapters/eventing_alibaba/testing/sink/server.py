"""The sink in this process: a listener, its records and its script."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.sink.connection import Connection
from eventing_alibaba.testing.sink.decode import Headers, NotAnEventError, ReceivedEvent, decode
from eventing_alibaba.testing.sink.records import Records
from eventing_alibaba.testing.sink.script import Answer, Rule, Script

Receipt: TypeAlias = tuple[Records, int, int]
"""The records that belong to one request: where they are, the order of the first, how many."""

_ALIVE: Final = Answer(status=200)
_NOT_ALLOWED: Final = Answer(status=405, headers={"Allow": "POST, GET, HEAD, OPTIONS"})


@dataclass(slots=True, frozen=True)
class Invalid:
    """A request that held no valid CloudEvent: why, and when it arrived."""

    reason: str
    arrived: float


class RecordingSink:
    """Takes CloudEvents by POST on any path, records each delivery, answers what `script` says.

    Use it as `async with`. GET, HEAD and OPTIONS are answered 200 and not recorded. All its
    methods belong to the loop it was started on.

    Args:
        script: how it answers; by default 204 to every event, 400 to what is none.
        host, port: where it listens; port 0 = a free one, kept over `refuse` and `accept`.
        keep: so many of the latest events are kept whole in `events`; None = all.
        tls: serve https.

    Attributes:
        script: may be changed at any time, its fields too; holds from the next request.
        records: every delivery.
        events: the latest events with attributes, data and headers, oldest first.
        invalid_requests: the latest 1000 requests without a valid event.
        connections: how many were ever opened.
        requests: how many POSTs were read, valid or not.
    """

    def __init__(
        self,
        *,
        script: Script | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int | None = 1000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script or Script()
        self.records = Records()
        self.events: deque[ReceivedEvent] = deque(maxlen=keep)
        self.invalid_requests: deque[Invalid] = deque(maxlen=1000)
        self.connections = 0
        self.requests = 0
        self._host, self._port, self._tls = host, port, tls
        self._server: asyncio.Server | None = None
        self._bound: socket.socket | None = None
        self._open: set[Connection] = set()
        self._emptied = asyncio.Event()
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def url(self) -> str:
        """Where to POST, with a slash at the end."""
        if not self._port:
            raise RuntimeError("the sink is not started: use `async with` or start()")
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}/"

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def start(self) -> Self:
        """Listen. Raises OSError where the address cannot be bound."""
        await self._bind()
        await self.accept()
        return self

    async def close(self) -> None:
        """Stop listening and cut open connections. Idempotent; the records stay."""
        await self._stop_listening()
        if self._bound is not None:
            self._bound.close()
            self._bound = None

    async def refuse(self) -> None:
        """Be down: cut open connections and refuse new ones, keeping the port."""
        if self._server is not None:
            await self._stop_listening()
            await self._bind()

    async def accept(self) -> None:
        """Be up again after `refuse`."""
        if self._bound is None:
            return
        loop = asyncio.get_running_loop()
        sock, self._bound = self._bound, None
        self._server = await loop.create_server(
            lambda: Connection(self), sock=sock, ssl=self._tls, backlog=4096
        )

    def set_rules(self, *rules: Rule) -> None:
        """Replace the rules; they hold from the next request, none = only the default."""
        self.script.rules = list(rules)

    def set_default(self, answer: Answer) -> None:
        """Replace the answer that is given where no rule applies."""
        self.script.default = answer

    def disconnect(self, *, reset: bool = False) -> int:
        """Cut all open connections, by a TCP reset if asked; return how many there were."""
        connections = list(self._open)
        for connection in connections:
            connection.close(reset=reset)
        return len(connections)

    def clear(self) -> None:
        """Forget records, events and invalid requests; what is still to be answered is too."""
        self.records = Records()
        self.events.clear()
        self.invalid_requests.clear()

    async def wait_until(
        self, condition: Callable[[], bool], *, timeout: float = 10.0, what: str = "the condition"
    ) -> None:
        """Wait until `condition()` holds, looked at after each arrival and each answer.

        Raises TimeoutError saying what the sink has seen.
        """
        if condition():
            return
        future = asyncio.get_running_loop().create_future()
        waiter = (condition, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise TimeoutError(f"waited {timeout} s in vain for {what}: {self!r}") from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def wait_delivered(self, count: int, *, timeout: float = 10.0) -> None:
        """Wait until `count` different events have been answered with a 2xx."""
        what = f"{count} delivered events"
        await self.wait_until(lambda: self.records.delivered >= count, timeout=timeout, what=what)

    async def wait_recorded(self, count: int, *, timeout: float = 10.0) -> None:
        """Wait until `count` deliveries have arrived, whatever they are answered."""
        what = f"{count} deliveries"
        await self.wait_until(lambda: len(self.records) >= count, timeout=timeout, what=what)

    def receive(
        self, method: bytes, url: bytes, headers: Headers, body: bytes, connection: int
    ) -> tuple[Answer, Receipt]:
        """Record a request; return its answer and what to give to `answered`."""
        if method != b"POST":
            answer = _ALIVE if method in (b"GET", b"HEAD", b"OPTIONS") else _NOT_ALLOWED
            return answer, (self.records, 0, 0)
        at = now()
        self.requests += 1
        try:
            events = decode(headers, body, url.decode("latin-1"))
        except NotAnEventError as error:
            self.invalid(str(error), at)
            return self.script.invalid, (self.records, 0, 0)
        records = self.records
        first = len(records)
        attempts = [records.arrive(event.id, event.source, at, connection) for event in events]
        self.events.extend(events)
        script = self.script
        answer = (
            script.answer(list(zip(events, attempts, strict=True)))
            if script.rules
            else script.default
        )
        if self._waiters:
            self._wake()
        return answer, (records, first, len(events))

    def answered(self, receipt: Receipt, status: int) -> None:
        """Note that the answer to a request has been written."""
        at = now()
        records, first, count = receipt
        for order in range(first, first + count):
            records.answer(order, status, at)
        if self._waiters:
            self._wake()

    def invalid(self, reason: str, at: float) -> None:
        """Note a request that held no event."""
        self.invalid_requests.append(Invalid(reason, at))
        if self._waiters:
            self._wake()

    def connected(self, connection: Connection) -> int:
        """Note a connection; return its number, from 1."""
        self._open.add(connection)
        self.connections += 1
        return self.connections

    def disconnected(self, connection: Connection) -> None:
        """Note the end of a connection."""
        self._open.discard(connection)
        if not self._open:
            self._emptied.set()
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        for waiter in list(self._waiters):
            condition, future = waiter
            if not future.done() and condition():
                future.set_result(None)
                self._waiters.remove(waiter)

    async def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        while self._open:
            self._emptied.clear()
            self.disconnect()
            await self._emptied.wait()
        await server.wait_closed()

    async def _bind(self) -> None:
        """Take the port without listening on it: connecting is refused."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self._host, self._port))
        except OSError as error:
            sock.close()
            address = f"{self._host}:{self._port}"
            raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from None
        self._bound, self._port = sock, sock.getsockname()[1]

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return (
            f"<RecordingSink :{self._port} {self.records!r} {len(self.invalid_requests)} invalid, "
            f"{len(self._open)} connections open>"
        )
