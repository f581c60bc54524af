"""Service, broker and adapter, started in this order and ended in the reverse one.

The service is the recording sink of the test kit, in this process: so the demo has the events
themselves, with their data, and counts them by its own eyes. The dead-letter box is another one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from eventing_alibaba.cli.demo.ledger import Ledger
from eventing_alibaba.cli.demo.replica import Replica
from eventing_alibaba.cli.demo.scenario import Scenario
from eventing_alibaba.cli.demo.service import Service
from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.testing.sink import ReceivedEvent


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that the service has accepted, or the dead-letter box.

    Attributes:
        event: as it came.
        seconds: from sending to the end of the answer; None = a duplicate, or in the box.
        number: of the message.
        aside: it is in the dead-letter box.
    """

    event: ReceivedEvent
    seconds: float | None
    number: int = 0
    aside: bool = False


class Stage:
    """What the demo plays on, as `async with`.

    Attributes:
        scenario: the broker.
        service: what the events are delivered to.
        box: what dead letters are delivered to.
        ledger: counts them.
        manifest: the file that the adapter was started with.
    """

    def __init__(self, scenario: Scenario, *, service_port: int = 0, restart: bool = False) -> None:
        self.scenario = scenario
        self.service = Service(port=service_port)
        self.box = Service()
        self.ledger = Ledger()
        self.manifest = Path()
        self._adapter: Replica | None = None
        self._restart = restart
        self._port = service_port
        self._ending = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start all three. Raises Unavailable (a port) and EmulatorUnavailableError."""
        async with AsyncExitStack() as ending:
            try:
                await ending.enter_async_context(self.service)
            except OSError as error:
                raise Unavailable(
                    f"port {self._port} for the service cannot be had ({error.strerror}); choose"
                    " another with --service-port, or leave that out for a free one",
                    reason="PortUnavailable",
                ) from error
            await ending.enter_async_context(self.box)
            ending.push_async_callback(self.scenario.close)
            await self.scenario.open()
            directory = tempfile.TemporaryDirectory(prefix="eventing-alibaba-demo-")
            self.manifest = Path(ending.enter_context(directory), "source.yaml")
            source = self.scenario.manifest(self.service.url)
            delivery = source["spec"].setdefault("delivery", {})
            delivery.setdefault("deadLetterSink", {"uri": self.box.url})
            self.manifest.write_text(yaml.safe_dump(source, sort_keys=False), encoding="utf-8")
            self._adapter = Replica(self.manifest, restart=self._restart)
            ending.push_async_callback(self._adapter.stop)
            await self._adapter.start()
            self._ending = ending.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._ending.aclose()

    @property
    def adapter(self) -> Replica:
        """The processes that deliver them, one after the other."""
        assert self._adapter is not None, "the stage is not set"
        return self._adapter

    def hurry(self) -> None:
        """End the adapter at once instead of in order."""
        if self._adapter is not None:
            self._adapter.kill()

    def send(self, number: int) -> None:
        """Send the message of this number."""
        message = self.scenario.message(number)
        line = message.customer if self.scenario.ordered else None
        self.ledger.sent(number, line=line, at=now())
        self.scenario.send(message, self.ledger.withdrawn)

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what was accepted since the last call, and count it."""
        number_of = self.scenario.number_of
        for sink, aside in ((self.service, False), (self.box, True)):
            while sink.accepted:
                accepted = sink.accepted.popleft()
                event = accepted.event
                number = number_of(event.data)
                if number is None:
                    continue
                if aside:
                    self.ledger.put_aside(number)
                    yield Arrival(event, None, number, aside=True)
                else:
                    seconds = self.ledger.arrived(number, at=accepted.at)
                    yield Arrival(event, seconds, number)
