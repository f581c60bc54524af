"""The telemetry stream: a client's settings come in, the service's go out, and commands are pushed.

It ends with an error of gRPC where a settings command is no good, as the proxy's does. A request
that may not come in is answered with a status alone, and the stream ends in order.
"""

from __future__ import annotations

import asyncio

import grpc

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.errors import NAMES, ServiceError
from eventing_alibaba.testing.emulators.rocketmq.desk import Context, Desk, Visit
from eventing_alibaba.testing.emulators.rocketmq.service import render
from eventing_alibaba.testing.emulators.rocketmq.service.clients import take_settings
from eventing_alibaba.testing.emulators.rocketmq.service.line import Line

_CLIENTS_FAULT = range(40000, 50000)


class Telemetry:
    """Serves the telemetry streams of one proxy.

    Attributes:
        lines: the open ones.
    """

    def __init__(self, desk: Desk) -> None:
        self.lines: set[Line] = set()
        self._desk = desk

    async def serve(self, _: object, context: Context) -> None:
        """Serve one stream until the client closes it, or somebody cuts it."""
        line = Line(context)
        self.lines.add(line)
        cut = asyncio.ensure_future(line.cut.wait())
        try:
            while True:
                read = asyncio.ensure_future(context.read())
                await asyncio.wait({read, cut}, return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the stream was cut")
                data = read.result()
                if not isinstance(data, bytes):
                    return
                if not await self._take(pb.TelemetryCommand.FromString(data), line, context):
                    return
        finally:
            cut.cancel()
            self.lines.discard(line)
            for session in self._desk.proxy.sessions:
                if session.line is line:
                    session.line = None

    async def push(self, command: pb.TelemetryCommand) -> int:
        """Send a command on all streams; return how many there are."""
        lines = list(self.lines)
        for line in lines:
            await line.write(command)
        return len(lines)

    def cut(self) -> int:
        """End all streams; return how many there were."""
        for line in self.lines:
            line.cut.set()
        return len(self.lines)

    async def _take(self, command: pb.TelemetryCommand, line: Line, context: Context) -> bool:
        """Answer a command; say whether the stream goes on."""
        if not command.HasField("settings"):
            return True
        settings = command.settings
        visit = self._desk.visit("Telemetry", "", settings.subscription.group.name, context)
        try:
            return await self._answer(settings, line, visit)
        finally:
            self._desk.note(visit)

    async def _answer(self, settings: pb.Settings, line: Line, visit: Visit) -> bool:
        try:
            await visit.before()
            call = visit.call()
            self._desk.admit(call.who, call.now)
        except ServiceError as error:
            visit.code = NAMES[error.code]
            await line.write(pb.TelemetryCommand(status=render.refused(error)))
            return False
        try:
            answer = take_settings(call, settings, line)
        except ServiceError as error:
            code = "INVALID_ARGUMENT" if error.code in _CLIENTS_FAULT else "INTERNAL"
            await visit.end(code, f"process client telemetryCommand failed. {error.message}")
            return False
        await visit.after()
        await line.write(answer)
        visit.code = "OK"
        return True
