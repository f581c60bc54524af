"""A short stay at the brokers of a topic, for commands: greeted, but not kept alive.

What it learns of one topic stays as it is until the end: a command that runs into a change says so,
and is called again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.rocketmq import errors
from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.telemetry import Telemetry

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.connecting import Way
    from eventing_alibaba.sources.rocketmq.link import Link

_GREETING: Final = 6.0
_KEEPING: Final = 10.0


class Visit:
    """The way to the brokers of one topic, for one client.

    Attributes:
        queues: of the topic, as the route tells them; empty before `find`.
        telemetry: the stream to each proxy, once it was greeted.
        explain: turns what `find` and calls raise into what the flow is told.
    """

    def __init__(
        self,
        way: Way,
        settings: pb.Settings,
        topic: pb.Resource,
        explain: Callable[[Refused | Unreached], Awaitable[SourceError]],
    ) -> None:
        self.queues: list[pb.MessageQueue] = []
        self.telemetry: dict[Link, Telemetry] = {}
        self.explain = explain
        self._way = way
        self._settings = settings
        self._topic = topic
        self._links: dict[Endpoints, Link] = {way.endpoints: way.link(way.endpoints)}
        self._failure: SourceError | None = None
        self._changed = asyncio.Event()
        self._chores: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Find the brokers and be known by all of them. Raises SourceError."""
        try:
            await self.find()
        except (Refused, Unreached) as error:
            raise await self.explain(error) from error
        await self.greet()

    async def find(self) -> None:
        """Ask for the route. Raises Refused or Unreached."""
        request = pb.QueryRouteRequest(topic=self._topic, endpoints=self._way.endpoints.message())
        answer = await self._links[self._way.endpoints].route(request)
        self.queues = [one for one in answer.message_queues if one.broker.id == 0]

    async def greet(self) -> None:
        """Tell all proxies our settings. Raises SourceError."""
        for link in {self.link_of(queue) for queue in self.queues}:
            self.telemetry[link] = Telemetry(
                link, self._settings, changed=self._changed.set, failed=self._failed
            )
        try:
            async with asyncio.timeout(_GREETING):
                while not all(one.ready for one in self.telemetry.values()):
                    if self._failure is not None:
                        raise self._failure
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            error = Unreached(errors.DEADLINE, str(self._way.endpoints), "no settings came")
            raise await self.explain(error) from None
        self._chore(self._keep())

    def link_of(self, queue: pb.MessageQueue) -> Link:
        """Return the way to the broker of a queue."""
        place = Endpoints.read(queue.broker.endpoints) or self._way.endpoints
        if place not in self._links:
            self._links[place] = self._way.link(place)
        return self._links[place]

    async def close(self) -> None:
        """Say good-bye, and close the connections. Idempotent."""
        for chore in self._chores:
            chore.cancel()
        group = self._settings.subscription.group
        request = pb.NotifyClientTerminationRequest(group=group if group.name else None)
        ready = [link for link, one in self.telemetry.items() if one.ready and not link.closed]
        await asyncio.gather(*(link.terminate(request) for link in ready))
        await asyncio.gather(*(one.close() for one in self.telemetry.values()))
        await asyncio.gather(*(link.close() for link in self._links.values()))

    async def _keep(self) -> None:
        """Heartbeats, for commands that take their time; a failure shows in their own calls."""
        kind = self._settings.client_type
        request = pb.HeartbeatRequest(client_type=kind)
        if self._settings.subscription.group.name:
            request.group.CopyFrom(self._settings.subscription.group)
        while True:
            await asyncio.sleep(_KEEPING)
            await asyncio.gather(
                *(link.heartbeat(request) for link in self.telemetry), return_exceptions=True
            )

    def _failed(self, error: Refused | Unreached | SourceError) -> None:
        async def tell() -> None:
            self._failure = error if isinstance(error, SourceError) else await self.explain(error)
            self._changed.set()

        self._chore(tell())

    def _chore(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
