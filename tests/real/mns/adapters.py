"""An adapter in a process of its own, on a queue of an emulator in another one."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from eventing_alibaba.testing.adapter import manifest
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.ledger import Ledger

SOAK: Final = bool(os.environ.get("SOAK"))
_BATCH: Final = 500
_LOOK_AGAIN: Final = 0.02
_names = itertools.count()

Note: TypeAlias = Callable[[str, object], None]
"""Takes a figure that was seen; `--junitxml=FILE -o junit_family=xunit1` has them."""


def source(mns: EmulatorProcess, queue: str, sink: str, **spec: Any) -> dict[str, Any]:
    """Return a manifest of a queue."""
    settings = mns.settings
    auth = {
        "accessKeyId": {"value": settings["accessKeyId"]},
        "accessKeySecret": {"value": settings["accessKeySecret"]},
    }
    fields = {"endpoint": mns.endpoint, "queue": queue, "auth": auth, "sink": {"uri": sink}}
    return manifest("MnsSource", {**fields, **spec}, name=f"{queue}-{next(_names)}")


def send(mns: EmulatorProcess, queue: str, count: int, told: Ledger) -> None:
    """Put messages into a queue and note them."""
    for at in range(0, count, _BATCH):
        for identity in mns.send(queue, [f"{at + n}." for n in range(min(_BATCH, count - at))]):
            told.sent(identity)


@contextmanager
def load(mns: EmulatorProcess, queue: str, rate: int) -> Iterator[list[str]]:
    """Send `rate` messages a second meanwhile; their ids are in the list."""
    ids: list[str] = []
    stop = threading.Event()

    def run() -> None:
        begun = time.monotonic()
        while not stop.wait(0.05):
            due = int((time.monotonic() - begun) * rate) - len(ids)
            if due > 0:
                ids.extend(mns.send(queue, [f"{len(ids) + n}." for n in range(due)]))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ids
    finally:
        stop.set()
        thread.join(10)


def until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until something holds; return how long it took. Raises AssertionError."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(_LOOK_AGAIN)
    return time.monotonic() - begun


def backlog(mns: EmulatorProcess, queue: str) -> int:
    """Return how many messages are not acknowledged."""
    counts = mns.counts(queue)
    return counts["active"] + counts["inactive"] + counts["delayed"]


def soon_visible(mns: EmulatorProcess, queue: str) -> bool:
    """Whether a message waits, or is in the adapter's hands: released ones are far away."""
    if mns.counts(queue)["active"]:
        return True
    soon = time.time() + 15
    return any(one["visible"] or one["visibleAt"] < soon for one in mns.messages(queue))


def ledger(ids: Sequence[str] = ()) -> Ledger:
    """Return a ledger that expects these messages, in any order."""
    told = Ledger("unordered", slack=0.5)
    for identity in ids:
        told.sent(identity)
    return told
