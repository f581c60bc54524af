"""What adapters that work say of themselves: version, blocked events, and how their service is.

A pod that is not ready is asked how it is anyway (`words.py`). Those that are ready are asked here,
in the background, so that nobody waits for an answer that a NetworkPolicy may hold back: at once
when a source has a new pod, and from then on every twenty seconds; every five while the service is
away. Pods are asked, never the API server, and only what changed wakes a source. A service that
comes and goes does not write with each of its steps: once told as away, it is told as back after
half a minute at the earliest, and what it is away for is told as often at most. Where no adapter is
ready and the newest does not answer, nobody knows, and nothing is claimed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.status import Verdict
from eventing_alibaba_operator.words import Listener, Pod, Told

log = logging.getLogger(__name__)

_ROUND: Final = 20.0
_AWAY: Final = 5.0
_TICK: Final = 1.0
_HOLD: Final = 30.0
"""Seconds for which a service that is away is told as such at least, and in the same words."""
_SILENT: Final = 3
"""Rounds without any answer after which nothing is known of the service any more."""
_RAREST: Final = 4
"""Who stays silent is asked ever more rarely: doubling so many times."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one source.

    Attributes:
        version: of its newest pod; None while nobody knows.
        asked: its adapters have answered, or will not.
        sink: the condition `SinkReachable`; None while they do not know.
        blocked: the condition `Blocked`; None while no event is.
    """

    version: str | None = None
    asked: bool = False
    sink: Verdict | None = None
    blocked: Verdict | None = None


@dataclass(slots=True)
class _Asked:
    """A source whose pods are asked."""

    pods: Sequence[Pod] = ()
    newest: str = ""
    due: float = 0.0
    silent: int = 0
    held_until: float = 0.0
    known: Known = field(default_factory=Known)


class Rounds:
    """Goes round. `wake` is called with a source of which something else is known than before."""

    def __init__(
        self,
        listener: Listener,
        wake: Callable[[Key], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._wake = wake
        self._clock = clock
        self._sources: dict[Key, _Asked] = {}
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Rounds sources={len(self._sources)} asking={len(self._asking)}>"

    def of(self, key: Key, pods: Sequence[Pod], told: Told) -> Known:
        """Return what is known of a source, and ask these pods from now on.

        `told` is what the newest pod has just said, if it was asked.
        """
        source = self._sources.setdefault(key, _Asked())
        here = sorted((pod for pod in pods if not pod.ending), key=lambda pod: pod.started)
        source.pods = [pod for pod in here if pod.ready and pod.address]
        if told.answered:
            source.newest = here[-1].name
            self._take(source, told.version, told.sink, _oldest([told]))
        elif not source.pods:
            source.silent, source.due, source.held_until = 0, 0.0, 0.0
            source.known = Known(source.known.version, asked=True)
        elif source.newest != source.pods[-1].name:
            source.newest = source.pods[-1].name
            source.due = self._clock()
            self._bell.set()
        return source.known

    def forget(self, key: Key) -> None:
        """A source is gone, or has no pods."""
        self._sources.pop(key, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            while True:
                now = self._clock()
                for key, source in self._sources.items():
                    if source.pods and source.due <= now and key not in self._asking:
                        task = asyncio.get_running_loop().create_task(self._ask(key, source))
                        self._asking[key] = task
                self._bell.clear()
                try:
                    async with asyncio.timeout(_TICK):
                        await self._bell.wait()
                except TimeoutError:
                    pass
        finally:
            asking = list(self._asking.values())
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, key: Key, source: _Asked) -> None:
        pods, newest = source.pods, source.newest
        try:
            said = await asyncio.gather(*(self._listener.ask(pod) for pod in pods))
        except Exception:
            log.exception("%s: a defect in asking its adapters", key)
            said = []
        finally:
            self._asking.pop(key, None)
        if not source.pods:
            return  # they went meanwhile, and what they have said is no more
        heard = [told for told in said if told.answered]
        before = source.known
        if heard:
            source.silent = 0
            self._take(source, said[-1].version, _of_all(heard), _oldest(heard))
        else:
            source.silent += 1
            if source.silent == _SILENT:
                source.known = Known(before.version, asked=True)
        if source.newest == newest:  # else a pod came meanwhile, which is due at once
            pause = _AWAY if _away(source.known.sink) else _ROUND * 2 ** min(source.silent, _RAREST)
            source.due = self._clock() + pause * random.uniform(0.8, 1)  # noqa: S311 - only spreads
        if source.known != before and self._sources.get(key) is source:
            self._wake(key)

    def _take(
        self,
        source: _Asked,
        version: str | None,
        sink: Verdict | None,
        blocked: Verdict | None,
    ) -> None:
        before, now = source.known, self._clock()
        if _away(before.sink) and now < source.held_until:
            sink = before.sink
        elif _away(sink) and sink != before.sink:
            source.held_until = now + _HOLD
        source.known = Known(version or before.version, asked=True, sink=sink, blocked=blocked)


def _away(sink: Verdict | None) -> bool:
    return sink is not None and sink.reason.state == "False"


def _oldest(heard: Sequence[Told]) -> Verdict | None:
    """Name the one that is blocked for longest; not how many are, which may change all the time."""
    blocked = sorted(one for told in heard for one in told.blocked)
    if not blocked:
        return None
    others = "; and others" if len(blocked) > 1 else ""
    return Verdict.of(reasons.EVENT_BLOCKED, blocked[0].fact + others)


def _of_all(heard: Sequence[Told]) -> Verdict | None:
    """One adapter whose service is away makes it so; one that knows is believed before none."""
    sinks = [told.sink for told in heard if told.sink is not None]
    away = (sink for sink in sinks if sink.reason is reasons.SINK_UNREACHABLE)
    return next(away, sinks[0] if sinks else None)
