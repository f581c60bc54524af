"""Service, broker and adapter, started in this order and ended in the reverse one.

The service is the recording sink of the test kit, in this process: so the demo has the events
themselves, with their data, and counts them by its own eyes.
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

from eventing_alibaba.cli.demo.adapter import Adapter
from eventing_alibaba.cli.demo.ledger import Ledger
from eventing_alibaba.cli.demo.orders import number_of, order
from eventing_alibaba.cli.demo.scenario import Scenario
from eventing_alibaba.contract.clock import now
from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.testing.sink import ReceivedEvent, RecordingSink


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that the service has accepted; `seconds` since it was sent, None = a duplicate."""

    event: ReceivedEvent
    seconds: float | None


class Stage:
    """What the demo plays on, as `async with`.

    Attributes:
        scenario: the broker.
        service: what the events are delivered to.
        ledger: counts them.
        manifest: the file that the adapter was started with.
    """

    def __init__(self, scenario: Scenario, *, service_port: int = 0) -> None:
        self.scenario = scenario
        self.service = RecordingSink(port=service_port, keep=None)
        self.ledger = Ledger()
        self.manifest = Path()
        self._adapter: Adapter | None = None
        self._port = service_port
        self._seen = 0
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
            ending.push_async_callback(self.scenario.close)
            await self.scenario.open()
            directory = tempfile.TemporaryDirectory(prefix="eventing-alibaba-demo-")
            self.manifest = Path(ending.enter_context(directory), "source.yaml")
            source = self.scenario.manifest(self.service.url)
            self.manifest.write_text(yaml.safe_dump(source, sort_keys=False), encoding="utf-8")
            self._adapter = Adapter(self.manifest)
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
    def adapter(self) -> Adapter:
        """The process that delivers them."""
        assert self._adapter is not None, "the stage is not set"
        return self._adapter

    def hurry(self) -> None:
        """End the adapter at once instead of in order."""
        if self._adapter is not None:
            self._adapter.kill()

    def send(self, number: int) -> None:
        """Send the order of this number."""
        message = order(number)
        line = message.customer if self.scenario.ordered else None
        self.ledger.sent(number, line=line, at=now())
        self.scenario.send(message, self.ledger.withdrawn)

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what the service has accepted since the last call, and count it."""
        events = self.service.events
        while events:
            event = events.popleft()
            record = self.service.records[self._seen]
            self._seen += 1
            number = number_of(event.data)
            if number is not None and 200 <= record.status < 300:
                yield Arrival(event, self.ledger.arrived(number, at=record.arrived))
