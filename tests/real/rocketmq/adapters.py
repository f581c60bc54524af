"""An adapter in a process of its own, on a topic of an emulator in another one."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from eventing_alibaba.testing.adapter import manifest
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

_names: Final = itertools.count(1)


def source(rocketmq: EmulatorProcess, topic: str, sink: str, **spec: Any) -> dict[str, Any]:
    """Return a manifest of a topic, whose group has the same name."""
    settings = rocketmq.settings
    fields = {
        "endpoints": rocketmq.endpoints,
        "topic": topic,
        "consumerGroup": topic,
        "invisibleDuration": "PT10S",
        "auth": {
            "username": {"value": settings["username"]},
            "password": {"value": settings["password"]},
        },
        "sink": {"uri": sink},
    }
    return manifest("RocketMQSource", {**fields, **spec}, name=f"{topic}-{next(_names)}")


@contextmanager
def load(
    rocketmq: EmulatorProcess, topic: str, rate: int, *, body: str = ""
) -> Iterator[list[str]]:
    """Send `rate` messages a second meanwhile; their ids are in the list."""
    ids: list[str] = []
    stop = threading.Event()

    def run() -> None:
        begun = time.monotonic()
        while not stop.wait(0.05):
            due = int((time.monotonic() - begun) * rate) - len(ids)
            if due > 0:
                bodies = [f"{len(ids) + n}.{body}" for n in range(due)]
                ids.extend(rocketmq.send(topic, bodies))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ids
    finally:
        stop.set()
        thread.join(10)


def backlog(rocketmq: EmulatorProcess, topic: str) -> int:
    """Return how many messages are not acknowledged."""
    return rocketmq.counts(topic, topic)["backlog"]
