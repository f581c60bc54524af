"""Which version of the adapter each source runs, as a pod of its own says.

A pod that is not ready is asked how it is anyway, and its answer has the version. One that was
ready when it was first seen is asked for the version alone, once, in the background: nobody waits
for an answer that a NetworkPolicy may hold back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.words import Listener, Pod, Told


class Versions:
    """Versions by source. `wake` is called with a source whose version has become known."""

    def __init__(self, listener: Listener, wake: Callable[[Key], None]) -> None:
        self._listener = listener
        self._wake = wake
        self._known: dict[Key, tuple[str, str | None]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Versions known={len(self._known)} asking={len(self._asking)}>"

    def of(self, key: Key, pods: Sequence[Pod], told: Told) -> str | None:
        """Return the version of the newest pod; None while nobody knows.

        `told` is what the newest pod has just said, if it was asked.
        """
        newest = max(
            (pod for pod in pods if not pod.ending), key=lambda pod: pod.started, default=None
        )
        if newest is None:
            return None
        if told.version is not None:
            self._known[key] = newest.name, told.version
        name, version = self._known.get(key, ("", None))
        if name != newest.name and newest.ready and newest.address:
            self._known[key] = newest.name, version
            task = asyncio.get_running_loop().create_task(self._ask(key, newest))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return version

    def forget(self, key: Key) -> None:
        """A source is gone."""
        self._known.pop(key, None)

    def close(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    async def _ask(self, key: Key, pod: Pod) -> None:
        version = await self._listener.version(pod)
        name, before = self._known.get(key, ("", None))
        if name == pod.name and version not in (None, before):
            self._known[key] = name, version
            self._wake(key)
