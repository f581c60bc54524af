"""A scripted source and a scripted sink for the flow, and virtual time for both.

`Broker` remembers what a broker would: what was produced, what was acknowledged, what was released.
`Service` is a pool whose answers the test gives, at once by a rule or one by one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Self

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import FlowControl, Source
from eventing_alibaba.contract.spec import FlowOptions
from eventing_alibaba.flow.convert import Chosen
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.pipeline import Pipeline
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted
from eventing_alibaba.sink.post import Sink, SinkOptions
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.target import Target

Result = Answer | WireError


def message(number: int, *, track: Hashable | None = "t", **fields: Any) -> Message:
    """A message of a track whose number is its id and receipt."""
    fields.setdefault("body", b"body %d" % number)
    return Message(
        id=str(number), attributes=(), origin="topic", track=track, receipt=number, **fields
    )


class Broker:
    """A source.

    Attributes:
        waiting: what `receive` hands out next, in order.
        acked, released: what came back, in order.
        opened, closed: how often.
        fail_open, fail_receive, fail_ack: errors that the next calls raise, one each.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.waiting = deque(messages)
        self.acked: list[Message] = []
        self.ack_calls: list[int] = []
        self.released: list[Message] = []
        self.paused: set[Hashable] = set()
        self.opened = self.closed = 0
        self.fail_open: list[SourceError] = []
        self.fail_receive: list[SourceError] = []
        self.fail_ack: list[Exception] = []
        self.limits: list[int] = []
        self.flow: FlowControl
        self._more = asyncio.Event()

    def produce(self, *messages: Message) -> None:
        self.waiting.extend(messages)
        self._more.set()

    async def open(self, flow: FlowControl) -> None:
        self.flow = flow
        self.opened += 1
        if self.fail_open:
            raise self.fail_open.pop(0)

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        self.limits.append(limit)
        if self.fail_receive:
            raise self.fail_receive.pop(0)
        while True:
            taken: list[Message] = []
            kept: deque[Message] = deque()
            while self.waiting and len(taken) < limit:
                next_ = self.waiting.popleft()
                (kept if next_.track in self.paused else taken).append(next_)
            self.waiting = kept + self.waiting
            if taken:
                return taken
            self._more.clear()
            await self._more.wait()

    async def ack(self, messages: Sequence[Message]) -> None:
        self.ack_calls.append(len(messages))
        if self.fail_ack:
            raise self.fail_ack.pop(0)
        self.acked += messages

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        self.released += messages

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        return messages

    def pause(self, tracks: Iterable[Hashable]) -> None:
        self.paused.update(tracks)

    def resume(self, tracks: Iterable[Hashable]) -> None:
        self.paused.difference_update(tracks)
        self._more.set()

    async def quiesce(self) -> Sequence[Message]:
        return ()

    async def close(self) -> None:
        self.closed += 1

    def event(self, message: Message) -> Event | Sequence[Event]:
        if message.body == b"unconvertible":
            raise ValueError("its header x is no UTF-8")
        if message.body.startswith(b"split:"):
            parts = message.body[6:].split(b",") if message.body[6:] else []
            return [Event(f"{message.id}/{at}", "/s", "t", part) for at, part in enumerate(parts)]
        return Event(message.id, "/s", "t", message.body)

    @property
    def acked_ids(self) -> list[str]:
        return [m.id for m in self.acked]


class Service:
    """A pool: what was posted, and the answers a test gives.

    Attributes:
        posted: the bodies, in order of posting.
        times: when each was posted, by the loop's clock.
        rule: answers at once with what it returns for a body; None = the test answers.
    """

    target = Target.parse("http://service/")

    def __init__(self, *, limit: int = 8) -> None:
        self.limit = limit
        self.in_flight = 0
        self.posted: list[bytes] = []
        self.times: list[float] = []
        self.wire: list[tuple[bytes, Callable[[Result], None]]] = []
        self.rule: Callable[[bytes], Result | float | None] = lambda body: None
        self.most = 0

    def resize(self, limit: int) -> None:
        self.limit = limit

    def send(
        self, request: bytes, done: Callable[[Any, Result], None], token: Any, *, timeout: float
    ) -> bool:
        assert self.in_flight < self.limit, "more on the wire than the limit"
        loop = asyncio.get_running_loop()
        body = request.partition(b"\r\n\r\n")[2]
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        self.posted.append(body)
        self.times.append(loop.time())

        def answer(result: Result) -> None:
            self.wire.remove(entry)
            self.in_flight -= 1
            done(token, result)

        entry = (body, answer)
        self.wire.append(entry)
        result = self.rule(body)
        if isinstance(result, float):  # answers 204 after so many seconds
            loop.call_later(result, answer, OK)
        elif result is not None:
            loop.call_soon(answer, result)
        return True

    def answer(self, result: Result, body: bytes | None = None) -> None:
        """Answer the request with `body`, or the oldest one on the wire."""
        next(reply for posted, reply in self.wire if body in {None, posted})(result)

    def cut(self) -> None:
        for _, reply in list(self.wire):
            reply(WireError("cut", "cut", sent=True))

    async def close(self) -> None:
        self.cut()

    @property
    def counted(self) -> Counter[bytes]:
        return Counter(self.posted)


OK = Answer(204)


def status(code: int, **headers: str) -> Answer:
    """An answer with a status and, say, `retry_after="5"`."""
    lines = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    return Answer(code, lines, b"why")


REFUSED = WireError("connect", "cannot connect to service:80 (refused)", sent=False)
RESET = WireError("closed", "the connection to service:80 was reset", sent=True)
TIMEOUT = WireError("answer_timeout", "service:80 did not answer in time", sent=True)


class Run:
    """A pipeline in motion; `async with` starts and stops it."""

    def __init__(
        self,
        broker: Source,
        service: Service,
        *,
        retry: Retry | None = None,
        exhausted: Exhausted | None = None,
        keep: Callable[[Event], bool] | None = None,
        max_age: float | None = None,
        batching: Batching | None = None,
        now: Callable[[], float] | None = None,
        **options: Any,
    ) -> None:
        self.broker = broker
        self.service = service
        self.counters = Counters()
        self.reports: list[SourceError | None] = []
        self.stop = asyncio.Event()
        options.setdefault("max_buffered", 64)
        self.pipeline = Pipeline(
            source=broker,
            sink=Sink(service, SinkOptions()),  # type: ignore[arg-type]
            options=FlowOptions(**options),
            retry=retry or Retry(delay=1.0, longest=60.0, chance=lambda: 1.0),
            counters=self.counters,
            report=self.reports.append,
            exhausted=exhausted,
            chosen=Chosen(passes=keep, max_age=max_age),
            batching=batching,
            clock=asyncio.get_running_loop().time,
            now=now or asyncio.get_running_loop().time,
        )
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.pipeline.run(self.stop))
        await turn()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.end()

    async def end(self) -> None:
        self.stop.set()
        assert self.task is not None
        await self.task


async def turn(times: int = 20) -> None:
    """Let everything that is due happen, without letting time pass."""
    for _ in range(times):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], *, within: float = 3600.0) -> float:
    """Let (virtual) time pass until the condition holds; return how much passed."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < within, "it did not come true in time"
        await asyncio.sleep(0.05)
    return loop.time() - start
