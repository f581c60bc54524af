"""What becomes of a request, from its arrival to its answer.

It goes through three steps, each of which may end it: the fault that has it, the gate (client id,
signature, token), and its operation. A refusal of the service is an answer with a status, never an
error of gRPC; only a telemetry stream, and faults that say so, end with one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import Message

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.emulators.rocketmq.core.errors import NAMES, ServiceError
from eventing_alibaba.testing.emulators.rocketmq.counters import Asked, Counters
from eventing_alibaba.testing.emulators.rocketmq.faults import Fault
from eventing_alibaba.testing.emulators.rocketmq.service import (
    bounds,
    clients,
    render,
    routes,
    sending,
    settling,
    times,
)
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call, Operation
from eventing_alibaba.testing.emulators.rocketmq.service.caller import Caller, admit, caller
from eventing_alibaba.testing.emulators.rocketmq.service.keys import Keyring
from eventing_alibaba.testing.emulators.rocketmq.service.polls import Place, Served, now
from eventing_alibaba.testing.emulators.rocketmq.service.proxy import Proxy
from eventing_alibaba.testing.emulators.rocketmq.service.receiving import receive_message

Context: TypeAlias = grpc.aio.ServicerContext[Any, bytes]
Unary: TypeAlias = Callable[[Any, Context], Awaitable[bytes]]

OPERATIONS: Final[dict[str, Operation]] = {
    **routes.OPERATIONS,
    **clients.OPERATIONS,
    **sending.OPERATIONS,
    **settling.OPERATIONS,
}
"""The RPCs with one answer."""


class Desk:
    """Answers requests to one proxy.

    Attributes:
        proxy: what the operations work with.
    """

    def __init__(
        self,
        proxy: Proxy,
        *,
        keys: Keyring,
        faults: Faults[Fault],
        counters: Counters,
        strict: bool,
    ) -> None:
        self.proxy = proxy
        self._keys = keys
        self._faults = faults
        self._counters = counters
        self._strict = strict

    def answer(self, name: str) -> Unary:
        """Return what answers an RPC that has one answer."""
        operation = OPERATIONS[name]

        async def handle(request: Any, context: Context) -> bytes:
            topic, group = operation.names(request)
            visit = self.visit(name, topic, group, context)
            try:
                return (await self._answer(operation, request, visit)).SerializeToString()
            finally:
                self.note(visit)

        return handle

    async def receive(self, request: pb.ReceiveMessageRequest, context: Context) -> None:
        """Answer a receive: a status, the messages, the time."""
        topic, group = request.message_queue.topic.name, request.group.name
        visit = self.visit("ReceiveMessage", topic, group, context)
        try:
            await self._receive(request, visit)
        finally:
            self.note(visit)

    def visit(self, name: str, topic: str, group: str, context: Context) -> Visit:
        """Take note of a request; the fault that has it is found now."""
        at = now()
        fault = self._faults.find(name, topic, group, now=at / 1000)
        return Visit(self, (name, topic, group), context, fault)

    def note(self, visit: Visit) -> None:
        """Count a request that is over."""
        self._counters.note(visit.asked())

    def admit(self, who: Caller, at: int) -> None:
        """Raise ServiceError where a caller may not come in."""
        if not who.client.strip():
            raise ServiceError("CLIENT_ID_REQUIRED", "client id cannot be empty")
        if self._strict:
            admit(who, self._keys, now=at)

    async def _answer(self, operation: Operation, request: Any, visit: Visit) -> Message:
        try:
            await visit.before()
            call = visit.call()
            self.admit(call.who, call.now)
            response = operation.perform(call, request)
            visit.moved = call.moved
            await visit.after()
        except ServiceError as error:
            response = operation.response(status=render.refused(error))
        visit.code = NAMES.get(response.status.code, str(response.status.code))  # type: ignore[attr-defined]
        return response

    async def _receive(self, request: pb.ReceiveMessageRequest, visit: Visit) -> None:
        context = visit.context
        entered = False
        try:
            await visit.before()
            call = visit.call()
            self.admit(call.who, call.now)
            entered = True
            place, served = await receive_message(call, request)
        except ServiceError as error:
            visit.code = NAMES[error.code]
            await context.write(_part(status=render.refused(error)))
            if entered:  # who may not come in is told no time
                await context.write(_part(delivery_timestamp=times.timestamp(now())))
            return
        visit.moved = call.moved
        sent = 0
        try:
            await visit.after()
            await context.write(_OK)
            for popped in served.messages:
                if visit.fault is not None and visit.fault.half and sent * 2 >= call.moved:
                    await visit.end("UNAVAILABLE")
                wrong = visit.fault is not None and visit.fault.digest
                await context.write(
                    render.delivery(popped, namespace=self.proxy.namespace, wrong_digest=wrong)
                )
                sent += 1
            await context.write(_part(delivery_timestamp=times.timestamp(now())))
            visit.code = "OK"
        finally:
            self._give_back(place, Served(served.messages[sent:], 0))

    def _give_back(self, place: Place, left: Served) -> None:
        """Let messages be visible soon that the client was not told of."""
        group, topic, _ = place
        for popped in left.messages:
            self.proxy.cluster.change(
                now(), group=group, topic=topic, receipt=popped.receipt, invisible=bounds.LEFT
            )


class Visit:
    """One request on its way: what it met, for the faults and the counters.

    Attributes:
        fault: what goes wrong with it.
        code: of its answer, "" until there is one.
        moved: messages.
    """

    def __init__(
        self, desk: Desk, about: tuple[str, str, str], context: Context, fault: Fault | None
    ) -> None:
        self.context = context
        self.fault = fault
        self.code = ""
        self.moved = 0
        self._desk = desk
        self._about = about
        host = (context.peer() or "").partition(":")[2].rpartition(":")[0]
        self._who = caller(context.invocation_metadata(), host.strip("[]"))

    def call(self) -> Call:
        """Return the request for its operation, at this time."""
        return Call(
            proxy=self._desk.proxy,
            who=self._who,
            now=now(),
            remaining=self.context.time_remaining(),
            spoil=self.fault,
        )

    async def before(self) -> None:
        """Let happen what goes wrong before the operation. Raises what ends the request."""
        fault = self.fault
        if fault is None:
            return
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.instead:
            await self._fail(fault)

    async def after(self) -> None:
        """Let happen what goes wrong after it. Raises what ends the request."""
        fault = self.fault
        if fault is None:
            return
        if fault.late:
            await asyncio.sleep(fault.late)
        if fault.answers:
            await self._fail(fault)

    async def end(self, code: str, message: str | None = None) -> None:
        """End the RPC with a status of gRPC."""
        self.code = code
        await self.context.abort(grpc.StatusCode[code], message or "the emulator was told so")

    def asked(self) -> Asked:
        """Return what the counters note."""
        name, topic, group = self._about
        who = self._who
        at, broker = now() / 1000, self._desk.proxy.broker
        return Asked(at, name, topic, group, who.client, self.code, self.moved, who.key, broker)

    async def _fail(self, fault: Fault) -> None:
        if fault.never:
            await asyncio.Event().wait()  # until the client leaves
        if fault.grpc is not None:
            await self.end(fault.grpc, fault.message)
        raise fault.refusal


def _part(**content: Any) -> bytes:
    return pb.ReceiveMessageResponse(**content).SerializeToString()


_OK: Final = _part(status=render.status())
