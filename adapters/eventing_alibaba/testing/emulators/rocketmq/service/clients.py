"""Clients come, live and go: telemetry's settings, Heartbeat, NotifyClientTermination."""

from __future__ import annotations

from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call, Operation
from eventing_alibaba.testing.emulators.rocketmq.service.caller import LANGUAGES
from eventing_alibaba.testing.emulators.rocketmq.service.line import Line
from eventing_alibaba.testing.emulators.rocketmq.service.render import status

_CONSUMERS: Final = ("PUSH_CONSUMER", "SIMPLE_CONSUMER")


def take_settings(call: Call, settings: pb.Settings, line: Line) -> pb.TelemetryCommand:
    """Take a client's settings and answer them with what the service sets.

    Raises ServiceError for what ends the stream: names that cannot be, a language that the proxy
    does not know, neither publishing nor subscription.
    """
    proxy = call.proxy
    if settings.HasField("publishing"):
        for topic in settings.publishing.topics:
            proxy.topic(topic)
    elif settings.HasField("subscription"):
        proxy.group(settings.subscription.group)
        kind = pb.ClientType.Name(settings.client_type)
        if kind not in _CONSUMERS:
            raise ServiceError("INTERNAL_ERROR", f"Client type is not consumer, type: {kind}")
    else:
        raise ServiceError("BAD_REQUEST", "there is no publishing or subscription data in settings")
    if call.who.language not in LANGUAGES:
        raise ServiceError("INTERNAL_ERROR", f"No enum constant LanguageCode.{call.who.language}")
    session = proxy.sessions.put(call.who.client, settings, line, call.now)
    return pb.TelemetryCommand(status=status(), settings=proxy.sessions.merged(session))


def heartbeat(call: Call, request: pb.HeartbeatRequest) -> pb.HeartbeatResponse:
    """Note that a client lives."""
    session = call.proxy.sessions.hear(call.who.client, call.now)
    if session is None:
        raise ServiceError(
            "UNRECOGNIZED_CLIENT_TYPE", "cannot find client settings for this client"
        )
    if session.kind in _CONSUMERS:
        call.proxy.group(request.group)
    elif session.kind != "PRODUCER":
        raise ServiceError("UNRECOGNIZED_CLIENT_TYPE", session.kind)
    return pb.HeartbeatResponse(status=status())


def notify_client_termination(
    call: Call, request: pb.NotifyClientTerminationRequest
) -> pb.NotifyClientTerminationResponse:
    """Forget a client, and let its messages be visible soon."""
    session = call.proxy.sessions.get(call.who.client, call.now)
    if session is None:
        raise ServiceError(
            "UNRECOGNIZED_CLIENT_TYPE", "cannot find client settings for this client"
        )
    if session.kind in _CONSUMERS:
        call.proxy.group(request.group)
    call.proxy.sessions.forget(call.who.client, call.now)
    return pb.NotifyClientTerminationResponse(status=status())


OPERATIONS: Final = {
    "Heartbeat": Operation(
        pb.HeartbeatRequest,
        pb.HeartbeatResponse,
        heartbeat,
        lambda request: ("", request.group.name),
    ),
    "NotifyClientTermination": Operation(
        pb.NotifyClientTerminationRequest,
        pb.NotifyClientTerminationResponse,
        notify_client_termination,
        lambda request: ("", request.group.name),
    ),
}
