"""Sending records to the source's own topic, for `eventing-alibaba send`.

A record counts as sent when all in-sync replicas have it. librdkafka sends in the background and
tells by callbacks, within `flush`; so a batch is handed over, flushed in a thread, and what the
callbacks said is the result.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from confluent_kafka import KafkaError, KafkaException, Producer

from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.sources.kafka.check import forbidden_to_write
from eventing_alibaba.sources.kafka.errors import Names, refused_settings, signal
from eventing_alibaba.sources.kafka.settings import connection, read_secrets
from eventing_alibaba.sources.kafka.topics import Topics
from eventing_alibaba.sources.kafka.trouble import Trouble
from eventing_alibaba.sources.kafka.voice import Voice

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

_FIXED: Final[dict[str, Any]] = {
    "acks": "all",
    # Idempotence would ask for a right that nothing else needs; in order it is without, too.
    "enable.idempotence": False,
    "max.in.flight.requests.per.connection": 1,
    "linger.ms": 5,
    "delivery.timeout.ms": 15_000,
    "allow.auto.create.topics": False,
}
_FULL: Final = 0.05
_SILENT: Final = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT})


def topic_of(spec: AliKafkaSourceSpec, to: str | None) -> str:
    """Return the topic to send to. Raises Unsendable saying which there are."""
    there = ", ".join(spec.topics)
    if to is None and len(spec.topics) > 1:
        raise Unsendable(f"the source reads several topics: say with --to which of {there}")
    if to is not None and to not in spec.topics:
        raise Unsendable(f"topic {to} is not in spec.topics; there is {there}")
    return to or spec.topics[0]


class KafkaSender:
    """A `contract.send.Sender`."""

    def __init__(self, spec: AliKafkaSourceSpec, context: Context, to: str | None) -> None:
        self._spec = spec
        self._context = context
        self._topic = topic_of(spec, to)
        self._names = Names(
            servers=", ".join(spec.bootstrap_servers),
            group=spec.group(context),
            mechanism=spec.net.sasl.type,
        )
        self.place = f"topic {self._topic} at {self._names.servers}"
        self._voice = Voice()
        self._trouble = Trouble(
            self._names, self._voice, Topics([self._topic], self._names), lambda _error: None
        )
        self._producer: Producer | None = None
        self._closed = threading.Event()

    async def open(self) -> None:
        """See `Sender.open`."""
        secrets = read_secrets(self._spec.net, self._context.credentials)
        self._trouble.authority = secrets.authority
        told = {**connection(self._spec, self._context, secrets), **_FIXED}
        heard = {"logger": self._voice, "error_cb": self._trouble.on_error}
        try:
            self._producer = Producer({**told, **heard})
        except KafkaException as error:
            raise refused_settings(error.args[0]) from None
        alone = len(self._spec.bootstrap_servers) == 1
        # Of a consumer `reach` only uses what a producer has too.
        client = cast("Consumer", self._producer)
        await asyncio.to_thread(
            self._trouble.reach, client, alone=alone, go_on=lambda: not self._closed.is_set()
        )

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[SourceError | None]:
        """See `Sender.send`."""
        return await asyncio.to_thread(self._send, messages)

    async def close(self) -> None:
        """See `Sender.close`."""
        self._closed.set()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            await asyncio.to_thread(producer.flush, 1.0)

    def _send(self, messages: Sequence[Outgoing]) -> list[SourceError | None]:
        producer = self._producer
        assert producer is not None, "the sender is not open"
        failed: dict[int, KafkaError] = {}

        def reported(number: int, error: KafkaError | None, _record: object) -> None:
            if error is not None:
                failed[number] = error

        for number, message in enumerate(messages):
            done = partial(reported, number)
            while True:
                try:
                    producer.produce(
                        self._topic,
                        value=message.body,
                        key=message.key,
                        headers=list(message.headers),
                        on_delivery=done,
                    )
                except BufferError:
                    producer.poll(_FULL)
                    continue
                except KafkaException as error:
                    failed[number] = error.args[0]
                break
        producer.flush()
        told = {number: self._told(error) for number, error in failed.items()}
        return [told.get(number) for number in range(len(messages))]

    def _told(self, error: KafkaError) -> SourceError:
        code = error.code()
        if code in _SILENT:
            return self._trouble.cause()
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return forbidden_to_write(self._topic)
        if code == KafkaError.MSG_SIZE_TOO_LARGE:
            return Unavailable(
                f"topic {self._topic} takes no message of that size; the topic's max.message.bytes"
                " says how large one may be",
                reason="MessageTooLarge",
            )
        return signal(error, self._names, topic=self._topic)
