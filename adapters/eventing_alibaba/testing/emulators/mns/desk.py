"""What becomes of a request, from its arrival to the bytes of its answer.

It goes through four steps, each of which may end it: the fault that has it, the gate (version,
date, signature, token), its operation, and, for a receive that found nothing, the wait. All run in
the parser's callback; only delays and waits use a timer.
"""

from __future__ import annotations

import asyncio
import http
from email.utils import formatdate
from functools import partial
from itertools import count
from typing import Final

from eventing_alibaba.testing.emulators.mns.clock import Clock
from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.message import Message
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.counters import Asked, Counters
from eventing_alibaba.testing.emulators.mns.faults import Fault
from eventing_alibaba.testing.emulators.mns.service import messages, queues, render, topics
from eventing_alibaba.testing.emulators.mns.service.call import Answer, Call, Operation, Poll
from eventing_alibaba.testing.emulators.mns.service.gate import VERSION, admit
from eventing_alibaba.testing.emulators.mns.service.keys import Keyring
from eventing_alibaba.testing.emulators.mns.service.polls import Polls
from eventing_alibaba.testing.emulators.mns.service.routes import Route, find
from eventing_alibaba.testing.emulators.mns.service.signature import V4, access_key_id
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.http import Exchange
from eventing_alibaba.testing.http.connection import Cut

_OPERATIONS: Final[dict[str, Operation]] = {
    **queues.OPERATIONS,
    **messages.OPERATIONS,
    **topics.OPERATIONS,
}


class Desk:
    """Answers requests for one account.

    Attributes:
        strict: check signatures, dates and tokens.
        most_polls: so many receives may wait at once; those beyond are answered at once as if the
            queue had been empty all the time. None = no limit.
        polls: those who wait.
    """

    def __init__(
        self,
        account: Account,
        *,
        clock: Clock,
        keys: Keyring,
        faults: Faults[Fault],
        counters: Counters,
        strict: bool,
        scheme: str,
    ) -> None:
        self.strict = strict
        self.most_polls: int | None = None
        self._scheme = scheme
        self.polls = Polls(account, clock.now)
        self._account = account
        self._clock = clock
        self._keys = keys
        self._faults = faults
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._date = (0, b"")

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        route = find(exchange.request)
        fault = self._faults.find(route.operation, route.queue, now=self._clock.now() / 1000)
        if fault is not None and fault.delay:
            self._loop.call_later(fault.delay, self._perform, exchange, route, fault)
        else:
            self._perform(exchange, route, fault)

    def wake(self, queue: Queue) -> None:
        """Serve those who wait for messages of a queue, or of its dead-letter queue."""
        self.polls.serve(queue)
        if queue.dead_letter is not None:
            target = self._account.queues.get(queue.dead_letter.target)
            if target is not None:
                self.polls.serve(target)

    def _perform(self, exchange: Exchange, route: Route, fault: Fault | None) -> None:
        if not exchange.open:  # it was delayed, and the client has left
            return
        if fault is not None and fault.instead:
            self._refuse(exchange, route, fault, fault.refusal)
            return
        request = exchange.request
        call = Call(
            account=self._account,
            request=request,
            route=route,
            now=self._clock.now(),
            shift=self._clock.shift,
            host=self._host(exchange),
        )
        if fault is not None and fault.items:
            call.spoil = lambda: fault.refusal if fault.strikes() else None
        try:
            if self.strict:
                admit(request, self._keys, now=call.now + call.shift, region=self._account.region)
            if route.refusal is not None:
                raise route.refusal
            result = _OPERATIONS[route.operation](call)
            if isinstance(result, Poll):
                self._wait(exchange, route, fault, result)
                return
        except ServiceError as failure:
            self._refuse(exchange, route, fault, failure)
            return
        if fault is not None and fault.error and not fault.items:
            self._refuse(exchange, route, fault, fault.refusal)
        else:
            self._answer(exchange, route, fault, result, moved=call.moved)
        self._counters.lost_notifications += call.lost
        for queue in call.arrived:
            self.wake(queue)

    def _wait(self, exchange: Exchange, route: Route, fault: Fault | None, poll: Poll) -> None:
        full = self.most_polls is not None and len(self.polls) >= self.most_polls
        if full or (fault is not None and fault.early):
            self._refuse(exchange, route, fault, ServiceError("MessageNotExist"))
            return
        done = partial(self._waited, exchange, route, fault, poll)
        exchange.on_gone = self.polls.wait(poll, done)

    def _waited(
        self,
        exchange: Exchange,
        route: Route,
        fault: Fault | None,
        poll: Poll,
        received: list[Message],
    ) -> None:
        exchange.on_gone = None
        if received:
            answer = messages.found(self._clock.shift, poll, received)
            self._answer(exchange, route, fault, answer, moved=len(received))
            if poll.queue.dead_letter is not None:
                self.wake(poll.queue)
        else:
            there = self._account.queues.get(poll.queue.name) is poll.queue
            code = "MessageNotExist" if there else "QueueNotExist"
            self._refuse(exchange, route, fault, ServiceError(code))

    def _refuse(
        self, exchange: Exchange, route: Route, fault: Fault | None, failure: ServiceError
    ) -> None:
        request_id = self._request_id()
        body = render.error(failure, request_id=request_id, host=self._host(exchange))
        answer = Answer(failure.status, body, code=failure.code)
        self._answer(exchange, route, fault, answer, request_id=request_id)

    def _answer(
        self,
        exchange: Exchange,
        route: Route,
        fault: Fault | None,
        answer: Answer,
        *,
        moved: int = 0,
        request_id: str | None = None,
    ) -> None:
        cut = fault.cut if fault is not None else None
        data = self._encode(answer, request_id or self._request_id())
        self._note(exchange, route, answer, cut, moved)
        if cut:
            exchange.cut(cut, data)
        else:
            exchange.reply(data)

    def _encode(self, answer: Answer, request_id: str) -> bytes:
        location = f"Location: {answer.location}\r\n" if answer.location else ""
        length = "" if answer.status == 204 else f"Content-Length: {len(answer.body)}\r\n"
        head = (
            f"HTTP/1.1 {answer.status} {_reason(answer.status)}\r\n"
            f"x-mns-request-id: {request_id}\r\nx-mns-version: {VERSION}\r\n"
            f"Content-Type: text/xml;charset=utf-8\r\n{length}{location}"
        )
        return b"%s%s\r\n%s" % (head.encode("latin-1"), self._fixed_headers(), answer.body)

    def _fixed_headers(self) -> bytes:
        second = self._clock.shown() // 1000
        if second != self._date[0]:
            date = formatdate(second, usegmt=True)
            headers = f"Date: {date}\r\nServer: AliyunMQS\r\nConnection: keep-alive\r\n"
            self._date = second, headers.encode()
        return self._date[1]

    def _host(self, exchange: Exchange) -> str:
        return f"{self._scheme}://{exchange.request.headers.get('host', '')}"

    def _request_id(self) -> str:
        return f"{(0x65E1_33A8_4B21_7C00 + next(self._numbers)) << 32 | 0x39323930:024X}"

    def _note(
        self, exchange: Exchange, route: Route, answer: Answer, cut: Cut | None, moved: int
    ) -> None:
        authorization = exchange.request.headers.get("authorization", "")
        self._counters.note(
            Asked(
                at=self._clock.shown() / 1000,
                operation=route.operation,
                queue=route.names[0] if route.names else "",
                status=0 if cut else answer.status,
                code=answer.code,
                messages=moved,
                key=_signer(authorization),
                version="v4" if authorization.startswith(V4) else "v1",
            )
        )


def _signer(authorization: str) -> str:
    try:
        return access_key_id(authorization)
    except ServiceError:
        return ""


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
