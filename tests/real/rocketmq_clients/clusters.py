"""The emulator and a real cluster behind the same few words, for tests of what both answer."""

from __future__ import annotations

import asyncio
import itertools
from typing import Protocol

from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess
from eventing_alibaba.testing.emulators.rocketmq.core.message import Kind

_numbers = itertools.count(1)


class Cluster(Protocol):
    """Something with topics and groups, and a gRPC endpoint."""

    @property
    def endpoint(self) -> str: ...

    async def topic(self, kind: Kind = "NORMAL", *, queues: int = 1) -> str: ...

    async def group(self, *, fifo: bool = False, retries: int = 16) -> str: ...


class Emulated:
    """The emulator."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator
        self.endpoint = emulator.endpoints

    async def topic(self, kind: Kind = "NORMAL", *, queues: int = 1) -> str:
        name = f"t{next(_numbers)}"
        self._emulator.create_topic(name, kind=kind, queues=queues)
        return name

    async def group(self, *, fifo: bool = False, retries: int = 16) -> str:
        name = f"g{next(_numbers)}"
        self._emulator.create_group(name, fifo=fifo, max_retries=retries)
        return name


class Real:
    """RocketMQ itself."""

    def __init__(self, server: RocketServer) -> None:
        self._admin = server.admin
        self.endpoint = server.endpoint

    async def topic(self, kind: Kind = "NORMAL", *, queues: int = 1) -> str:
        name = f"t{next(_numbers)}"
        await asyncio.to_thread(self._admin.create_topic, name, queues=queues, kind=kind)
        return name

    async def group(self, *, fifo: bool = False, retries: int = 16) -> str:
        name = f"g{next(_numbers)}"
        await asyncio.to_thread(self._admin.create_group, name, fifo=fifo, retries=retries)
        return name
