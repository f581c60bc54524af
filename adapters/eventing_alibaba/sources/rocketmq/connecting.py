"""From what users wrote to ways to a proxy, to settings, and to the names that sentences use."""

from __future__ import annotations

import platform
import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration

from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.errors import Names
from eventing_alibaba.sources.rocketmq.link import Encryption, Link
from eventing_alibaba.sources.rocketmq.login import LoginReader
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.signing import HOST, VERSION, Signer

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

POLL_SECONDS: Final = 10.0
"""How long a poll waits for messages; proxies take from 5 to 20 s."""


class Way:
    """What is needed to talk to any proxy of the instance. Raises Unauthorized, when made.

    Attributes:
        endpoints: the access point, as the manifest says it.
        encryption: TLS, or none.
        signer: makes metadata; one for all links, so all are one client.
    """

    def __init__(self, spec: RocketMQSourceSpec, context: Context) -> None:
        self.endpoints = Endpoints.parse(spec.endpoints)
        self.signer = Signer(LoginReader(spec.auth, context.credentials), spec.instance or "")
        self.signer.metadata()  # a login that cannot be read is told before anything is opened
        self.encryption = Encryption()
        if spec.tls.enable:
            given = spec.tls.ca_cert
            authorities = (
                _system()
                if given is None
                else context.credentials.read(given, field="spec.tls.caCert").encode()
            )
            self.encryption = Encryption(True, authorities, self.endpoints.named)

    def link(self, endpoints: Endpoints) -> Link:
        """Make a link; it connects when it is first used."""
        return Link(endpoints, self.signer, self.encryption)

    def __repr__(self) -> str:
        return f"<Way {self.endpoints}{' TLS' if self.encryption.enable else ''}>"


def _system() -> bytes | None:
    """Return the authorities that the system trusts; None = those that gRPC brings itself."""
    paths = ssl.get_default_verify_paths()
    try:
        return Path(paths.cafile or paths.openssl_cafile).read_bytes()
    except OSError:
        return None


def names_of(spec: RocketMQSourceSpec) -> Names:
    """Return what sentences name."""
    return Names(
        spec.endpoints,
        spec.topic,
        spec.consumer_group,
        spec.instance,
        spec.filter.expression,
        spec.invisible_duration,
    )


def elsewhere(names: Names, topic: str, field: str) -> Names:
    """Return the names for another topic, which stands in `field`."""
    return replace(names, topic=topic, topic_field=field)


def resource(spec: RocketMQSourceSpec, name: str) -> pb.Resource:
    """Return a topic or group of the spec's instance."""
    return pb.Resource(resource_namespace=spec.instance or "", name=name)


def duration(seconds: float) -> Duration:
    """Return seconds as protobuf writes them, to the millisecond."""
    whole, part = divmod(round(seconds * 1000), 1000)
    return Duration(seconds=whole, nanos=part * 1_000_000)


def expression(spec: RocketMQSourceSpec) -> pb.FilterExpression:
    """Return the filter."""
    kind = pb.SQL if spec.filter.type == "sql92" else pb.TAG
    return pb.FilterExpression(type=kind, expression=spec.filter.expression)


def user_agent() -> pb.UA:
    """Say what program asks, and where it runs."""
    return pb.UA(
        language=pb.PYTHON, version=VERSION, platform=platform.platform(terse=True), hostname=HOST
    )


def consumer(spec: RocketMQSourceSpec, way: Way, topic: str, group: str) -> pb.Settings:
    """Return the settings of a consumer of `topic`."""
    subscription = pb.Subscription(
        group=resource(spec, group), long_polling_timeout=duration(POLL_SECONDS)
    )
    entry = subscription.subscriptions.add()
    entry.topic.CopyFrom(resource(spec, topic))
    entry.expression.CopyFrom(
        expression(spec)
        if topic == spec.topic
        else pb.FilterExpression(type=pb.TAG, expression="*")
    )
    return pb.Settings(
        client_type=pb.SIMPLE_CONSUMER,
        access_point=way.endpoints.message(),
        request_timeout=duration(3),
        subscription=subscription,
        user_agent=user_agent(),
    )


def producer(spec: RocketMQSourceSpec, way: Way, topic: str) -> pb.Settings:
    """Return the settings of a producer to `topic`."""
    return pb.Settings(
        client_type=pb.PRODUCER,
        access_point=way.endpoints.message(),
        request_timeout=duration(3),
        publishing=pb.Publishing(topics=[resource(spec, topic)]),
        user_agent=user_agent(),
    )
