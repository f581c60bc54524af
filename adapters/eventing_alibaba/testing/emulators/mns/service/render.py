"""XML out, in the service's order of elements.

Of a message, all but the handle, two times and the count is the same at each receipt, and is
written once: that is most of the cost of a receive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.message import Message, Property

_HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# The documentation ends it with a slash. The Java SDK is the one client that compares it, without,
# and would know no error code if the service did as documented.
_SPACE: Final = b' xmlns="http://mns.aliyuncs.com/doc/v1"'


def escape(text: str) -> str:
    """Return text for an element's content."""
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace("\r", "&#13;")  # else a parser would make a line feed of it
    return text


def document(root: str, content: bytes) -> bytes:
    """Return a whole document."""
    name = root.encode()
    return b"%s<%s%s>%s</%s>" % (_HEAD, name, _SPACE, content, name)


def elements(values: Mapping[str, object]) -> bytes:
    """Return one element per value; True and False as the service writes them."""
    return "".join(
        f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items()
    ).encode()


def error(failure: ServiceError, *, request_id: str, host: str) -> bytes:
    """Return the document of a refusal."""
    return document(
        "Error",
        elements(
            {
                "Code": failure.code,
                "Message": failure.message,
                "RequestId": request_id,
                "HostId": host,
            }
        ),
    )


def received(message: Message, handle: str, *, shift: int) -> bytes:
    """Return the content of a Message that was received; `shift` is added to its times, in ms."""
    middle, tail = message.rendered or _fixed(message, shift)
    return (
        b"<MessageId>%s</MessageId><ReceiptHandle>%s</ReceiptHandle>%s"
        b"<NextVisibleTime>%d</NextVisibleTime><FirstDequeueTime>%d</FirstDequeueTime>"
        b"<DequeueCount>%d</DequeueCount>%s"
        % (
            message.id.encode(),
            handle.encode(),
            middle,
            message.visible_at + shift,
            message.first_dequeued + shift,
            message.dequeues,
            tail,
        )
    )


def peeked(message: Message, *, shift: int) -> bytes:
    """Return the content of a Message that was only looked at."""
    middle, tail = message.rendered or _fixed(message, shift)
    first = message.first_dequeued + shift if message.dequeues else 0
    return (
        b"<MessageId>%s</MessageId>%s<FirstDequeueTime>%d</FirstDequeueTime>"
        b"<DequeueCount>%d</DequeueCount>%s"
        % (message.id.encode(), middle, first, message.dequeues, tail)
    )


def sent(message_id: str, md5: str, handle: str | None = None) -> bytes:
    """Return the content of a Message that was accepted."""
    values = {"MessageId": message_id, "MessageBodyMD5": md5}
    if handle is not None:
        values["ReceiptHandle"] = handle
    return elements(values)


def refused(failure: ServiceError) -> bytes:
    """Return the content of a Message, within a batch, that was not accepted."""
    return elements({"ErrorCode": failure.code, "ErrorMessage": failure.message})


def undeleted(failures: Iterable[tuple[str, ServiceError]]) -> bytes:
    """Return the document about the handles of a batch that were of no use."""
    listed = b"".join(
        b"<Error>%s</Error>"
        % elements(
            {"ErrorCode": failure.code, "ErrorMessage": failure.message, "ReceiptHandle": handle}
        )
        for handle, failure in failures
    )
    return document("Errors", listed)


def messages(contents: Iterable[bytes], *, batch: bool) -> bytes:
    """Return the document of one message, or of several."""
    if not batch:
        return document("Message", *contents)
    return document("Messages", b"".join(b"<Message>%s</Message>" % c for c in contents))


def _fixed(message: Message, shift: int) -> tuple[bytes, bytes]:
    draft = message.draft
    middle = (
        f"<MessageBodyMD5>{message.md5}</MessageBodyMD5>"
        f"<MessageBody>{escape(draft.body)}</MessageBody>"
        f"<EnqueueTime>{message.enqueued + shift}</EnqueueTime>"
    ).encode()
    tail = f"<Priority>{draft.priority}</Priority>"
    if draft.group is not None:
        tail += f"<MessageGroupId>{escape(draft.group)}</MessageGroupId>"
    tail += _properties("UserProperties", "PropertyValue", draft.user_properties)
    tail += _properties("SystemProperties", "SystemPropertyValue", draft.system_properties)
    message.rendered = middle, tail.encode()
    return message.rendered


def _properties(parent: str, child: str, properties: Iterable[Property]) -> str:
    listed = "".join(
        f"<{child}><Name>{escape(name)}</Name><Value>{escape(value)}</Value>"
        f"<Type>{kind}</Type></{child}>"
        for name, value, kind in properties
    )
    return f"<{parent}>{listed}</{parent}>" if listed else ""
