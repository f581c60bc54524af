"""An answer to a poll becomes messages of the contract.

One message that is not what it should be never costs the others: what cannot be decoded becomes a
message with a `defect`, which goes the dead-letter road with its raw bytes. Only one without a
receipt handle is left out, as nothing could be done with it; it is counted and comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final
from xml.etree.ElementTree import Element

from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.mns import reading
from eventing_alibaba.sources.mns.bodies import ENCODINGS
from eventing_alibaba.sources.mns.exchange import Reply
from eventing_alibaba.sources.mns.notifications import unwrap
from eventing_alibaba.sources.mns.scanning import Row, scan
from eventing_alibaba.sources.mns.serverclock import ServerClock
from eventing_alibaba.sources.mns.writing import Property

log: Final = logging.getLogger(__name__)

_NONE: Final[tuple[Property, ...]] = ()
_LONGEST: Final = 43_200.0


class Receipt:
    """What is needed to settle a message; shared by all that `extend` makes of it.

    Attributes:
        handle: the newest receipt handle. Written where an answer brings a new one, so that no
            cancellation can part a message from it.
        priority: 1 to 16; None where it is not told.
        group: of a FIFO queue.
        user, system: properties with their types.
        request: the service's id of the poll.
    """

    __slots__ = ("group", "handle", "priority", "request", "system", "user")

    def __init__(self, handle: str) -> None:
        self.handle = handle
        self.priority: int | None = None
        self.group: str | None = None
        self.user = _NONE
        self.system = _NONE
        self.request = ""

    def __repr__(self) -> str:
        return f"<Receipt {self.handle}>"


class MessageReader:
    """Reads the messages of one queue; `wrapped` = some may be notifications of a topic.

    Attributes:
        visibility: seconds that a lease has where the message does not tell its end.
    """

    def __init__(
        self,
        queue: str,
        encoding: str,
        clock: ServerClock,
        *,
        wrapped: bool = True,
        count: Callable[[str, int], None] = lambda _name, _amount: None,
    ) -> None:
        self.visibility = 30.0
        self._queue = queue
        self._wrapped = wrapped
        self._decode = ENCODINGS[encoding]
        self._clock = clock
        self._count = count

    def read(self, reply: Reply) -> list[Message]:
        """Return the messages of an answer, in order. Raises NotXml where it has none to read."""
        usual = scan(reply.document)
        if usual is not None:
            return [self._usual(row, reply) for row in usual]
        try:
            rows = reading.messages(reply.document)
        except reading.NotXml:
            return self._salvaged(reply)
        found = []
        for row in rows:
            message = self._message(row, reply)
            if message is not None:
                found.append(message)
        return found

    def _usual(self, row: Row, reply: Reply) -> Message:
        identity, handle, written, enqueued, visible, dequeues, priority = row
        receipt = Receipt(handle.decode())
        receipt.request = reply.request
        receipt.priority = int(priority)
        body, defect = self._body(written)
        return Message(
            identity.decode(),
            body,
            (),
            self._queue,
            int(enqueued) / 1000,
            None,
            None,
            None,
            int(dequeues),
            self._lease(int(visible), reply.received),
            defect,
            receipt,
        )

    def _body(self, written: bytes) -> tuple[bytes, str | None]:
        """Return the body that a producer wrote, and what is wrong with it."""
        try:
            return self._decode(written), None
        except ValueError as error:
            # A notification stays as the topic wrote it, whatever the queue's bodies are.
            wrapped = self._wrapped and unwrap(written) is not None
            return written, None if wrapped else str(error)

    def _message(self, row: reading.Fields, reply: Reply) -> Message | None:
        text, number = reading.text, reading.number
        handle = text(row, "ReceiptHandle")
        if not handle:
            self._without_receipt()
            return None
        receipt = Receipt(handle)
        receipt.request = reply.request
        receipt.priority = number(row, "Priority")
        attributes: tuple[tuple[str, str], ...] = ()
        group = None
        if "MessageGroupId" in row:
            group = receipt.group = text(row, "MessageGroupId") or None
        if "UserProperties" in row:
            receipt.user = properties(row["UserProperties"])
            attributes = tuple([(one.name, one.value) for one in receipt.user])
        if "SystemProperties" in row:
            receipt.system = properties(row["SystemProperties"])
            attributes += tuple([(one.name, one.value) for one in receipt.system])
        defect = None
        identity = text(row, "MessageId")
        if not identity:
            identity, defect = f"handle:{handle}", "it has no MessageId"
        written = text(row, "MessageBody")
        body = b""
        if written is None:
            defect = defect or "it has no MessageBody"
        else:
            body, wrong = self._body(written.encode())
            defect = defect or wrong
        enqueued = number(row, "EnqueueTime")
        return Message(
            identity,
            body,
            attributes,
            self._queue,
            None if enqueued is None else enqueued / 1000,
            None,
            None,
            group,
            number(row, "DequeueCount"),
            self._lease(number(row, "NextVisibleTime"), reply.received),
            defect,
            receipt,
        )

    def _lease(self, visible: int | None, received: float) -> float:
        """Return when the lease ends, on the clock of leases."""
        if visible is not None:
            end = self._clock.here(visible / 1000)
            if end is not None and end - received <= _LONGEST:
                return end
        return received + self.visibility - 1.0

    def _salvaged(self, reply: Reply) -> list[Message]:
        """Read the messages of an answer that is no XML one by one."""
        found = []
        for piece in reading.pieces(reply.document):
            try:
                message = self._message(reading.piece(piece), reply)
            except reading.NotXml:
                message = self._broken(piece, reply)
            if message is not None:
                found.append(message)
        if not found:
            raise reading.NotXml("the answer to a poll is no XML and holds no message")
        return found

    def _broken(self, piece: bytes, reply: Reply) -> Message | None:
        handle = reading.raw(piece, "ReceiptHandle")
        if not handle:
            self._without_receipt()
            return None
        identity = reading.raw(piece, "MessageId") or b"handle:" + handle
        receipt = Receipt(handle.decode("ascii", "replace"))
        receipt.request = reply.request
        return Message(
            identity.decode("ascii", "replace"),
            reading.raw(piece, "MessageBody") or b"",
            (),
            self._queue,
            lease=reply.received + self.visibility - 1.0,
            defect="it is no well-formed XML, for its body or properties hold what XML cannot",
            receipt=receipt,
        )

    def _without_receipt(self) -> None:
        self._count("malformed_messages", 1)
        log.warning("a message without a receipt handle was left out; it comes again")


def properties(element: Iterable[Element]) -> tuple[Property, ...]:
    """Return the properties of a message; one without a name is left out."""
    found = []
    for child in element:
        row = reading.fields(child)
        name = reading.text(row, "Name")
        if name:
            value = reading.text(row, "Value") or ""
            found.append(Property(name, value, reading.text(row, "Type") or "STRING"))
    return tuple(found)
