"""Sending messages to the source's own topic, for `eventing-alibaba send`.

A key is the message group of an ordered message, and its key where the topic is not an ordered one.
Of the headers `tag` and `keys` are RocketMQ's own; all others are user properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.sources.rocketmq.outgoing import Draft, Producer

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

_LARGEST: Final = 4 * 1024 * 1024


class RocketMQSender:
    """A `contract.send.Sender`."""

    def __init__(self, spec: RocketMQSourceSpec, context: Context, to: str | None) -> None:
        if to is not None and to != spec.topic:
            raise Unsendable(f"the source reads one topic, {spec.topic}; leave --to out")
        self.place = f"topic {spec.topic} at {spec.endpoints}"
        self._producer = Producer(spec, context, spec.topic, topic_field="spec.topic")

    async def open(self) -> None:
        """See `Sender.open`."""
        await self._producer.open()

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[SourceError | None]:
        """See `Sender.send`."""
        ordered = self._producer.ordered
        return await self._producer.send([_draft(message, ordered) for message in messages])

    async def close(self) -> None:
        """See `Sender.close`."""
        await self._producer.close()


def _draft(message: Outgoing, ordered: bool) -> Draft:
    if len(message.body) > _LARGEST:
        raise Unsendable(f"a body has {len(message.body)} bytes, and RocketMQ takes {_LARGEST}")
    try:
        properties = {name: value.decode() for name, value in message.headers}
        key = None if message.key is None else message.key.decode()
    except UnicodeDecodeError:
        raise Unsendable("keys and headers of RocketMQ are text, and one is no UTF-8") from None
    tag = properties.pop("tag", None)
    keys = properties.pop("keys", "").split()
    group = None
    if ordered:
        group = key or "default"
    elif key:
        keys = [key, *keys]
    return Draft(message.body, tag=tag, keys=keys, properties=properties, group=group)
