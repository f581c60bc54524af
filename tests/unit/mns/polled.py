"""Answers to polls, made by hand, and what reads them."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from eventing_alibaba.contract.message import Message
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.contract.validation import read
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.sources.mns.exchange import Reply
from eventing_alibaba.sources.mns.messages import MessageReader
from eventing_alibaba.sources.mns.serverclock import ServerClock
from eventing_alibaba.sources.mns.spec import MnsSourceSpec
from eventing_alibaba.sources.mns.writing import escape

ENDPOINT = "https://1234567890123456.mns.cn-hangzhou.aliyuncs.com"
ENQUEUED = 1_750_000_000_123
POLLED = 1_750_000_010
"""When the answers came by the service's clock, in seconds; all clocks here stand still."""
NOW = 1000.0
"""The same moment on the clock of leases."""


def spec(**fields: Any) -> MnsSourceSpec:
    """Return a validated spec of the queue `orders`."""
    return read(MnsSourceSpec, {"endpoint": ENDPOINT, "queue": "orders", **fields})


def context(of: MnsSourceSpec, **environ: str) -> Context:
    """Return what a source of this spec is built with."""
    return Context(
        kind="MnsSource",
        namespace="shop",
        name="orders",
        credentials=SecretResolver(environ=environ),
        event=of.event,
        flow=of.flow,
    )


def element(body: str | None, *, leave: str = "", extra: str = "", number: int = 1) -> str:
    """Return a message as the service writes it, without the element `leave`, plus `extra`."""
    fields = {
        "MessageId": f"5F290C926D472878-2-14D9529A8FA-20000000{number}",
        "ReceiptHandle": f"1-handle-{number}",
        "MessageBodyMD5": "C5DD56A39F5F7BB8B3337C6D11B6D8C7",
        "MessageBody": None if body is None else escape(body),
        "EnqueueTime": str(ENQUEUED),
        "NextVisibleTime": str((POLLED + 30) * 1000),
        "FirstDequeueTime": str(ENQUEUED + 1000),
        "DequeueCount": "2",
        "Priority": "8",
    }
    rows = "".join(
        f"<{name}>{text}</{name}>"
        for name, text in fields.items()
        if text is not None and name != leave
    )
    return f"<Message>{rows}{extra}</Message>"


def answer(*elements: str | bytes, document: bytes | None = None) -> Reply:
    """Return the answer to a poll that holds these messages."""
    if document is None:
        inner = b"".join(one.encode() if isinstance(one, str) else one for one in elements)
        document = b'<?xml version="1.0"?><Messages xmlns="http://mns.aliyuncs.com/doc/v1/">'
        document += inner + b"</Messages>"
    return Reply(200, document, "5F290C926D472878", NOW, NOW)


def received(reply: Reply, *, encoding: str = "auto", wrapped: bool = True) -> list[Message]:
    """Return the messages of an answer; the service's clock is known and right."""
    clock = ServerClock(now=lambda: NOW, wall=lambda: POLLED)
    clock.learn(formatdate(POLLED, usegmt=True).encode(), sent=NOW, received=NOW)
    return MessageReader("orders", encoding, clock, wrapped=wrapped).read(reply)


def one(body: str, *, extra: str = "", encoding: str = "auto") -> Message:
    """Return a message with this body."""
    return received(answer(element(body, extra=extra)), encoding=encoding)[0]
