"""Messages out of a dead-letter topic back into the topic of the source.

RocketMQ puts what a group could not handle into the topic `%DLQ%<group>`, with id, tag, keys and
properties as they were. Receive, send, acknowledge, in this order and for one batch after the
other: whatever happens in between, a message is in at least one of the topics. Bodies go as they
are stored, packed or not; the id stays, and with it the event's.

Dead letters that the adapter has written itself (`delivery.deadLetterSink.rocketmq`) are events.
Each goes back without the attributes that say why it was dead; see `deadletter`.

Progress is kept by RocketMQ as that of the source's own group in the dead-letter topic. How many
messages are there is not told by this interface; so it ends when none has come for as long as one
that this command held when it was killed is invisible.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.redrive import Progress, Unredrivable, Wish
from eventing_alibaba.sources.rocketmq.asking import SHORTEST, ask
from eventing_alibaba.sources.rocketmq.connecting import (
    Way,
    consumer,
    duration,
    elsewhere,
    names_of,
    resource,
)
from eventing_alibaba.sources.rocketmq.deadletter import is_buried, unburied
from eventing_alibaba.sources.rocketmq.diagnosis import Diagnosis
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.outgoing import Draft, Producer
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.visit import Visit

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

T = TypeVar("T")

_BATCH: Final = 32
_INVISIBLE: Final = 20.0
"""Seconds that a batch is held: sending has a deadline of ten."""
_MARGIN: Final = 5.0


@dataclass(slots=True)
class _Tally:
    moved: int = 0
    repeated: int = 0


async def redrive(
    spec: RocketMQSourceSpec, context: Context, wish: Wish
) -> AsyncGenerator[Progress, None]:
    """Move messages; see `contract.redrive`."""
    if wish.source == spec.topic:
        raise Unredrivable(
            f"{wish.source} is the topic of the source itself; name its dead-letter topic,"
            f" %DLQ%{spec.consumer_group}"
        )
    if wish.dry_run:
        raise Unredrivable(
            "RocketMQ's gRPC interface does not tell how many messages a topic has; leave --dry-run"
            " out"
        )
    move = _Move(spec, context, wish)
    try:
        async for progress in move.run():
            yield progress
    finally:
        await move.close()


class _Move:
    def __init__(self, spec: RocketMQSourceSpec, context: Context, wish: Wish) -> None:
        way = Way(spec, context)
        self._wish = wish
        self._raw = spec.event.format == "raw"
        self._now = context.now
        self._topic = resource(spec, wish.source)
        self._group = resource(spec, spec.consumer_group)
        self._visit = Visit(
            way,
            consumer(spec, way, wish.source, spec.consumer_group),
            self._topic,
            Diagnosis(way, elsewhere(names_of(spec), wish.source, "--from")).explain,
        )
        self._producer = Producer(spec, context, spec.topic, topic_field="spec.topic")
        self._tally = _Tally()

    async def close(self) -> None:
        await self._visit.close()
        await self._producer.close()

    async def run(self) -> AsyncGenerator[Progress, None]:
        await self._visit.open()
        await self._producer.open()
        brokers: dict[str, pb.MessageQueue] = {}
        for queue in self._visit.queues:
            brokers.setdefault(queue.broker.name, queue)
        ends = self._now() + _INVISIBLE + _MARGIN
        while self._room() > 0:
            came = False
            for queue in brokers.values():
                if (room := self._room()) < 1:
                    break
                rows = await self._asked(
                    ask(self._visit.link_of(queue), self._request(queue, min(_BATCH, room)))
                )
                if rows:
                    came = True
                    await self._move(rows, queue)
            yield self._progress()
            if came:
                ends = self._now() + _INVISIBLE + _MARGIN
            elif self._now() >= ends:
                return

    def _progress(self) -> Progress:
        return Progress(self._tally.moved, repeated=self._tally.repeated)

    def _room(self) -> int:
        most = self._wish.most
        return _BATCH if most is None else most - self._tally.moved - self._tally.repeated

    def _request(self, queue: pb.MessageQueue, count: int) -> pb.ReceiveMessageRequest:
        return pb.ReceiveMessageRequest(
            group=self._group,
            message_queue=queue,
            filter_expression=pb.FilterExpression(type=pb.TAG, expression="*"),
            batch_size=count,
            invisible_duration=duration(_INVISIBLE),
            long_polling_timeout=duration(SHORTEST),
        )

    async def _move(self, rows: Sequence[pb.Message], queue: pb.MessageQueue) -> None:
        outcomes = await self._producer.send([self._again(row) for row in rows])
        sent = [
            row.system_properties for row, one in zip(rows, outcomes, strict=True) if one is None
        ]
        if sent:
            request = pb.AckMessageRequest(group=self._group, topic=self._topic)
            for system in sent:
                request.entries.add(
                    message_id=system.message_id, receipt_handle=system.receipt_handle
                )
            answer = await self._asked(self._visit.link_of(queue).ack(request))
            failed = sum(entry.status.code != pb.OK for entry in answer.entries)
            if not answer.entries and answer.status.code != pb.OK:
                failed = len(sent)
            self._tally.moved += len(sent) - failed
            self._tally.repeated += failed
        for one in outcomes:
            if one is not None:
                raise one

    def _again(self, row: pb.Message) -> Draft:
        draft = _as_it_was(row)
        if is_buried(draft):
            draft = unburied(draft, raw=self._raw)
            if not self._producer.ordered:
                draft = replace(draft, group=None)
        return draft

    async def _asked(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except (Refused, Unreached) as error:
            raise await self._visit.explain(error) from error


def _as_it_was(row: pb.Message) -> Draft:
    """Return a message as it is to be sent again."""
    system = row.system_properties
    return Draft(
        row.body,
        id=system.message_id,
        tag=system.tag or None,
        keys=tuple(system.keys),
        properties=dict(row.user_properties),
        group=system.message_group or None,
        packed=system.body_encoding == pb.GZIP,
    )
