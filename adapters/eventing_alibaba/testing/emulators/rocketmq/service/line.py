"""A telemetry stream, from the proxy's side: something that can be written to, and cut."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb


class Line:
    """One open stream.

    gRPC takes one write at a time, and two may come together: an answer, and a command that a test
    pushes.
    """

    def __init__(self, context: grpc.aio.ServicerContext[Any, bytes]) -> None:
        self._context = context
        self._writing = asyncio.Lock()
        self.cut = asyncio.Event()

    async def write(self, command: pb.TelemetryCommand) -> None:
        """Send a command; nothing happens when the client has gone."""
        async with self._writing:
            try:
                await self._context.write(command.SerializeToString())
            except (grpc.aio.UsageError, asyncio.InvalidStateError):
                self.cut.set()
