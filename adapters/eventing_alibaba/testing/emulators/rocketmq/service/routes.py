"""Where topics are: QueryRoute and QueryAssignment."""

from __future__ import annotations

from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call, Operation
from eventing_alibaba.testing.emulators.rocketmq.service.render import KINDS, status

_ALL_QUEUES: Final = -1
"""The queue id of an assignment that means all queues of its broker."""


def query_route(call: Call, request: pb.QueryRouteRequest) -> pb.QueryRouteResponse:
    """Return the queues of a topic, with the endpoints of the brokers they are on."""
    topic = call.proxy.cluster.topic(call.proxy.topic(request.topic))
    accepted = KINDS[topic.kind or "NORMAL"]
    response = pb.QueryRouteResponse(status=status())
    for broker, logs in topic.logs.items():
        for queue in range(len(logs)):
            response.message_queues.append(_queue(call, request.topic, broker, queue, accepted))
    return response


def query_assignment(call: Call, request: pb.QueryAssignmentRequest) -> pb.QueryAssignmentResponse:
    """Return what a push consumer shall ask: each queue for a FIFO group, else each broker."""
    topic = call.proxy.cluster.topic(call.proxy.topic(request.topic))
    group = call.proxy.cluster.group(call.proxy.group(request.group))
    response = pb.QueryAssignmentResponse(status=status())
    for broker, logs in topic.logs.items():
        for queue in range(len(logs)) if group.fifo else (_ALL_QUEUES,):
            one = _queue(call, request.topic, broker, queue)
            response.assignments.append(pb.Assignment(message_queue=one))
    return response


def _queue(
    call: Call,
    topic: pb.Resource,
    broker: str,
    queue: int,
    accepted: pb.MessageType | None = None,
) -> pb.MessageQueue:
    return pb.MessageQueue(
        topic=topic,
        id=queue,
        permission=pb.Permission.READ_WRITE,
        broker=pb.Broker(name=broker, id=0, endpoints=call.proxy.endpoints[broker]),
        accept_message_types=() if accepted is None else (accepted,),
    )


OPERATIONS: Final = {
    "QueryRoute": Operation(
        pb.QueryRouteRequest,
        pb.QueryRouteResponse,
        query_route,
        lambda request: (request.topic.name, ""),
    ),
    "QueryAssignment": Operation(
        pb.QueryAssignmentRequest,
        pb.QueryAssignmentResponse,
        query_assignment,
        lambda request: (request.topic.name, request.group.name),
    ),
}
