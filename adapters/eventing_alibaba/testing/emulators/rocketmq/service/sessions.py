"""Clients of one proxy: what each said of itself, and the stream on which it can be told things.

A client's settings come by telemetry and are kept by its id; a receive or a heartbeat without them
is refused. They outlive the stream. They go when the client says goodbye, sends no heartbeat for
two minutes, or the proxy is started anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.group import Group
from eventing_alibaba.testing.emulators.rocketmq.service import bounds, times
from eventing_alibaba.testing.emulators.rocketmq.service.line import Line

_INITIAL: Final = 10
_LONGEST: Final = 1000


@dataclass(slots=True)
class Session:
    """A client.

    Attributes:
        client: its id.
        settings: as it sent them.
        seen: when it was last heard, in ms since the epoch.
        line: its telemetry stream, None when that is closed.
    """

    client: str
    settings: pb.Settings
    seen: int
    line: Line | None = None

    @property
    def kind(self) -> str:
        """PRODUCER, PUSH_CONSUMER, SIMPLE_CONSUMER ..."""
        return pb.ClientType.Name(self.settings.client_type)

    @property
    def group(self) -> str:
        """The consumer group, "" of a producer."""
        return self.settings.subscription.group.name


class Sessions:
    """The clients of one proxy.

    Args:
        cluster: has the groups.
        gone: told the id of a client that is forgotten.
    """

    def __init__(self, cluster: Cluster, gone: Callable[[str, int], None]) -> None:
        self._cluster = cluster
        self._gone = gone
        self._sessions: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def put(self, client: str, settings: pb.Settings, line: Line, now: int) -> Session:
        """Take a client's settings; its line is this one from now on."""
        session = self._sessions.get(client)
        if session is None:
            session = self._sessions[client] = Session(client, settings, now)
        session.settings, session.seen, session.line = settings, now, line
        return session

    def get(self, client: str, now: int) -> Session | None:
        """Return a client that is known."""
        session = self._sessions.get(client)
        if session is not None and session.seen + bounds.FORGOTTEN < now:
            self.forget(client, now)
            return None
        return session

    def hear(self, client: str, now: int) -> Session | None:
        """Return a client that is known, and note that it lives."""
        session = self.get(client, now)
        if session is not None:
            session.seen = now
        return session

    def forget(self, client: str, now: int) -> None:
        """Let a client be unknown."""
        if self._sessions.pop(client, None) is not None:
            self._gone(client, now)

    def clear(self, now: int) -> None:
        """Let all clients be unknown."""
        for client in list(self._sessions):
            self.forget(client, now)

    def merged(self, session: Session) -> pb.Settings:
        """Return a client's settings with what the service sets in them."""
        settings = pb.Settings()
        settings.CopyFrom(session.settings)
        if settings.HasField("publishing"):
            settings.publishing.validate_message_type = True
            settings.publishing.max_body_size = bounds.LARGEST_BODY
            policy = settings.backoff_policy
            policy.max_attempts = bounds.PRODUCER_ATTEMPTS
            policy.exponential_backoff.initial.CopyFrom(times.duration(_INITIAL))
            policy.exponential_backoff.max.CopyFrom(times.duration(_LONGEST))
            policy.exponential_backoff.multiplier = 2
        elif settings.HasField("subscription"):
            self._subscribed(settings, self._cluster.settings(session.group))
        settings.metric.CopyFrom(pb.Metric(on=False))
        return settings

    def _subscribed(self, settings: pb.Settings, group: Group) -> None:
        subscription = settings.subscription
        subscription.fifo = group.fifo
        subscription.receive_batch_size = bounds.MOST_RECEIVED
        subscription.long_polling_timeout.CopyFrom(times.duration(bounds.LONGEST_POLL))
        policy = settings.backoff_policy
        policy.max_attempts = group.most_attempts
        waits = [times.duration(round(seconds * 1000)) for seconds in group.backoff]
        policy.customized_backoff.CopyFrom(pb.CustomizedBackoff(next=waits))
