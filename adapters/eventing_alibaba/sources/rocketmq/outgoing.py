"""Messages on their way to a topic: one producer, for sending, redriving and dead letters.

A producer tells its settings to the proxy as a consumer does, or sending is refused. It sends to
the queues of the topic in turn, a message group always to the same one, as the order within a group
needs. Of the broker's answer each message has a status of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.sources.rocketmq.connecting import (
    Way,
    elsewhere,
    names_of,
    producer,
    resource,
)
from eventing_alibaba.sources.rocketmq.diagnosis import Diagnosis
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.signing import HOST
from eventing_alibaba.sources.rocketmq.visit import Visit

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

_BATCH: Final = 32
_BATCH_BYTES: Final = 3 * 1024 * 1024
_LARGE: Final = frozenset(
    {pb.MESSAGE_BODY_TOO_LARGE, pb.PAYLOAD_TOO_LARGE, pb.MESSAGE_PROPERTIES_TOO_LARGE}
)
MESSAGE_REFUSED: Final = frozenset({"MessageRefused", "MessageTypeRefused"})
"""Reasons that are about a message alone: others may be sent."""

_IDS: Final = itertools.count()
_PREFIX: Final = secrets.token_hex(12).upper()


def new_id() -> str:
    """Return an id of a message; unlike any other."""
    return f"{_PREFIX}{next(_IDS):08X}"


@dataclass(slots=True, frozen=True)
class Draft:
    """A message to send.

    Attributes:
        body: at most 4 MiB.
        id: of the message; stable when it is sent again.
        tag, keys, properties: as RocketMQ has them.
        group: of an ordered message; None = the message is not ordered.
        packed: the body is gzip or zlib.
    """

    body: bytes
    id: str = field(default_factory=new_id)
    tag: str | None = None
    keys: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    packed: bool = False


class Producer:
    """Sends to one topic; used from one event loop, from `open` to `close`."""

    def __init__(
        self, spec: RocketMQSourceSpec, context: Context, topic: str, *, topic_field: str
    ) -> None:
        self._spec = spec
        self._context = context
        self._topic = topic
        self._names = elsewhere(names_of(spec), topic, topic_field)
        self._visit: Visit | None = None
        self._turn = 0

    async def open(self) -> None:
        """Find the topic. Raises SourceError, also where it is missing or cannot be written to."""
        way = Way(self._spec, self._context)
        self._visit = visit = Visit(
            way,
            producer(self._spec, way, self._topic),
            resource(self._spec, self._topic),
            Diagnosis(way, self._names).explain,
        )
        await visit.open()
        visit.queues = [
            queue for queue in visit.queues if queue.permission in (pb.WRITE, pb.READ_WRITE)
        ]
        if not visit.queues:
            raise Unavailable(f"the topic {self._topic} is not writable", reason="ReadOnly")

    @property
    def queues(self) -> int:
        """How many of the topic's queues are written to; known when it is open."""
        return 0 if self._visit is None else len(self._visit.queues)

    @property
    def ordered(self) -> bool:
        """The topic takes ordered messages and no others, as its route says."""
        queues = [] if self._visit is None else self._visit.queues
        kinds = {kind for queue in queues for kind in queue.accept_message_types}
        return kinds == {pb.FIFO}

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        if self._visit is not None:
            await self._visit.close()

    async def send(self, drafts: Sequence[Draft]) -> list[SourceError | None]:
        """Send; aligned, None = RocketMQ has it."""
        outcomes: list[SourceError | None] = [None] * len(drafts)

        async def one(batch: list[int]) -> None:
            told = await self._send([drafts[at] for at in batch])
            for at, outcome in zip(batch, told, strict=True):
                outcomes[at] = outcome

        ordered = any(draft.group is not None for draft in drafts)
        batches = _batches(drafts)
        if ordered:
            for batch in batches:
                await one(batch)
        else:
            await asyncio.gather(*map(one, batches))
        return outcomes

    async def _send(self, drafts: Sequence[Draft]) -> list[SourceError | None]:
        visit = self._visit
        assert visit is not None, "the producer is not open"
        queues = visit.queues
        self._turn += 1
        group = drafts[0].group
        at = self._turn if group is None else zlib.crc32(group.encode())
        queue = queues[at % len(queues)]
        request = pb.SendMessageRequest(messages=[self._message(draft, queue) for draft in drafts])
        try:
            answer = await visit.link_of(queue).send(request)
        except (Refused, Unreached) as error:
            return [await self._told(error)] * len(drafts)
        except SourceError as error:
            return [error] * len(drafts)
        if len(answer.entries) != len(drafts):
            refusal = Refused(answer.status.code, answer.status.message)
            ok = answer.status.code == pb.OK
            return [None if ok else await self._told(refusal)] * len(drafts)
        return [
            None
            if entry.status.code == pb.OK
            else await self._told(Refused(entry.status.code, entry.status.message))
            for entry in answer.entries
        ]

    def _message(self, draft: Draft, queue: pb.MessageQueue) -> pb.Message:
        message = pb.Message(
            topic=resource(self._spec, self._topic),
            user_properties=dict(draft.properties),
            body=draft.body,
        )
        system = message.system_properties
        system.message_id = draft.id
        system.message_type = pb.NORMAL if draft.group is None else pb.FIFO
        system.body_encoding = pb.GZIP if draft.packed else pb.IDENTITY
        system.body_digest.type = pb.CRC32
        system.body_digest.checksum = f"{zlib.crc32(draft.body):08X}"
        system.born_host = HOST
        system.born_timestamp.FromNanoseconds(time.time_ns())
        system.queue_id = queue.id
        if draft.tag is not None:
            system.tag = draft.tag
        system.keys.extend(draft.keys)
        if draft.group is not None:
            system.message_group = draft.group
        return message

    async def _told(self, error: Refused | Unreached) -> SourceError:
        if isinstance(error, Refused) and error.code in _LARGE:
            return Unavailable(
                f"the topic {self._topic} does not take a message: {error.text[:200]}; a body may"
                " have 4 MiB, its properties 16 KiB",
                reason="MessageRefused",
            )
        if isinstance(error, Refused) and error.code == pb.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE:
            return Unavailable(
                f"the topic {self._topic} takes messages of another type: ordered ones need a key,"
                " others must have none",
                reason="MessageTypeRefused",
            )
        assert self._visit is not None
        return await self._visit.explain(error)


def _batches(drafts: Sequence[Draft]) -> list[list[int]]:
    """Cut messages into batches by their positions: up to 32, up to 3 MiB, of one group each."""
    made: list[list[int]] = []
    size = 0
    for at, draft in enumerate(drafts):
        length = len(draft.body)
        last = drafts[made[-1][-1]] if made else None
        if (
            last is None
            or last.group != draft.group
            or len(made[-1]) == _BATCH
            or size + length > _BATCH_BYTES
        ):
            made.append([])
            size = 0
        made[-1].append(at)
        size += length
    return made
