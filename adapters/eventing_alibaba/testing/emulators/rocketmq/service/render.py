"""Messages and answers as protobuf: what the core has, in the words of the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.errors import NAMES, ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.message import Kind
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Popped
from eventing_alibaba.testing.emulators.rocketmq.service import times

KINDS: Final[dict[Kind, pb.MessageType]] = {
    "NORMAL": pb.MessageType.NORMAL,
    "FIFO": pb.MessageType.FIFO,
    "DELAY": pb.MessageType.DELAY,
    "TRANSACTION": pb.MessageType.TRANSACTION,
}

OK: Final = 20000
MULTIPLE_RESULTS: Final = 30000


def status(code: int = OK, message: str | None = None) -> pb.Status:
    """Return a status; its message is the code's name unless another is given."""
    text = NAMES.get(code, str(code)) if message is None else message
    # Numbers that our subset of the definitions has no name for are as good on the wire.
    return pb.Status(code=code, message=text)  # type: ignore[arg-type]


def refused(error: ServiceError) -> pb.Status:
    """Return the status of a refusal."""
    return status(error.code, error.message)


def overall(codes: Iterable[int]) -> pb.Status:
    """Return what is said of several results: their code where they agree."""
    found = set(codes)
    return status(found.pop() if len(found) == 1 else MULTIPLE_RESULTS)


def delivery(popped: Popped, *, namespace: str, wrong_digest: bool) -> bytes:
    """Return a received message, as one part of the answer's stream."""
    message, draft = popped.message, popped.message.draft
    digest = hashlib.md5(draft.body, usedforsecurity=False).hexdigest().upper()
    if wrong_digest:
        digest = digest[::-1]
    response = pb.ReceiveMessageResponse()
    out = response.message
    out.topic.name = message.topic
    if namespace:
        out.topic.resource_namespace = namespace
    out.body = draft.body
    out.user_properties.update(draft.properties)
    system = out.system_properties
    if draft.tag is not None:
        system.tag = draft.tag
    system.keys.extend(draft.keys)
    system.message_id = draft.id
    system.body_digest.type = pb.DigestType.MD5
    system.body_digest.checksum = digest
    system.body_encoding = pb.Encoding.GZIP if draft.compressed else pb.Encoding.IDENTITY
    system.message_type = KINDS[draft.kind]
    system.born_timestamp.CopyFrom(times.timestamp(draft.born_at))
    system.born_host = draft.born_host
    system.store_timestamp.CopyFrom(times.timestamp(message.stored_at))
    system.store_host = "127.0.0.1:10911"
    if draft.deliver_at is not None:
        system.delivery_timestamp.CopyFrom(times.timestamp(draft.deliver_at))
    system.receipt_handle = popped.receipt.write()
    system.queue_id = message.queue
    system.queue_offset = message.offset
    system.delivery_attempt = popped.attempt
    if draft.group is not None:
        system.message_group = draft.group
    if draft.trace_context is not None:
        system.trace_context = draft.trace_context
        out.user_properties["TRACE_CONTEXT"] = draft.trace_context  # the broker's slip, not ours
    return response.SerializeToString()
