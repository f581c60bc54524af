"""The stages in their order, and how they stop.

    source → receive → [Held] → convert → deliver → sink
       ↑                                     │
       └──────────── settle ←────────────────┘

`Held` is the one state they share. A stop goes down the stream: nothing new is received, what was
never written is released to the broker, requests on the wire may finish for `grace` seconds and are
then cut, what was answered 2xx until then is acknowledged, and only then is the source closed. The
leases of what is on the wire are extended until the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Final

from eventing_alibaba.contract import clock as lease_clock
from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.source import Source
from eventing_alibaba.contract.spec import FlowOptions
from eventing_alibaba.flow.convert import Chosen, Converter
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.deliver import Deliverer, Stages
from eventing_alibaba.flow.deliver_batches import BatchDeliverer, Batching, parts
from eventing_alibaba.flow.delivery import Track
from eventing_alibaba.flow.held import Held
from eventing_alibaba.flow.leased import Leased
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted
from eventing_alibaba.flow.receive import Receiver
from eventing_alibaba.flow.release import Releaser
from eventing_alibaba.flow.renew import Renewer
from eventing_alibaba.flow.settle import Settler
from eventing_alibaba.flow.timers import Timers
from eventing_alibaba.sink.encode import Outlined
from eventing_alibaba.sink.post import Sink

log = logging.getLogger(__name__)

_FLUSH: Final = 5.0
"""Seconds that a stop gives to the last acknowledgements, and again to closing the source."""


class Pipeline:
    """One source to one sink. It is the `FlowControl` that the source is given.

    `report` hears every signal of the source (a `SourceError`), and None when the session is well.
    Make it within a running event loop.
    """

    def __init__(
        self,
        *,
        source: Source,
        sink: Sink,
        options: FlowOptions,
        retry: Retry,
        counters: Counters,
        report: Callable[[SourceError | None], None],
        exhausted: Exhausted | None = None,
        chosen: Chosen | None = None,
        batching: Batching | None = None,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = lease_clock.now,
    ) -> None:
        loop = asyncio.get_running_loop()
        chosen = chosen or Chosen()
        self._source = source
        self._sink = sink
        self._grace = seconds(options.grace)
        self._report = report
        self._timers = Timers(loop)
        self._left = asyncio.Event()
        self.held = Held(
            max_buffered=options.max_buffered,
            max_bytes=options.max_bytes,
            max_uncommitted=options.max_uncommitted,
            pause=source.pause,
            resume=source.resume,
        )
        self.held.leased = exhausted is not None and exhausted.leased

        def converter(encode: Callable[[Event], bytes], outlined: Outlined) -> Converter:
            return Converter(
                source.event,
                encode,
                outline=getattr(source, "outline", None),
                outlined=outlined,
                passes=chosen.passes,
                max_age=chosen.max_age,
            )

        stages = Stages(
            held=self.held,
            sink=sink,
            retry=retry,
            rate_limit=options.rate_limit,
            counters=counters,
            timers=self._timers,
            loop=loop,
            exhausted=exhausted or Exhausted(),
            clock=clock,
        )
        single = converter(sink.encode, sink.outlined)
        self._deliverer = (
            Deliverer(stages, single)
            if batching is None
            else BatchDeliverer(
                stages, converter(parts(sink), sink.part_outlined), alone=single, batching=batching
            )
        )
        self._deliverer.reaction.on_gone = self._left.set
        self._leased = leased = Leased(
            held=self.held, counters=counters, max_hold=seconds(options.max_hold), now=now
        )
        leased.on_dropped = self._deliverer.reaction.sweep
        leased.on_lost = getattr(source, "lost", leased.on_lost)
        self._renewer = Renewer(leased=leased, source=source, counters=counters, loop=loop, now=now)
        self._settler = Settler(
            held=self.held, leased=leased, source=source, counters=counters, loop=loop
        )
        self._releaser = Releaser(
            held=self.held, leased=leased, source=source, counters=counters, loop=loop
        )
        self._deliverer.reaction.on_release = self._releaser.release
        self._receiver = Receiver(
            source=source,
            held=self.held,
            control=self,
            counters=counters,
            admit_leased=leased.admit,
            pump=self._deliverer.pump,
            report=report,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then stop in order. Raises Misconfigured."""
        receiving = asyncio.create_task(self._receiver.run(), name="receive")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait([receiving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            receiving.cancel()
            await asyncio.wait([receiving, stopping])
            await self._stop()
        if not receiving.cancelled():
            receiving.result()

    async def _stop(self) -> None:
        self._deliverer.stop()
        self._timers.close()
        self._give_back()
        for message in await self._quiesce():
            if message.lease is None or not self._leased.recognise(message):
                self._releaser.give_back(message)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._deliverer.idle()
        self._sink.cut()
        self._give_back()
        acknowledged, _ = await asyncio.gather(
            self._settler.flush(_FLUSH), self._releaser.flush(_FLUSH)
        )
        await self._renewer.close()
        if not acknowledged:
            log.warning(
                "the broker did not take the last acknowledgements within %g s;"
                " it will deliver these messages again",
                _FLUSH,
            )
        try:
            async with asyncio.timeout(_FLUSH):
                await self._source.close()
        except (TimeoutError, SourceError) as error:
            log.warning("the source did not close in order: %s", error or "no answer")
        except Exception:
            log.exception("the source closed in a way it should not")
        await self._sink.close()
        await self._deliverer.reaction.close()

    async def _quiesce(self) -> list[Message]:
        try:
            async with asyncio.timeout(_FLUSH):
                return list(await self._source.quiesce())
        except (TimeoutError, SourceError) as error:
            log.warning("the source did not stop receiving in order: %s", error or "no answer")
        except Exception:
            log.exception("the source stopped receiving in a way it should not")
        return []

    def _give_back(self) -> None:
        """Release what is not on the wire."""
        for delivery in list(self.held.deliveries()):
            if not delivery.wire:
                self.held.abandon(delivery)
                self._releaser.give_back(delivery.message)

    # FlowControl

    async def drain(self, tracks: Iterable[Hashable], *, lost: bool, timeout: float) -> None:
        """See `contract.source.FlowControl`."""
        given_up = self.held.drop(tracks)
        self._deliverer.reaction.sweep()
        if not lost:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while any(_on_the_wire(track) for track in given_up):
                        self._left.clear()
                        await self._left.wait()
        for track in given_up:
            track.final = True

    def settled(self, track: Hashable) -> Message | None:
        """See `contract.source.FlowControl`."""
        return self.held.settled(track)

    def forget(self, track: Hashable) -> None:
        """See `contract.source.FlowControl`."""
        self.held.forget(track)

    def report(self, error: SourceError | None) -> None:
        """See `contract.source.FlowControl`."""
        self._report(error)

    # For those who look

    def blocked(self) -> list[dict[str, object]]:
        """Return what is blocked and why: origin, id, reason, status, since."""
        return [
            {
                "origin": delivery.message.origin,
                "id": delivery.message.id,
                "reason": delivery.blocked.reason,
                "status": delivery.blocked.status,
                "since": delivery.blocked.since,
            }
            for delivery in self._deliverer.reaction.blocked
            if delivery.blocked is not None
        ]

    def skip(self, identity: str, origin: str | None = None) -> bool:
        """Settle one blocked message unaccepted, because a person says so; see `Reaction.skip`."""
        return self._deliverer.reaction.skip(identity, origin)

    def breaker(self) -> str:
        """Return `open` while the sink is away, else `closed`."""
        return "open" if self._deliverer.valve.breaker.open else "closed"

    def service(self) -> dict[str, object]:
        """Return whether the sink answers: `reachable`; where not, why (`reason`) and `since`.

        `reachable` is None while nobody knows, as nothing was sent yet. `since` is in seconds since
        the epoch.
        """
        return self._deliverer.reaction.service()

    def __repr__(self) -> str:
        return f"<Pipeline {self._deliverer!r}>"


def _on_the_wire(track: Track) -> bool:
    return any(delivery.wire for delivery in track.window)
