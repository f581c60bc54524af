"""What a poll brought becomes messages of the contract. Runs for every message.

Everything that is wanted of protobuf's message is taken out at once and the message let go: a part
of one keeps the whole of it in memory, and its body a second time.

In a group of ordered messages lane and track are the queue, because RocketMQ locks whole queues,
whatever message groups are in them, and an acknowledgement behind one that is missing is void.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq.bodies import damage, unpack
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.link import Link


class Receipt:
    """What is needed to settle a message; shared by all that `extend` makes of it.

    Attributes:
        handle: the newest receipt handle; empty once the message was given back. Written where an
            answer brings a new one, so that no cancellation can part a message from it.
        link: where it came from.
        message: its id as RocketMQ has it.
        tag, keys, group: of the message, the last one its message group.
        trace: its trace context.
        queue, offset: where it is stored.
        host: who sent it.
        attempt: how often it was delivered; 0 = not told.
        kept: how often its lease was prolonged while it waited for the flow.
        busy: that is being done right now, so the flow must not get it.
    """

    __slots__ = (
        "attempt",
        "busy",
        "group",
        "handle",
        "host",
        "kept",
        "keys",
        "link",
        "message",
        "offset",
        "queue",
        "tag",
        "trace",
    )

    def __init__(self, handle: str, link: Link) -> None:
        self.handle = handle
        self.link = link
        self.message = ""
        self.tag = ""
        self.keys: tuple[str, ...] = ()
        self.group = ""
        self.trace = ""
        self.queue = 0
        self.offset = 0
        self.host = ""
        self.attempt = 0
        self.kept = 0
        self.busy = False

    def __repr__(self) -> str:
        return f"<Receipt {self.message} {self.handle or 'given back'}>"


def read(
    row: pb.Message, origin: str, broker: str, link: Link, lease: float, *, fifo: bool
) -> Message:
    """Return the message of the contract; what cannot be decoded has a `defect`."""
    system = row.system_properties
    handle = system.receipt_handle
    receipt = Receipt(handle, link)
    identity = receipt.message = system.message_id
    receipt.tag = system.tag
    receipt.queue = queue = system.queue_id
    receipt.offset = system.queue_offset
    receipt.host = system.born_host
    attempt = receipt.attempt = system.delivery_attempt
    if system.keys:
        receipt.keys = tuple(system.keys)
    if system.message_group:
        receipt.group = system.message_group
    if system.trace_context:
        receipt.trace = system.trace_context
    properties = row.user_properties
    body = row.body
    defect = None
    digest = system.body_digest
    if checksum := digest.checksum:
        defect = damage(body, digest.type, checksum)
    if system.body_encoding == pb.GZIP and defect is None:
        try:
            body = unpack(body)
        except ValueError as error:
            defect = str(error)
    if not identity:
        identity, defect = f"{broker}/{queue}/{receipt.offset}", "it has no message id"
    born = system.born_timestamp
    seconds = born.seconds
    place: Hashable | None = (broker, queue) if fifo else None
    return Message(
        identity,
        body,
        tuple(properties.items()) if properties else (),
        origin,
        seconds + born.nanos / 1e9 if seconds else None,
        receipt.keys[0].encode() if receipt.keys else None,
        place,
        place,
        attempt or None,
        lease,
        defect,
        receipt,
    )


def receipt_of(message: Message) -> Receipt:
    """Return the receipt of a message of ours."""
    receipt: Any = message.receipt
    found: Receipt = receipt
    return found
