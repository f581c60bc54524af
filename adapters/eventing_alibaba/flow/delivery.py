"""What the flow knows of one message, of its track and of its lane."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.message import Message


class Track:
    """The settle order of one track: deliveries in the order they were received.

    `window[0]` is the first unfinished one; finished ones behind it wait for it.

    Attributes:
        key: the source's name for the track.
        window: received and not yet part of the settled prefix.
        settled: the last message of the settled prefix.
        waiting: deliveries that wait behind another one in a lane.
        paused: the source was asked to hand out no more of it.
        full: it was, because of how many are past the first unfinished one.
        gone: given up; answers that still come only move `settled`.
        final: given up and no longer waited for; answers change nothing.
    """

    __slots__ = ("final", "full", "gone", "key", "paused", "settled", "waiting", "window")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.window: deque[Delivery] = deque()
        self.settled: Message | None = None
        self.waiting = 0
        self.paused = False
        self.full = False
        self.gone = False
        self.final = False

    def __repr__(self) -> str:
        state = (
            "final" if self.final else "gone" if self.gone else "paused" if self.paused else "on"
        )
        return f"<Track {self.key} {state} window={len(self.window)} waiting={self.waiting}>"


class Delivery:
    """One message on its way.

    Attributes:
        message: what was received.
        track, lane: where it stands in line; None = nowhere. A lane is the queue of those that
            wait behind the one that is on its way.
        size: bytes it counts for while held.
        attempts: attempts that did not succeed.
        failures: those of them that count against `retry`.
        wire: a request is under way.
        done: settled.
        abandoned: left to the broker unsettled.
        lost: its lease ended while a request was under way; unless that succeeds or the message is
            received again, the broker has it.
        failed: when the last attempt failed, on the flow's clock; 0 = never.
        started: when its request was given to the pool, on the flow's clock.
        rest: further events of the same message, last first.
        blocked: why it holds up its lane, once its retries are used up.
    """

    __slots__ = (
        "abandoned",
        "attempts",
        "blocked",
        "done",
        "failed",
        "failures",
        "lane",
        "lost",
        "message",
        "rest",
        "size",
        "started",
        "track",
        "wire",
    )

    def __init__(
        self, message: Message, track: Track | None, lane: deque[Delivery] | None, size: int
    ) -> None:
        self.message = message
        self.track = track
        self.lane = lane
        self.size = size
        self.attempts = 0
        self.failures = 0
        self.wire = False
        self.done = False
        self.abandoned = False
        self.lost = False
        self.started = 0.0
        self.failed = 0.0
        self.rest: list[Event] | None = None
        self.blocked: Blocked | None = None

    def __repr__(self) -> str:
        state = (
            "done" if self.done else "wire" if self.wire else "blocked" if self.blocked else "held"
        )
        return (
            f"<Delivery {self.message.origin} {self.message.id} {state} failures={self.failures}>"
        )


class Blocked:
    """Why a message holds up its lane. For `/status`: no body, no secret.

    Attributes:
        reason: a sentence.
        status: the service's last HTTP status, where it answered.
        since: seconds since the epoch.
    """

    __slots__ = ("reason", "since", "status")

    def __init__(self, reason: str, status: int | None, since: float) -> None:
        self.reason = reason
        self.status = status
        self.since = since
