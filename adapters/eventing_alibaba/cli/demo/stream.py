"""One stream of what happens, as server-sent events: first all, then what has changed.

A client that connects gets a `snapshot`, and after each look (ten a second) a `delta`: the fields
of the state that differ from what this client has, and the items, events and sentences, that are
newer. However many events pass, a client gets ten messages a second. One that reads slowly misses
looks, not changes. After a break the browser connects again by itself and begins with a snapshot,
so there is nothing to be resumed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Final

import orjson

_RETRY_MILLISECONDS: Final = 500
_EVENTS_KEPT: Final = 30
_LOG_KEPT: Final = 50


class Stream:
    """State, latest events and log of the demo, and those who follow them.

    Attributes:
        about: what stays as it is while a run lasts; part of every snapshot.
        followers: how many clients there are.
    """

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.followers = 0
        self._state: dict[str, Any] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS_KEPT)
        self._log: deque[dict[str, Any]] = deque(maxlen=_LOG_KEPT)
        self._latest = 0
        self._run = 0
        self._looked = asyncio.Event()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Begin a run: everything of the one before is forgotten, and all get a snapshot."""
        self.about = dict(about)
        self._state = {}
        self._events.clear()
        self._log.clear()
        self._run += 1
        self._wake()

    def publish(
        self,
        state: Mapping[str, Any],
        events: Iterable[Mapping[str, Any]] = (),
        log: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Make public what a look has found; each item gets its number, `n`."""
        self._state = dict(state)
        for items, kept in ((events, self._events), (log, self._log)):
            for item in items:
                self._latest += 1
                kept.append({"n": self._latest, **item})
        self._wake()

    def snapshot(self) -> dict[str, Any]:
        """Return all there is, as JSON values."""
        return {
            "about": self.about,
            "state": self._state,
            "events": list(self._events),
            "log": list(self._log),
        }

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield the messages for one client, for ever."""
        self.followers += 1
        try:
            yield b"retry: %d\n\n" % _RETRY_MILLISECONDS
            run, known, latest = -1, dict[str, Any](), 0
            while True:
                looked = self._looked
                message = b""
                if run != self._run:
                    message = encoded("snapshot", self.snapshot())
                elif change := self._since(known, latest):
                    message = encoded("delta", change)
                run, known, latest = self._run, self._state, self._latest
                if message:
                    yield message
                await looked.wait()
        finally:
            self.followers -= 1

    def _since(self, known: Mapping[str, Any], latest: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if state := changes(known, self._state):
            found["state"] = state
        for name, items in (("events", self._events), ("log", self._log)):
            if newer := [item for item in items if item["n"] > latest]:
                found[name] = newer
        return found

    def _wake(self) -> None:
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    def __repr__(self) -> str:
        return f"<Stream run {self._run}, {self._latest} items, {self.followers} followers>"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `new` that `old` has not, or has otherwise. Pure."""
    missing = object()
    return {name: value for name, value in new.items() if old.get(name, missing) != value}


def encoded(name: str, value: Mapping[str, Any]) -> bytes:
    """Return one server-sent event; JSON has no line break, so it is one line of data. Pure."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(value))
