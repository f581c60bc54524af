"""A scripted broker with leases, in virtual time.

It keeps the books as a real one does: a received message is invisible until its lease ends, each
receive and each extension makes a new receipt and voids the old one, an acknowledgement counts only
with the newest receipt of a lease that has not ended. A FIFO queue is locked while anything handed
out of it is neither acknowledged nor visible again, and an acknowledgement past a gap is answered
"OK" and void.

It also keeps the books on the flow: `violations` has a sentence for everything that must not happen
whatever the schedule: two calls at once for one message, an acknowledgement without a 2xx, a second
POST after a 2xx or beside one on the wire, an event of a FIFO queue before the one it follows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from tests.flow.harness import Result, Service

from eventing_alibaba.contract.errors import PartialFailure
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl
from eventing_alibaba.wire.answer import Answer


class Stored:
    """One message as the broker has it."""

    def __init__(self, name: str, queue: str | None) -> None:
        self.id = name
        self.queue = queue
        self.visible_at = 0.0
        self.receipt: str | None = None
        self.deliveries = 0
        self.acked = False
        self.calls: list[str] = []

    def __repr__(self) -> str:
        return f"<Stored {self.id} acked={self.acked} visible_at={self.visible_at}>"


class LeasedBroker:
    """A source with leases.

    Attributes:
        visibility: seconds of a lease.
        fifo: messages of a queue have it as their track and lane, and the broker keeps their order.
        locks: a queue is locked while some of it is handed out, as a FIFO queue is.
        silent: an acknowledgement with a void receipt is answered "OK", as RocketMQ does.
        lane: a message's lane; its queue unless a test says otherwise.
        latency: seconds that a call takes before and after the broker does it; given the call's
            name ("ack", "release", "extend"; also "quiesce").
        fail: what a call raises, before or after the broker did it, or None; given the call's name
            and "before" or "after".
        slept: seconds that the machine was suspended.
        log: every call: time, name, ids, and a further number (seconds, delay).
        voided: acknowledgements with a receipt that was void.
        quiescing: messages that `quiesce` brings, of those that are visible then.
        violations: what must never happen.
    """

    def __init__(
        self,
        names: Iterable[object] = (),
        *,
        visibility: float = 30.0,
        fifo: bool = False,
        silent: bool = False,
    ) -> None:
        self.visibility = visibility
        self.fifo = self.locks = fifo
        self.silent = silent
        self.stored: dict[str, Stored] = {}
        self.latency: Callable[[str], float] = lambda call: 0.0
        self.lane: Callable[[Stored], Hashable | None] = lambda stored: stored.queue
        self.fail: Callable[[str, str], Exception | None] = lambda call, when: None
        self.batch = 16
        self.log: list[tuple[float, str, list[str], float]] = []
        self.released: list[tuple[str, float, bool]] = []
        self.voided: list[str] = []
        self.violations: list[str] = []
        self.services: list[LeasedService] = []
        self.slept = 0.0
        self.opened = self.closed = 0
        self.quiescing = 0
        self.flow: FlowControl
        self._receipts = count(1)
        self._more = asyncio.Event()
        for name in names:
            self.produce(name)

    @property
    def now(self) -> float:
        """The clock of leases: it goes on while the machine sleeps, the loop's does not."""
        return asyncio.get_running_loop().time() + self.slept

    def produce(self, name: object, queue: str | None = None) -> None:
        stored = Stored(str(name), queue or ("q" if self.fifo else None))
        self.stored[stored.id] = stored
        self._more.set()

    def accepted(self, name: str) -> bool:
        """Return whether a service has it."""
        return any(name in service.accepted for service in self.services)

    # What a test looks at

    @property
    def acked(self) -> list[str]:
        return [stored.id for stored in self.stored.values() if stored.acked]

    @property
    def left(self) -> list[str]:
        return [stored.id for stored in self.stored.values() if not stored.acked]

    @property
    def invisible(self) -> list[str]:
        return [name for name in self.left if self.stored[name].visible_at > self.now]

    def deliveries(self, name: object) -> int:
        return self.stored[str(name)].deliveries

    def calls(self, name: str) -> list[tuple[float, list[str], float]]:
        return [(at, ids, number) for at, call, ids, number in self.log if call == name]

    def end_lease(self, *names: object) -> None:
        """End leases now, whatever their receivers think: the message is delivered again."""
        for name in names:
            self.stored[str(name)].visible_at = 0.0
            self.stored[str(name)].receipt = None
        self._more.set()

    def steal(self, name: object, seconds: float) -> None:
        """Give a message to another receiver for so long, whatever its receiver thinks."""
        stored = self.stored[str(name)]
        stored.receipt = None
        stored.visible_at = self.now + seconds

    # Source

    async def open(self, flow: FlowControl) -> None:
        self.flow = flow
        self.opened += 1

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        while True:
            if taken := self._take(min(limit, self.batch)):
                return taken
            self._more.clear()
            soonest = min((self._free_at(s) for s in self.stored.values()), default=None)
            try:
                async with asyncio.timeout(
                    None if soonest is None else max(0.001, soonest - self.now)
                ):
                    await self._more.wait()
            except TimeoutError:
                pass

    def _free_at(self, stored: Stored) -> float:
        if stored.acked:
            return self.now + 1e6
        if not self.locks:
            return stored.visible_at
        return max(
            other.visible_at
            for other in self.stored.values()
            if other.queue == stored.queue and not other.acked
        )

    def _take(self, limit: int) -> list[Message]:
        locked = {
            stored.queue
            for stored in self.stored.values()
            if self.locks and not stored.acked and stored.visible_at > self.now
        }
        free = [
            stored
            for stored in self.stored.values()
            if not stored.acked and stored.visible_at <= self.now and stored.queue not in locked
        ]
        return [self._hand_out(stored) for stored in free[:limit]]

    def _hand_out(self, stored: Stored) -> Message:
        stored.deliveries += 1
        stored.receipt = f"{stored.id}#{next(self._receipts)}"
        stored.visible_at = self.now + self.visibility
        return Message(
            id=stored.id,
            body=stored.id.encode(),
            attributes=(),
            origin="queue",
            track=stored.queue,
            lane=self.lane(stored),
            attempt=stored.deliveries,
            lease=self.now + self.visibility,
            receipt=stored.receipt,
        )

    def _valid(self, message: Message) -> bool:
        stored = self.stored[message.id]
        return (
            not stored.acked and stored.receipt == message.receipt and stored.visible_at > self.now
        )

    def _gap_before(self, stored: Stored) -> bool:
        for other in self.stored.values():
            if other is stored:
                return False
            if other.queue == stored.queue and not other.acked:
                return True
        return False

    async def ack(self, messages: Sequence[Message]) -> None:
        async with self._call("ack", messages):
            lost = []
            for message in messages:
                if not self.accepted(message.id):
                    self.violations.append(f"{message.id} acknowledged without a 2xx")
                if not self._valid(message):
                    self.voided.append(message.id)
                    lost.append(message)
                elif self.fifo and self._gap_before(self.stored[message.id]):
                    self.voided.append(message.id)  # and nobody is told
                else:
                    self.stored[message.id].acked = True
            self._more.set()
        if lost and not self.silent:
            raise PartialFailure(f"{len(lost)} receipts are void", lost=lost)

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        async with self._call("release", messages, delay):
            for message in messages:
                self.released.append((message.id, delay, failed))
                stored = self.stored[message.id]
                if not stored.acked and stored.receipt == message.receipt:
                    stored.receipt = None
                    stored.visible_at = self.now + delay
            self._more.set()

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        started = self.now
        extended: list[Message | None] = []
        async with self._call("extend", messages, seconds):
            for message in messages:
                stored = self.stored[message.id]
                if not self._valid(message):
                    extended.append(None)
                    continue
                stored.receipt = f"{stored.id}#{next(self._receipts)}"
                stored.visible_at = self.now + seconds
                extended.append(replace(message, receipt=stored.receipt, lease=started + seconds))
        return extended

    def _call(self, name: str, messages: Sequence[Message], number: float = 0.0) -> _Call:
        return _Call(self, name, messages, number)

    def pause(self, tracks: Iterable[Hashable]) -> None:
        raise AssertionError("nothing here is that long")

    def resume(self, tracks: Iterable[Hashable]) -> None:
        raise AssertionError("nothing was paused")

    async def quiesce(self) -> Sequence[Message]:
        await asyncio.sleep(self.latency("quiesce"))
        return self._take(self.quiescing)

    async def close(self) -> None:
        self.closed += 1

    def event(self, message: Message) -> Event:
        return Event(message.id, "/s", "t", message.body)


class _Call:
    """A call of the source: its latency, its failure, and whether it is the only one."""

    def __init__(
        self, broker: LeasedBroker, name: str, messages: Sequence[Message], number: float
    ) -> None:
        self.broker = broker
        self.name = name
        self.messages = messages
        broker.log.append((broker.now, name, [m.id for m in messages], number))
        doubled = [name for name, times in Counter(m.id for m in messages).items() if times > 1]
        if doubled:
            broker.violations.append(f"{doubled} twice in one {self.name}")

    async def __aenter__(self) -> None:
        broker = self.broker
        for message in self.messages:
            calls = broker.stored[message.id].calls
            if calls:
                broker.violations.append(f"{message.id} in {calls} and in {self.name} at once")
            calls.append(self.name)
        try:
            await self._take_time("before")
        except BaseException:
            self._end()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                await self._take_time("after")
        finally:
            self._end()

    async def _take_time(self, when: str) -> None:
        await asyncio.sleep(self.broker.latency(self.name))
        if error := self.broker.fail(self.name, when):
            raise error

    def _end(self) -> None:
        for message in self.messages:
            self.broker.stored[message.id].calls.remove(self.name)


class LeasedService(Service):
    """A service that knows which events it accepted, and tells the broker's books.

    Attributes:
        plan: what is answered to an event and after how many seconds; None = the test answers.
        accepted: events that were answered 2xx.
    """

    def __init__(self, broker: LeasedBroker, *, limit: int = 8) -> None:
        super().__init__(limit=limit)
        self.plan: Callable[[str], tuple[float, Result] | None] = lambda name: None
        self.accepted: set[str] = set()
        self._broker = broker
        broker.services.append(self)

    def send(
        self, request: bytes, done: Callable[[Any, Result], None], token: Any, *, timeout: float
    ) -> bool:
        body = request.partition(b"\r\n\r\n")[2]
        name = body.decode()
        self._check(name, body)

        def answered(token: Any, result: Result) -> None:
            if isinstance(result, Answer) and 200 <= result.status <= 299:
                self.accepted.add(name)
            done(token, result)

        super().send(request, answered, token, timeout=timeout)
        if (planned := self.plan(name)) is not None:
            delay, result = planned
            asyncio.get_running_loop().call_later(delay, self._reply, self.wire[-1], result)
        return True

    def _check(self, name: str, body: bytes) -> None:
        violations = self._broker.violations
        if name in self.accepted:
            violations.append(f"{name} posted again after a 2xx")
        if any(body == other for other, _ in self.wire):
            violations.append(f"{name} posted while it is on the wire")
        queue = self._broker.stored[name].queue
        if queue is not None:
            for other in self._broker.stored.values():
                if other.id == name:
                    break
                if other.queue == queue and not self._broker.accepted(other.id):
                    violations.append(f"{name} posted before {other.id}")

    def _reply(self, entry: tuple[bytes, Callable[[Result], None]], result: Result) -> None:
        if entry in self.wire:  # it may have been cut
            entry[1](result)
