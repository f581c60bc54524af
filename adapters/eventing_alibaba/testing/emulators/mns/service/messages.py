"""Operations on the messages of a queue."""

from __future__ import annotations

from typing import Final

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError, out_of_range
from eventing_alibaba.testing.emulators.mns.core.message import Draft, Message
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.core.settings import LONGEST_POLL
from eventing_alibaba.testing.emulators.mns.service import render
from eventing_alibaba.testing.emulators.mns.service.call import Answer, Call, Operation, Poll
from eventing_alibaba.testing.emulators.mns.service.documents import draft, local, number, parse

MOST: Final = 16
"""How many messages a batch may have."""

LARGEST: Final = 65_536
"""Bytes that the bodies of a batch may have together."""


def send(call: Call) -> Answer:
    """SendMessage."""
    queue = call.queue()
    root = parse(call.request.body, "Message")
    message = _put(call, queue, draft(root, longest=queue.settings.maximum_message_size))
    return Answer(201, render.messages([_sent(queue, message)], batch=False))


def send_batch(call: Call) -> Answer:
    """BatchSendMessage: each message by itself, so some may be refused."""
    queue = call.queue()
    found = list(parse(call.request.body, "Messages"))
    if not 1 <= len(found) <= MOST:
        raise out_of_range("Messages", 1, MOST, "messages")
    drafts: list[Draft | ServiceError] = []
    for element in found:
        try:
            call.check_item()
            drafts.append(draft(element, longest=queue.settings.maximum_message_size))
        except ServiceError as failure:
            drafts.append(failure)
    size = sum(len(d.body.encode()) for d in drafts if isinstance(d, Draft))
    if size > LARGEST:
        raise out_of_range("Messages", 1, LARGEST, "bytes")
    contents, status, code = [], 201, ""
    for item in drafts:
        try:
            if isinstance(item, ServiceError):
                raise item
            contents.append(_sent(queue, _put(call, queue, item)))
        except ServiceError as failure:
            contents.append(render.refused(failure))
            status, code = max(status, failure.status), code or failure.code
    return Answer(status, render.messages(contents, batch=True), code=code)


def receive(call: Call) -> Answer | Poll:
    """ReceiveMessage."""
    return _receive(call, 1, batch=False)


def receive_batch(call: Call) -> Answer | Poll:
    """BatchReceiveMessage."""
    return _receive(call, call.number("numOfMessages", 1, MOST, MOST), batch=True)


def peek(call: Call) -> Answer:
    """PeekMessage."""
    return _peek(call, 1, batch=False)


def peek_batch(call: Call) -> Answer:
    """BatchPeekMessage."""
    return _peek(call, call.number("numOfMessages", 1, MOST, MOST), batch=True)


def delete(call: Call) -> Answer:
    """DeleteMessage."""
    call.queue().delete(call.now, _handle(call))
    call.moved = 1
    return Answer(204)


def delete_batch(call: Call) -> Answer:
    """BatchDeleteMessage: the answer lists the handles that were of no use, and only them."""
    queue = call.queue()
    root = parse(call.request.body, "ReceiptHandles")
    handles = [(child.text or "").strip() for child in root if local(child) == "ReceiptHandle"]
    if not 1 <= len(handles) <= MOST:
        raise out_of_range("ReceiptHandles", 1, MOST, "receipt handles")
    failures = []
    for handle in handles:
        try:
            call.check_item()
            queue.delete(call.now, handle)
            call.moved += 1
        except ServiceError as failure:
            failures.append((handle, failure))
    if failures:
        return Answer(404, render.undeleted(failures), code=failures[0][1].code)
    return Answer(204)


def change_visibility(call: Call) -> Answer:
    """ChangeMessageVisibility."""
    queue = call.queue()
    handle = _handle(call)
    text = call.route.query.get("visibilitytimeout")
    if not text:
        raise ServiceError("MissingVisibilityTimeout")
    seconds = number("VisibilityTimeout", text)
    message = queue.change_visibility(call.now, handle, seconds)
    shown = message.visible_at + call.shift
    values = {"ReceiptHandle": queue.handle(message), "NextVisibleTime": shown}
    # The others who wait may have to be woken earlier than they know.
    call.arrived.append(queue)
    return Answer(200, render.document("ChangeVisibility", render.elements(values)))


def found(call_shift: int, poll: Poll, messages: list[Message]) -> Answer:
    """Return the answer with messages that a receive got."""
    contents = [render.received(m, poll.queue.handle(m), shift=call_shift) for m in messages]
    return Answer(200, render.messages(contents, batch=poll.batch))


OPERATIONS: Final[dict[str, Operation]] = {
    "SendMessage": send,
    "BatchSendMessage": send_batch,
    "ReceiveMessage": receive,
    "BatchReceiveMessage": receive_batch,
    "PeekMessage": peek,
    "BatchPeekMessage": peek_batch,
    "DeleteMessage": delete,
    "BatchDeleteMessage": delete_batch,
    "ChangeMessageVisibility": change_visibility,
}


def _put(call: Call, queue: Queue, wanted: Draft) -> Message:
    if queue.fifo and wanted.group is None:
        raise ServiceError("InvalidArgument", "MessageGroupId is required for a FIFO queue.")
    message = call.account.send(call.now, queue, wanted)
    call.moved += 1
    if not call.arrived:
        call.arrived.append(queue)
    return message


def _sent(queue: Queue, message: Message) -> bytes:
    handle = queue.handle(message) if message.receipt else None
    return render.sent(message.id, message.md5, handle)


def _receive(call: Call, limit: int, *, batch: bool) -> Answer | Poll:
    queue = call.queue()
    seconds = call.number("waitseconds", 0, LONGEST_POLL, queue.settings.polling_wait_seconds)
    call.account.settle(call.now, queue)
    poll = Poll(queue, limit, batch, seconds)
    messages = queue.receive(call.now, limit)
    if messages:
        call.moved = len(messages)
        if queue.dead_letter is not None:  # who waits there has to know when they may come
            call.arrived.append(queue)
        return found(call.shift, poll, messages)
    if not seconds:
        raise ServiceError("MessageNotExist")
    return poll


def _peek(call: Call, limit: int, *, batch: bool) -> Answer:
    queue = call.queue()
    call.account.settle(call.now, queue)
    messages = queue.peek(call.now, limit)
    if not messages:
        raise ServiceError("MessageNotExist")
    contents = [render.peeked(message, shift=call.shift) for message in messages]
    return Answer(200, render.messages(contents, batch=batch))


def _handle(call: Call) -> str:
    handle = call.route.query.get("receipthandle")
    if not handle:
        raise ServiceError("MissingReceiptHandle")
    return handle
