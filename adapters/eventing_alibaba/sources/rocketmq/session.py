"""The brokers of a topic: found by a route, greeted with settings, kept alive by heartbeats.

A route is asked for every half minute at the address of the manifest, and at once when a poll says
that something has moved. It names the brokers, and for each the proxy to talk to, which may be the
same for all. A proxy that is new is greeted; one that is gone is kept a while for what was received
through it, since an acknowledgement goes where its message came from.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import Disconnected, SourceError
from eventing_alibaba.sources.rocketmq import errors
from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.link import Link
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.telemetry import Telemetry

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.connecting import Way
    from eventing_alibaba.sources.trouble import Trouble

log: Final = logging.getLogger(__name__)

_HEARTBEAT: Final = 10.0
_ROUTE: Final = 30.0
_SOONEST: Final = 1.0
"""Seconds between two questions for the route."""
_MISSING: Final = 3.0
"""Seconds between two questions while the topic is missing."""
_GREETING: Final = 6.0
_DEFECT: Final = Disconnected(
    "a request failed by a defect of the adapter; see its log", reason="Defect"
)
_RENEWAL: Final = 3.0
"""Seconds between two times that a proxy is told our settings because it fails."""
_KEPT: Final = 600.0
"""Seconds that a proxy is kept which is in no route any more."""


@dataclass(slots=True, eq=False)
class Proxy:
    """A proxy that is greeted.

    Attributes:
        link: the way to it.
        telemetry: whether it knows us.
        gone: when the route ceased to name it; None while it does.
        renewed: when it was last told our settings because it seemed to have lost them.
    """

    link: Link
    telemetry: Telemetry
    gone: float | None = None
    renewed: float = -math.inf

    @property
    def usable(self) -> bool:
        """It may be polled."""
        return self.telemetry.ready and self.gone is None


@dataclass(slots=True, eq=False)
class Broker:
    """A broker that has queues of the topic to read from.

    Attributes:
        name: its name.
        queues: as the route tells them.
        proxy: the way to it.
    """

    name: str
    queues: list[pb.MessageQueue]
    proxy: Proxy


class Session:
    """Everything about the brokers of one topic, for one client.

    `moved` is called when the brokers or the readiness of a proxy have changed.

    Attributes:
        brokers: those that can be read from, by name.
    """

    def __init__(
        self,
        way: Way,
        settings: pb.Settings,
        *,
        trouble: Trouble,
        names: errors.Names,
        now: Callable[[], float],
        moved: Callable[[], None],
        explain: Callable[[Refused | Unreached], Awaitable[SourceError]],
    ) -> None:
        self.brokers: dict[str, Broker] = {}
        self._way = way
        self._settings = settings
        self._trouble = trouble
        self._names = names
        self._now = now
        self._moved = moved
        self._explain = explain
        self._access = way.link(way.endpoints)
        self._proxies: dict[Endpoints, Proxy] = {}
        self._stale = asyncio.Event()
        self._changed = asyncio.Event()
        self._greetings = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: set[asyncio.Task[None]] = set()
        self._failures: dict[Endpoints, SourceError] = {}

    async def open(self) -> None:
        """Find the brokers; return when the first of them knows us. Raises SourceError."""
        try:
            self._update(await self._route())
        except (Refused, Unreached) as error:
            raise await self._explain(error) from error
        await self._greeted()
        self._tasks = [
            asyncio.create_task(self._keep_route(), name="route"),
            asyncio.create_task(self._keep_alive(), name="heartbeat"),
        ]

    async def close(self) -> None:
        """Say good-bye to all, and close the connections."""
        for task in (*self._tasks, *self._telling):
            task.cancel()
        group = self._settings.subscription.group
        request = pb.NotifyClientTerminationRequest(group=group)
        proxies = list(self._proxies.values())
        ready = [proxy for proxy in proxies if proxy.telemetry.ready]
        await asyncio.gather(*(proxy.link.terminate(request) for proxy in ready))
        await asyncio.gather(*(proxy.telemetry.close() for proxy in proxies))
        links = {proxy.link for proxy in proxies} | {self._access}
        await asyncio.gather(*(link.close() for link in links))

    def stale(self) -> None:
        """Ask for the route soon, as something seems to have moved."""
        self._stale.set()

    def doubt(self, link: Link) -> None:
        """Tell a proxy our settings again, if it was not just told them.

        It fails as one does that has lost them. One that takes them and fails all the same would
        otherwise be told them without end.
        """
        now = self._now()
        for proxy in self._proxies.values():
            ready = proxy.telemetry.ready
            if proxy.link is link and ready and proxy.renewed + _RENEWAL <= now:
                proxy.renewed = now
                proxy.telemetry.renew()

    def any_link(self) -> Link:
        """Return the way to some proxy that knows us, or to the access point."""
        for proxy in self._proxies.values():
            if proxy.usable:
                return proxy.link
        return self._access

    @property
    def fifo(self) -> bool:
        """Messages of the group come in order."""
        return any(proxy.telemetry.fifo for proxy in self._proxies.values())

    @property
    def max_attempts(self) -> int:
        """Deliveries after which RocketMQ puts a message aside; 0 = not told."""
        return max((one.telemetry.max_attempts for one in self._proxies.values()), default=0)

    async def _route(self) -> pb.QueryRouteResponse:
        topic = self._settings.subscription.subscriptions[0].topic
        request = pb.QueryRouteRequest(topic=topic, endpoints=self._way.endpoints.message())
        return await self._access.route(request)

    def _update(self, route: pb.QueryRouteResponse) -> None:
        """Take what a route tells. Raises Refused where there is nothing to read from."""
        found: dict[str, list[pb.MessageQueue]] = {}
        places: dict[str, Endpoints] = {}
        for queue in route.message_queues:
            broker = queue.broker
            place = Endpoints.read(broker.endpoints)
            if broker.id == 0 and queue.permission in (pb.READ, pb.READ_WRITE) and place:
                found.setdefault(broker.name, []).append(queue)
                places[broker.name] = place
        if not found:
            raise Refused(pb.TOPIC_NOT_FOUND, "it has no queue that may be read")
        now = self._now()
        for place, proxy in self._proxies.items():
            wanted = place in places.values()
            proxy.gone = None if wanted else proxy.gone or now
        for place in places.values():
            if place not in self._proxies:
                self._proxies[place] = self._greet(place)
        self.brokers = {
            name: Broker(name, queues, self._proxies[places[name]])
            for name, queues in found.items()
        }
        self._moved()

    def _greet(self, place: Endpoints) -> Proxy:
        # The access point is most often the proxy as well: one connection is enough.
        link = self._access if place == self._way.endpoints else self._way.link(place)

        def changed() -> None:
            if telemetry.ready:
                self._failures.pop(place, None)
                self._trouble.well(f"session {place}")
                self._greetings.set()
            self._changed.set()
            self._moved()

        def failed(error: Refused | Unreached | SourceError) -> None:
            self._tell(f"session {place}", error, place)

        telemetry = Telemetry(link, self._settings, changed=changed, failed=failed)
        return Proxy(link, telemetry)

    async def _greeted(self) -> None:
        """Wait until a proxy knows us, and for the others while they have not failed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _GREETING
        while True:
            proxies = [proxy for proxy in self._proxies.values() if proxy.gone is None]
            ready = [proxy for proxy in proxies if proxy.telemetry.ready]
            if len(ready) + len(self._failures) >= len(proxies):
                if ready:
                    return
                raise next(iter(self._failures.values()))
            self._changed.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._changed.wait()
            except TimeoutError:
                if ready:
                    return
                raise await self._explain(
                    Unreached(errors.DEADLINE, str(proxies[0].link.endpoints), "no settings came")
                ) from None

    def _tell(
        self, what: str, error: Refused | Unreached | SourceError, place: Endpoints | None = None
    ) -> None:
        """Report, once it is known why; finding out may take a moment."""

        async def tell() -> None:
            told = error if isinstance(error, SourceError) else await self._explain(error)
            if place is not None:
                proxy = self._proxies.get(place)
                if proxy is None or proxy.telemetry.ready:
                    return  # it is gone, or has healed meanwhile
                self._failures[place] = told
                self._changed.set()
            self._trouble.note(what, told)

        telling = asyncio.create_task(tell(), name="tell trouble")
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _keep_route(self) -> None:
        pause = _ROUTE
        while True:
            try:
                async with asyncio.timeout(pause):
                    await self._stale.wait()
            except TimeoutError:
                pass
            try:
                self._update(await self._route())
            except (Refused, Unreached, SourceError) as error:
                self._tell("route", error)
                pause = _MISSING
            except Exception:  # else nobody would ask any more
                log.exception("asking for the route failed in a way it should not")
                self._tell("route", _DEFECT)
                pause = _MISSING
            else:
                self._trouble.well("route")
                pause = _ROUTE
            await self._forget()
            await asyncio.sleep(_SOONEST)
            self._stale.clear()

    async def _forget(self) -> None:
        """Close the ways to proxies that are long gone."""
        before = self._now() - _KEPT
        for place, proxy in list(self._proxies.items()):
            if proxy.gone is not None and proxy.gone < before:
                del self._proxies[place]
                await proxy.telemetry.close()
                if proxy.link is not self._access:
                    await proxy.link.close()

    async def _keep_alive(self) -> None:
        request = pb.HeartbeatRequest(
            group=self._settings.subscription.group, client_type=pb.SIMPLE_CONSUMER
        )
        pause = _HEARTBEAT
        while True:
            # One that has just greeted us may have come back, and not know that we live.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._greetings.wait()
            self._greetings.clear()
            beaten = await asyncio.gather(
                *(
                    self._beat(proxy, request)
                    for proxy in self._proxies.values()
                    if proxy.telemetry.ready
                )
            )
            # Whoever refused is asked again soon: until it answers the source is not ready.
            pause = _HEARTBEAT if all(beaten) else _MISSING

    async def _beat(self, proxy: Proxy, request: pb.HeartbeatRequest) -> bool:
        """Say that we live; return whether that was taken."""
        what = f"heartbeat {proxy.link.endpoints}"
        try:
            await proxy.link.heartbeat(request)
        except (Refused, Unreached, SourceError) as error:
            if isinstance(error, Refused) and error.code == pb.UNRECOGNIZED_CLIENT_TYPE:
                self.doubt(proxy.link)
            self._tell(what, error)
            return False
        except Exception:
            log.exception("a heartbeat failed in a way it should not")
            self._tell(what, _DEFECT)
            return False
        self._trouble.well(what)
        return True

    def __repr__(self) -> str:
        ready = sum(proxy.usable for proxy in self._proxies.values())
        return f"<Session {len(self.brokers)} brokers, {ready} of {len(self._proxies)} proxies>"
