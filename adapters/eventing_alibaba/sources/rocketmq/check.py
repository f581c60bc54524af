"""What `eventing-alibaba check` asks of RocketMQ: proxy, login, topic, group, filter, rights.

Nothing is received. The group and the filter show only when messages are asked for; so none are
asked for: a poll for *zero* messages goes through all that a broker looks at first, and takes
nothing. It is waited for a moment only, since a poll that is accepted has nothing to say. Should
somebody give messages all the same, they are given back at once.

That a message may be acknowledged is asked with a receipt handle that belongs to nothing: rights
are looked at before handles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.check import Step
from eventing_alibaba.sources.rocketmq.asking import SHORTEST, ask
from eventing_alibaba.sources.rocketmq.connecting import (
    Way,
    consumer,
    duration,
    expression,
    names_of,
    resource,
)
from eventing_alibaba.sources.rocketmq.deadletter import FIELD
from eventing_alibaba.sources.rocketmq.diagnosis import Diagnosis
from eventing_alibaba.sources.rocketmq.errors import KEYS, Refused, Unreached
from eventing_alibaba.sources.rocketmq.outgoing import Producer
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.visit import Visit

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

T = TypeVar("T")

_ACCEPTED: Final = 1.5
"""Seconds after which a poll that was not refused counts as accepted."""
_NOTHING: Final = "0 0 10000 0 0 nothing 0 0 0"
"""A receipt handle of no message, with the fields that proxies read."""


async def check(spec: RocketMQSourceSpec, context: Context) -> AsyncGenerator[Step, None]:
    """Yield what to ask; see `contract.check`."""
    inquiry = Inquiry(spec, context)
    try:
        yield Step("login", inquiry.login)
        if inquiry.visit is None:
            return
        yield Step(f"topic {spec.topic} at {spec.endpoints}", inquiry.topic)
        if not inquiry.visit.queues:
            return
        yield Step(f"consumer group {spec.consumer_group}", inquiry.group)
        if not inquiry.greeted:
            return
        yield Step(f"filter {spec.filter.expression}", inquiry.polling)
        yield Step("right to acknowledge", inquiry.settling)
        wanted = spec.delivery.dead_letter_sink
        if wanted is not None and wanted.rocketmq is not None:
            yield Step(f"dead-letter topic {wanted.rocketmq.topic}", inquiry.dead_letters)
    finally:
        await inquiry.close()


class Inquiry:
    """The questions, and what their answers have in common. Each raises SourceError.

    Attributes:
        visit: the way to the brokers, once there is a login.
        greeted: the proxies know us.
    """

    def __init__(self, spec: RocketMQSourceSpec, context: Context) -> None:
        self.visit: Visit | None = None
        self.greeted = False
        self._spec = spec
        self._context = context

    async def close(self) -> None:
        """Let go of the connections."""
        if self.visit is not None:
            await self.visit.close()

    async def login(self) -> str:
        """Read the login."""
        spec = self._spec
        way = Way(spec, self._context)
        self.visit = Visit(
            way,
            consumer(spec, way, spec.topic, spec.consumer_group),
            resource(spec, spec.topic),
            Diagnosis(way, names_of(spec)).explain,
        )
        if spec.auth.username is None:
            return "none"
        return "temporary, with a security token" if spec.auth.security_token else "given"

    async def topic(self) -> str:
        """Ask where the topic is."""
        visit = self._made()
        await self._asked(visit.find())
        readable = [q for q in visit.queues if q.permission in (pb.READ, pb.READ_WRITE)]
        if not readable:
            visit.queues = []
            raise await visit.explain(Refused(pb.TOPIC_NOT_FOUND, "no queue may be read"))
        brokers = {queue.broker.name for queue in readable}
        kinds = sorted({pb.MessageType.Name(k) for q in readable for k in q.accept_message_types})
        said = [_counted(len(readable), "queue"), f"at {_counted(len(brokers), 'broker')}"]
        return " ".join(said) + (f", messages of type {' or '.join(kinds)}" if kinds else "")

    async def group(self) -> str:
        """Tell the proxies what will be asked for, and hear what they have to say."""
        visit = self._made()
        await visit.greet()
        self.greeted = True
        told = next(iter(visit.telemetry.values()))
        said = ["messages in order (FIFO)" if told.fifo else "messages in any order"]
        if told.max_attempts:
            said.append(f"{told.max_attempts} deliveries at most")
        return ", ".join(said)

    async def polling(self) -> str:
        """Ask each broker for no messages."""
        visit = self._made()
        first: dict[str, pb.MessageQueue] = {}
        for queue in visit.queues:
            first.setdefault(queue.broker.name, queue)
        await asyncio.gather(*map(self._poll, first.values()))
        return ""

    async def settling(self) -> str:
        """Prolong nothing."""
        visit = self._made()
        request = pb.ChangeInvisibleDurationRequest(
            group=resource(self._spec, self._spec.consumer_group),
            topic=resource(self._spec, self._spec.topic),
            receipt_handle=_NOTHING,
            invisible_duration=duration(10),
            message_id="nothing",
        )
        try:
            await visit.link_of(visit.queues[0]).change(request)
        except Refused as error:
            if error.code in KEYS:
                raise await visit.explain(error) from error
        except Unreached as error:
            raise await visit.explain(error) from error
        return ""

    async def dead_letters(self) -> str:
        """Ask where the dead-letter topic is, as one who writes to it."""
        wanted = self._spec.delivery.dead_letter_sink
        assert wanted is not None
        assert wanted.rocketmq is not None
        producer = Producer(self._spec, self._context, wanted.rocketmq.topic, topic_field=FIELD)
        try:
            await producer.open()
            return _counted(producer.queues, "queue")
        finally:
            await producer.close()

    async def _poll(self, queue: pb.MessageQueue) -> None:
        spec, visit = self._spec, self._made()
        link = visit.link_of(queue)
        request = pb.ReceiveMessageRequest(
            group=resource(spec, spec.consumer_group),
            message_queue=queue,
            filter_expression=expression(spec),
            batch_size=0,
            invisible_duration=duration(spec.invisible_seconds),
            long_polling_timeout=duration(SHORTEST),
        )
        try:
            async with asyncio.timeout(_ACCEPTED):
                given = await ask(link, request)
        except TimeoutError:
            return
        except Refused as error:
            if error.code == pb.BAD_REQUEST:
                return  # here nobody may ask for nothing, so nothing can be learned
            raise await visit.explain(error) from error
        except Unreached as error:
            raise await visit.explain(error) from error
        for message in given:
            back = pb.ChangeInvisibleDurationRequest(
                group=request.group,
                topic=message.topic,
                receipt_handle=message.system_properties.receipt_handle,
                invisible_duration=duration(0.2),
                message_id=message.system_properties.message_id,
                suspend=True,
            )
            await self._asked(link.change(back))

    async def _asked(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except (Refused, Unreached) as error:
            raise await self._made().explain(error) from error

    def _made(self) -> Visit:
        assert self.visit is not None, "the login comes first"
        return self.visit


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
