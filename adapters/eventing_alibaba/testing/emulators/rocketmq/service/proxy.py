"""One proxy: an endpoint of its own with clients of its own, before the same brokers as the others.

As in a real cluster any proxy serves any broker, but a client's settings are known only to the
proxy that they were told to.
"""

from __future__ import annotations

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core import names
from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.service import bounds
from eventing_alibaba.testing.emulators.rocketmq.service.polls import Polls
from eventing_alibaba.testing.emulators.rocketmq.service.sessions import Sessions


class Proxy:
    """What the operations of one endpoint work with.

    Attributes:
        broker: the broker that lives at this endpoint.
        sessions: the clients.
        endpoints: where each broker is reached, by name; filled when all listen.
        namespace: the instance's; "" = any namespace is taken, as Apache's proxy does.
    """

    def __init__(
        self,
        broker: str,
        *,
        cluster: Cluster,
        polls: Polls,
        endpoints: dict[str, pb.Endpoints],
        namespace: str,
    ) -> None:
        self.broker = broker
        self.cluster = cluster
        self.polls = polls
        self.endpoints = endpoints
        self.namespace = namespace
        self.sessions = Sessions(cluster, self._gone)

    def topic(self, resource: pb.Resource) -> str:
        """Return a topic's name. Raises ServiceError where none can have it."""
        names.check_topic(resource.name)
        if self._foreign(resource):
            raise ServiceError(
                "TOPIC_NOT_FOUND",
                f"No topic route info in name server for the topic: "
                f"{resource.resource_namespace}%{resource.name}",
            )
        return resource.name

    def group(self, resource: pb.Resource) -> str:
        """Return a group's name. Raises ServiceError where none can have it."""
        names.check_group(resource.name)
        if self._foreign(resource):
            raise ServiceError(
                "CONSUMER_GROUP_NOT_FOUND",
                f"subscription group [{resource.resource_namespace}%{resource.name}] "
                "does not exist",
            )
        return resource.name

    def owner(self, client: str) -> str:
        """Return what messages that live with a client are marked with."""
        return f"{client}@{self.broker}"

    def renew(self, now: int) -> None:
        """Hide what living push consumers hold for longer."""
        alive = frozenset(
            self.owner(session.client)
            for session in self.sessions
            if session.kind == "PUSH_CONSUMER" and self.sessions.get(session.client, now)
        )
        if alive:
            for group in self.cluster.groups.values():
                for progress in group.progress.values():
                    progress.renew(now, alive, bounds.RENEWED)

    def _gone(self, client: str, now: int) -> None:
        for group in self.cluster.groups.values():
            for progress in group.progress.values():
                progress.leave(now, self.owner(client), bounds.LEFT)
        self.polls.set_alarm()

    def _foreign(self, resource: pb.Resource) -> bool:
        return bool(self.namespace) and resource.resource_namespace != self.namespace
