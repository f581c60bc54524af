"""Messages that are done, or not yet: acknowledge, change the invisible time, bury.

The answers tell less than one would wish, as those of a real proxy do: a handle that means nothing
any more is answered with OK. Only one whose own time has run out, and what was never a handle, is
refused.
"""

from __future__ import annotations

from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core import handles
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.handles import Receipt
from eventing_alibaba.testing.emulators.rocketmq.service import bounds, times
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call, Operation
from eventing_alibaba.testing.emulators.rocketmq.service.render import overall, refused, status


def ack_message(call: Call, request: pb.AckMessageRequest) -> pb.AckMessageResponse:
    """Let messages be done, each with a status of its own."""
    topic, group = call.proxy.topic(request.topic), call.proxy.group(request.group)
    response = pb.AckMessageResponse()
    codes = []
    for entry in request.entries:
        said = status()
        try:
            _ack(call, group, topic, entry.receipt_handle)
        except ServiceError as error:
            said = refused(error)
        codes.append(said.code)
        response.entries.add(
            message_id=entry.message_id, receipt_handle=entry.receipt_handle, status=said
        )
    if codes:
        response.status.CopyFrom(overall(codes))
    else:
        nothing = ServiceError("INTERNAL_SERVER_ERROR", "ack message result is empty")
        response.status.CopyFrom(refused(nothing))
    call.proxy.polls.wake(topic)
    return response


def change_invisible_duration(
    call: Call, request: pb.ChangeInvisibleDurationRequest
) -> pb.ChangeInvisibleDurationResponse:
    """Hide a message for another time, and answer its new handle."""
    topic, group = call.proxy.topic(request.topic), call.proxy.group(request.group)
    invisible = times.milliseconds(request.invisible_duration)
    check_invisible(invisible, least=0)
    receipt = _current(call, request.receipt_handle)
    changed = call.proxy.cluster.change(
        call.now,
        group=group,
        topic=topic,
        receipt=receipt,
        invisible=invisible,
    )
    call.moved = 1
    call.proxy.polls.wake(topic)
    return pb.ChangeInvisibleDurationResponse(status=status(), receipt_handle=changed.write())


def forward_to_dead_letters(
    call: Call, request: pb.ForwardMessageToDeadLetterQueueRequest
) -> pb.ForwardMessageToDeadLetterQueueResponse:
    """Move a message to its group's dead-letter topic."""
    topic, group = call.proxy.topic(request.topic), call.proxy.group(request.group)
    receipt = handles.read(request.receipt_handle)
    call.proxy.cluster.bury(call.now, group=group, topic=topic, receipt=receipt)
    call.moved = 1
    call.proxy.polls.wake(topic)
    return pb.ForwardMessageToDeadLetterQueueResponse(status=status())


def check_invisible(invisible: int, *, least: int) -> None:
    """Raise ServiceError where messages cannot be hidden for so many ms."""
    if invisible < least:
        raise ServiceError(
            "ILLEGAL_INVISIBLE_TIME", f"the invisibleTime is too small. min is {least}"
        )
    if invisible > bounds.LONGEST_INVISIBLE:
        raise ServiceError(
            "ILLEGAL_INVISIBLE_TIME",
            f"the invisibleTime is too large. max is {bounds.LONGEST_INVISIBLE}",
        )


def _ack(call: Call, group: str, topic: str, handle: str) -> None:
    if call.spoil is not None:
        error = call.spoil.entry()
        if error is not None:
            raise error
    receipt = _current(call, handle)
    if call.spoil is not None and call.spoil.void:
        return
    call.moved += call.proxy.cluster.ack(call.now, group=group, topic=topic, receipt=receipt)


def _current(call: Call, handle: str) -> Receipt:
    """Return a handle's receipt. Raises ServiceError where its own time has run out."""
    receipt = handles.read(handle)
    if receipt.ends <= call.now:
        raise ServiceError("INVALID_RECEIPT_HANDLE", "receipt handle is expired")
    return receipt


OPERATIONS: Final = {
    "AckMessage": Operation(
        pb.AckMessageRequest,
        pb.AckMessageResponse,
        ack_message,
        lambda request: (request.topic.name, request.group.name),
    ),
    "ChangeInvisibleDuration": Operation(
        pb.ChangeInvisibleDurationRequest,
        pb.ChangeInvisibleDurationResponse,
        change_invisible_duration,
        lambda request: (request.topic.name, request.group.name),
    ),
    "ForwardMessageToDeadLetterQueue": Operation(
        pb.ForwardMessageToDeadLetterQueueRequest,
        pb.ForwardMessageToDeadLetterQueueResponse,
        forward_to_dead_letters,
        lambda request: (request.topic.name, request.group.name),
    ),
}
