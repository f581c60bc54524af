"""Messages that come in: SendMessage, and what the proxy looks at in each."""

from __future__ import annotations

import unicodedata
from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft
from eventing_alibaba.testing.emulators.rocketmq.service import bounds, times
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call, Operation
from eventing_alibaba.testing.emulators.rocketmq.service.render import overall, refused, status
from eventing_alibaba.testing.emulators.rocketmq.service.reserved import RESERVED


def send_message(call: Call, request: pb.SendMessageRequest) -> pb.SendMessageResponse:
    """Put messages into a topic: all of them or, when one is no good, none.

    However many there are, the answer has one entry, with all ids in it.
    """
    if not request.messages:
        raise ServiceError("MESSAGE_CORRUPTED", "no message to send")
    resource = request.messages[0].topic
    topic = call.proxy.topic(resource)
    if any(message.topic != resource for message in request.messages):
        raise ServiceError("MESSAGE_CORRUPTED", "topic in message is not same")
    drafts = [_draft(call, message) for message in request.messages]
    found = call.proxy.cluster.topics.get(topic)
    if found is None:  # as a real proxy: it looks at the type first, and there is none
        raise ServiceError(
            "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE",
            "TopicMessageType validate failed, the expected type is UNSPECIFIED, "
            f"but actual type is {drafts[0].kind}",
        )
    for draft in drafts:
        found.check(draft)
    error = call.spoil.entry() if call.spoil is not None else None
    if error is not None:
        entry = pb.SendResultEntry(status=refused(error))
    else:
        stored = [found.add(call.now, draft) for draft in drafts]
        entry = pb.SendResultEntry(
            status=status(),
            message_id=",".join(draft.id for draft in drafts),
            transaction_id=drafts[0].id,
            offset=stored[0].offset if stored[0] is not None else 0,
        )
        call.moved = len(stored)
        call.proxy.polls.wake(topic)
    return pb.SendMessageResponse(status=overall([entry.status.code]), entries=[entry])


def _draft(call: Call, message: pb.Message) -> Draft:
    system = message.system_properties
    _check_body(message.body)
    _check_properties(message)
    if not system.message_id.strip():
        raise ServiceError("ILLEGAL_MESSAGE_ID", "message id cannot be empty")
    deliver_at = None
    if system.HasField("delivery_timestamp"):
        deliver_at = times.milliseconds(system.delivery_timestamp)
        if deliver_at - call.now > bounds.LONGEST_DELAY:
            raise ServiceError(
                "ILLEGAL_DELIVERY_TIME",
                f"the max delay time of message is too large, max is {bounds.LONGEST_DELAY}",
            )
    return Draft(
        id=system.message_id,
        body=message.body,
        compressed=system.body_encoding == pb.Encoding.GZIP,
        tag=system.tag or None,
        keys=tuple(system.keys),
        properties=dict(message.user_properties),
        group=_message_group(system.message_group),
        deliver_at=deliver_at,
        born_at=times.milliseconds(system.born_timestamp) or call.now,
        born_host=system.born_host.strip() or call.who.peer,
        trace_context=system.trace_context or None,
        transactional=system.message_type == pb.MessageType.TRANSACTION,
    )


def _check_body(body: bytes) -> None:
    if not body:
        raise ServiceError("MESSAGE_BODY_EMPTY", "message body cannot be empty")
    if len(body) > bounds.LARGEST_BODY:
        raise ServiceError(
            "MESSAGE_BODY_TOO_LARGE", f"message body cannot exceed the max {bounds.LARGEST_BODY}"
        )


def _check_properties(message: pb.Message) -> None:
    system, own = message.system_properties, message.user_properties
    if len(own) > bounds.MOST_PROPERTIES:
        raise ServiceError(
            "MESSAGE_PROPERTIES_TOO_LARGE",
            f"too many user properties, max is {bounds.MOST_PROPERTIES}",
        )
    for name, value in own.items():
        if name in RESERVED:
            raise ServiceError(
                "ILLEGAL_MESSAGE_PROPERTY_KEY", f"property is used by system: {name}"
            )
        for what, text in (("key", name), ("value", value)):
            if _has_control(text):
                raise ServiceError(
                    "ILLEGAL_MESSAGE_PROPERTY_KEY",
                    f"the {what} of property cannot contain control character",
                )
    _check_tag(system.tag)
    for key in system.keys:
        if key and (not key.strip() or _has_control(key)):
            raise ServiceError("ILLEGAL_MESSAGE_KEY", "key is blank or has a control character")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in own.items())
    size += len(system.tag.encode()) + sum(len(key.encode()) for key in system.keys)
    if size > bounds.LARGEST_PROPERTIES:
        raise ServiceError(
            "MESSAGE_PROPERTIES_TOO_LARGE",
            f"the total size of user property is too large, max is {bounds.LARGEST_PROPERTIES}",
        )


def _check_tag(tag: str) -> None:
    if tag and not tag.strip():
        raise ServiceError("ILLEGAL_MESSAGE_TAG", "tag cannot be the char sequence of whitespace")
    if "|" in tag:
        raise ServiceError("ILLEGAL_MESSAGE_TAG", "tag cannot contain '|'")
    if _has_control(tag):
        raise ServiceError("ILLEGAL_MESSAGE_TAG", "tag cannot contain control character")


def _message_group(group: str) -> str | None:
    if not group:
        return None
    if not group.strip() or _has_control(group):
        raise ServiceError(
            "ILLEGAL_MESSAGE_GROUP", "message group is blank or has control character"
        )
    if len(group.encode()) >= bounds.LONGEST_GROUP:
        raise ServiceError(
            "ILLEGAL_MESSAGE_GROUP", f"message group exceed the max size {bounds.LONGEST_GROUP}"
        )
    return group


def _has_control(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(sign) == "Cc" for sign in text)


OPERATIONS: Final = {
    "SendMessage": Operation(
        pb.SendMessageRequest,
        pb.SendMessageResponse,
        send_message,
        lambda request: (request.messages[0].topic.name if request.messages else "", ""),
    ),
}
