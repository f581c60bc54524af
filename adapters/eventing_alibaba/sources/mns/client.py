"""The operations of MNS that are needed here, as calls that return values.

Nothing is retried and nothing is judged: a refusal is raised as it came (`errors.Refused`), and who
called decides what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_alibaba.sources.mns import reading, writing
from eventing_alibaba.sources.mns.errors import NO_MESSAGE, PARTIAL, VOID, Refused
from eventing_alibaba.sources.mns.exchange import Exchange, Reply

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from eventing_alibaba.sources.mns.writing import Outgoing

BATCH: Final = 16
"""Messages of a batch, at most."""
BATCH_BYTES: Final = 64 * 1024
"""Bytes of the bodies of a batch that is sent, at most."""
LONGEST_LEASE: Final = 43_200


@dataclass(slots=True, frozen=True)
class QueueAttributes:
    """What a queue is; numbers that the service does not tell are None.

    Attributes:
        name: of the queue.
        visibility: seconds for which a received message is invisible.
        active, inactive, delayed: messages that wait, are in somebody's hands, are not due yet.
        retention: seconds until a message is deleted.
        largest: bytes of a body.
        created: seconds since the epoch.
    """

    name: str
    visibility: int | None
    active: int | None
    inactive: int | None
    delayed: int | None
    retention: int | None
    largest: int | None
    created: int | None

    @property
    def backlog(self) -> int | None:
        """All that is not acknowledged; None where the service does not tell."""
        told = [n for n in (self.active, self.inactive, self.delayed) if n is not None]
        return sum(told) if told else None


@dataclass(slots=True, frozen=True)
class Sent:
    """What became of one message that was sent: an id, or the code of a refusal."""

    id: str | None
    code: str = ""
    text: str = ""


class MnsClient:
    """One endpoint; all names of queues and topics are those of its account."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    async def receive(self, queue: str, count: int, *, wait: int) -> Reply | None:
        """Receive up to `count` messages, waiting up to `wait` seconds; None = there were none."""
        query = [("numOfMessages", str(count)), ("waitseconds", str(wait))]
        try:
            return await self.exchange.ask("GET", _messages(queue), query, poll=float(wait))
        except Refused as error:
            if error.code == NO_MESSAGE:
                return None
            raise

    async def peek(self, queue: str, count: int = 1) -> Reply | None:
        """Look at up to `count` messages and leave them; None = there are none."""
        query = [("peekonly", "true"), ("numOfMessages", str(count))]
        try:
            return await self.exchange.ask("GET", _messages(queue), query)
        except Refused as error:
            if error.code == NO_MESSAGE:
                return None
            raise

    async def delete(self, queue: str, handles: Sequence[str]) -> dict[str, str]:
        """Delete up to 16 messages; return the codes of those that failed, by receipt handle."""
        try:
            await self.exchange.ask("DELETE", _messages(queue), body=writing.handles(handles))
        except Refused as error:
            if error.code == PARTIAL:
                return _failed(error.document, handles)
            if error.code in VOID:
                return dict.fromkeys(handles, error.code)
            raise
        return {}

    async def change_visibility(self, queue: str, handle: str, seconds: int) -> str:
        """Make a message visible in `seconds` from now (1 to 43200).

        Returns its new receipt handle; the old one is void.
        """
        query = [("receiptHandle", handle), ("visibilityTimeout", str(seconds))]
        reply = await self.exchange.ask("PUT", _messages(queue), query)
        found = _fields(reply)
        new = (reading.text(found, "ReceiptHandle") or "").strip()
        if not new:
            raise Refused(reply.status, "", "no new receipt handle was told", reply.request)
        return new

    async def send(self, queue: str, outgoing: Sequence[Outgoing]) -> list[Sent]:
        """Send up to 16 messages of 64 KiB in all; aligned. Raises ValueError: see `writing`."""
        body = writing.batch(outgoing)
        try:
            document = (await self.exchange.ask("POST", _messages(queue), body=body)).document
        except Refused as error:
            # Where only some failed, the status is a refusal's and the list is that of a success.
            if error.code != PARTIAL:
                raise
            document = error.document
        return _sent(document, len(outgoing))

    async def publish(self, topic: str, outgoing: Outgoing) -> str:
        """Publish one message to a topic; return its id."""
        reply = await self.exchange.ask(
            "POST", f"/topics/{topic}/messages", body=writing.single(outgoing)
        )
        return reading.text(_fields(reply), "MessageId") or ""

    async def attributes(self, queue: str) -> QueueAttributes:
        """Return what the queue is."""
        reply = await self.exchange.ask("GET", f"/queues/{queue}")
        found = _fields(reply)
        number = reading.number
        return QueueAttributes(
            name=reading.text(found, "QueueName") or queue,
            visibility=number(found, "VisibilityTimeout"),
            active=number(found, "ActiveMessages"),
            inactive=number(found, "InactiveMessages"),
            delayed=number(found, "DelayMessages"),
            retention=number(found, "MessageRetentionPeriod"),
            largest=number(found, "MaximumMessageSize"),
            created=number(found, "CreateTime"),
        )

    async def queues(self, prefix: str = "") -> list[str]:
        """Return the names of the account's queues that begin with `prefix`."""
        names: list[str] = []
        marker = ""
        while True:
            headers = {"x-mns-ret-number": "1000", "x-mns-prefix": prefix, "x-mns-marker": marker}
            reply = await self.exchange.ask(
                "GET", "/queues", headers=[item for item in headers.items() if item[1]]
            )
            top = _root(reply)
            found = reading.fields(top)
            for element in top:
                if reading.local(element.tag) == "Queue":
                    url = reading.text(reading.fields(element), "QueueURL") or ""
                    names.append(url.rpartition("/")[2])
            marker = (reading.text(found, "NextMarker") or "").strip()
            if not marker:
                return names

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        await self.exchange.close()


def _messages(queue: str) -> str:
    return f"/queues/{queue}/messages"


def _root(reply: Reply) -> Element:
    """Return the outermost element of an answer; one that is no XML is a refusal of no code."""
    try:
        return reading.root(reply.document)
    except reading.NotXml as error:
        raise Refused(reply.status, "", str(error), reply.request) from None


def _fields(reply: Reply) -> reading.Fields:
    return reading.fields(_root(reply))


def _failed(document: bytes, handles: Sequence[str]) -> dict[str, str]:
    """Return the codes by handle.

    What cannot be assigned to one of them casts doubt on all, and so does a refusal of none.
    """
    failed: dict[str, str] = {}
    known = set(handles)
    for element in reading.root(document):
        found = reading.fields(element)
        handle = (reading.text(found, "ReceiptHandle") or "").strip()
        code = (reading.text(found, "ErrorCode") or "").strip()
        if handle not in known:
            return {one: failed.get(one, "Unknown") for one in handles}
        failed[handle] = code or "Unknown"
    return failed or dict.fromkeys(handles, "Unknown")


def _sent(document: bytes, count: int) -> list[Sent]:
    """Return what became of each message. An answer that says too little is no success."""
    try:
        rows = reading.messages(document)
    except reading.NotXml:
        rows = []
    if len(rows) != count:
        return [Sent(None, "Unknown", "the service did not say what became of it")] * count
    sent = []
    for found in rows:
        identity = (reading.text(found, "MessageId") or "").strip()
        code = (reading.text(found, "ErrorCode") or "").strip()
        if identity and not code:
            sent.append(Sent(identity))
        else:
            sent.append(Sent(None, code or "Unknown", reading.text(found, "ErrorMessage") or ""))
    return sent
