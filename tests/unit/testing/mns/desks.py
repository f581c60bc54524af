"""A desk without a network, for tests in virtual time."""

from __future__ import annotations

import asyncio
from typing import cast

from eventing_alibaba.testing.emulators.mns.clock import Clock
from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings
from eventing_alibaba.testing.emulators.mns.counters import Counters
from eventing_alibaba.testing.emulators.mns.desk import Desk
from eventing_alibaba.testing.emulators.mns.faults import Fault
from eventing_alibaba.testing.emulators.mns.service.keys import Keyring
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.http import Connection, Exchange, Request


class Asker:
    """One request, in place of its connection: when it was answered, and with what.

    Attributes:
        alive: False = the client has left.
        after: seconds until the answer, None as long as there is none.
    """

    def __init__(self, desk: Desk, method: str, target: str, body: str = "") -> None:
        self.alive = True
        self.after: float | None = None
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        request = Request(method, target, {}, body.encode(), True)
        self._exchange = Exchange(request, cast("Connection", self))
        desk.handle(self._exchange)

    @property
    def answer(self) -> bytes:
        """The bytes of the answer, none as long as there is none."""
        return self._exchange._answer or b""

    def advance(self) -> None:
        """Take note of the time."""
        self.after = round(self._loop.time() - self._began, 2)


class Office:
    """An account and its desk, with the queues that a test makes; takes any signature."""

    def __init__(self) -> None:
        self.clock, self.account = Clock(), Account("1", "r")
        self.faults: Faults[Fault] = Faults()
        self.desk = Desk(
            self.account,
            clock=self.clock,
            keys=Keyring("1"),
            faults=self.faults,
            counters=Counters(),
            strict=False,
            scheme="http",
        )

    def queue(self, name: str, visibility: int = 30) -> Queue:
        """Create a queue."""
        settings = QueueSettings(visibility_timeout=visibility)
        return self.account.create_queue(self.clock.now(), name, settings)[0]

    def fail(self, fault: Fault) -> None:
        """Add a fault."""
        self.faults.add(fault, self.clock.now() / 1000)

    def ask(self, method: str, target: str, body: str = "") -> Asker:
        """Hand in a request."""
        return Asker(self.desk, method, target, body)
