"""Messages out of a dead-letter queue back into the queue of the source.

Receive, send, delete, in this order and for one batch after the other: whatever happens in between,
a message is in at least one of the queues. Bodies go as they are in the queue, base64 or not, with
priority, message group and properties; of the system's properties only those of tracing, as those
that name the dead-letter queue's origin would be lies in a queue that is none.

Dead letters that the adapter has written itself (`delivery.deadLetterSink.mns`) are events. Each
goes back without the attributes that say why it was dead, and passes as the event that it is; where
the source sends bodies alone (`event.format: raw`), or where the message never was an event, its
data goes back as the body.

It ends when the queue says that nothing is left. What somebody else holds, or what this command
held when it was killed, comes again when its lease ends; that is waited for once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.deadletter import REASONS, UNDECODABLE
from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.contract.redrive import Progress, Unredrivable, Wish
from eventing_alibaba.contract.structured import read_structured
from eventing_alibaba.sources.mns import bodies, errors, reading
from eventing_alibaba.sources.mns.client import BATCH, MnsClient
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.sources.mns.deadletter import body_of
from eventing_alibaba.sources.mns.messages import properties
from eventing_alibaba.sources.mns.properties import TRACING
from eventing_alibaba.sources.mns.send import batches, text_of
from eventing_alibaba.sources.mns.writing import Outgoing, single
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.exchange import Reply
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

T = TypeVar("T")

_WAIT: Final = 3
"""Seconds of a poll: long enough to see what becomes visible, short enough to end soon."""
_MARGIN: Final = 5.0
_REASON: Final = REASONS[0]


@dataclass(slots=True)
class _Tally:
    moved: int = 0
    repeated: int = 0


async def redrive(
    spec: MnsSourceSpec, context: Context, wish: Wish
) -> AsyncGenerator[Progress, None]:
    """Move messages; see `contract.redrive`."""
    if wish.source == spec.queue:
        raise Unredrivable(
            f"{wish.source} is the queue of the source itself; name its dead-letter queue"
        )
    client = client_of(spec, context)
    try:
        async for progress in _Move(spec, client, wish).run():
            yield progress
    finally:
        await client.close()


class _Move:
    def __init__(self, spec: MnsSourceSpec, client: MnsClient, wish: Wish) -> None:
        self._spec = spec
        self._client = client
        self._wish = wish
        self._target = names_of(spec)
        self._origin = replace(self._target, queue=wish.source, field="--from")
        self._tally = _Tally()

    async def run(self) -> AsyncGenerator[Progress, None]:
        found = await self._asked(self._client.attributes(self._wish.source), self._origin)
        await self._asked(self._client.attributes(self._spec.queue), self._target)
        if self._wish.dry_run:
            there = found.active or 0
            most = self._wish.most
            moved = there if most is None else min(there, most)
            yield Progress(moved, (found.backlog or 0) - moved, found.inactive)
            return
        clock = self._client.exchange.clock
        patience = float(found.visibility or 30) + _MARGIN
        ends = clock.now() + patience
        while (room := self._room()) > 0:
            reply = await self._asked(
                self._client.receive(self._wish.source, min(BATCH, room), wait=_WAIT), self._origin
            )
            if reply is not None:
                ends = clock.now() + patience
                await self._move(self._rows(reply))
                yield Progress(self._tally.moved, repeated=self._tally.repeated)
                continue
            found = await self._asked(self._client.attributes(self._wish.source), self._origin)
            yield Progress(self._tally.moved, found.backlog, found.inactive, self._tally.repeated)
            held = found.inactive is None or found.inactive + (found.active or 0) > 0
            if not held or clock.now() >= ends:
                return
        found = await self._asked(self._client.attributes(self._wish.source), self._origin)
        yield Progress(self._tally.moved, found.backlog, found.inactive, self._tally.repeated)

    def _room(self) -> int:
        most = self._wish.most
        return BATCH if most is None else most - self._tally.moved - self._tally.repeated

    def _rows(self, reply: Reply) -> list[reading.Fields]:
        """Return messages that can be moved: complete ones, of an answer that can be read."""
        try:
            rows = reading.messages(reply.document)
        except reading.NotXml as error:
            raise Unavailable(
                f"the queue {self._wish.source} holds messages that cannot be moved: {error};"
                " deliver them with a source of their own, or delete them",
                reason="NotXml",
            ) from None
        return [row for row in rows if reading.text(row, "ReceiptHandle")]

    def _outgoing(self, row: reading.Fields) -> Outgoing:
        try:
            outgoing = _again(row, self._spec)
            single(outgoing)  # what XML cannot hold is found out before anything is sent
        except ValueError as error:
            raise Unavailable(
                f"the queue {self._wish.source} holds a message that cannot be moved"
                f" ({reading.text(row, 'MessageId')}): {error}; deliver it with a source of its"
                " own, or delete it",
                reason="Unsendable",
            ) from None
        return outgoing

    async def _move(self, rows: list[reading.Fields]) -> None:
        for batch in batches([self._outgoing(row) for row in rows]):
            mine, rows = rows[: len(batch)], rows[len(batch) :]
            sent = await self._asked(self._client.send(self._spec.queue, batch), self._target)
            handles = [
                row["ReceiptHandle"].text or ""
                for row, one in zip(mine, sent, strict=True)
                if one.id is not None
            ]
            if handles:
                failed = await self._asked(
                    self._client.delete(self._wish.source, handles), self._origin
                )
                self._tally.moved += len(handles) - len(failed)
                self._tally.repeated += len(failed)
            for one in sent:
                if one.id is None:
                    refused = errors.Refused(400, one.code, one.text)
                    raise errors.signal(refused, self._target)

    async def _asked(self, asking: Awaitable[T], names: errors.Names) -> T:
        try:
            return await asking
        except (errors.Refused, WireError) as error:
            raise errors.signal(error, names) from error


def _again(row: reading.Fields, spec: MnsSourceSpec) -> Outgoing:
    """Return a message as it is to be sent again."""
    user = properties(row["UserProperties"]) if "UserProperties" in row else ()
    system = properties(row["SystemProperties"]) if "SystemProperties" in row else ()
    body = reading.text(row, "MessageBody") or ""
    group = reading.text(row, "MessageGroupId") or None
    event = _buried(body, spec.body_encoding)
    if event is not None:
        written = event.extensions.get("mnsgroup")
        group = group or (written if isinstance(written, str) else None)
        body = _unburied(event, spec)
    return Outgoing(
        body,
        priority=reading.number(row, "Priority"),
        group=group,
        user=user,
        system=[one for one in system if one.name in TRACING],
    )


def _buried(body: str, encoding: str) -> Event | None:
    """Return the event that the adapter has written as a dead letter; None for any other message.

    What is not as the source reads it is another's, and goes back as it is.
    """
    try:
        document = bodies.ENCODINGS[encoding](body.encode())
    except ValueError:
        return None
    event = read_structured(document) if _REASON.encode() in document else None
    return event if event is not None and _REASON in event.extensions else None


def _unburied(event: Event, spec: MnsSourceSpec) -> str:
    if event.type == UNDECODABLE:
        return (event.data or b"").decode(errors="replace")  # the text of a body, whatever it was
    if spec.event.format == "raw":
        return text_of(event.data or b"", spec.body_encoding)
    kept = {name: value for name, value in event.extensions.items() if name not in REASONS}
    return body_of(replace(event, extensions=kept), spec.body_encoding)
