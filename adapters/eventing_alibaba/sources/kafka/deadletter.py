"""Dead letters into a topic of the same cluster, as CloudEvents in Kafka's binary mode.

Attributes are `ce_` headers (CloudEvents Kafka protocol binding 1.0.2, 3.2), the record's key is
the event's `partitionkey`. A record counts as safe when all in-sync replicas have it.

librdkafka's producer may be used from any thread; its reports come in the thread that polls, which
is one of ours, and are carried to the event loop from there. Credentials are read when the producer
is made; a failure makes a new one for the next event, which is how a rotated password is taken up.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.source import NotTaken
from eventing_alibaba.sources.kafka.errors import Names, signal
from eventing_alibaba.sources.kafka.settings import connection, read_secrets
from eventing_alibaba.sources.kafka.voice import Voice

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

T = TypeVar("T")

_AT_ONCE: Final = 64
_POLL: Final = 0.1
_FIXED: Final[dict[str, Any]] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,
    "delivery.timeout.ms": 30_000,
    "allow.auto.create.topics": False,
}


class KafkaDeadLetters:
    """A `contract.source.DeadLetterTarget`; made and used on the event loop."""

    def __init__(self, spec: AliKafkaSourceSpec, context: Context, topic: str) -> None:
        self._spec = spec
        self._context = context
        self._topic = topic
        self._names = Names(
            servers=", ".join(spec.bootstrap_servers),
            group=spec.group(context),
            mechanism=spec.net.sasl.type,
        )
        self._busy = 0
        self._producer: Producer | None = None
        self._stop = threading.Event()

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        """See `DeadLetterTarget.send`."""
        if self._busy >= _AT_ONCE:
            return False
        key, written = _key(event), headers(event)  # what cannot be written takes no place
        loop = asyncio.get_running_loop()
        self._busy += 1

        def told(error: str | None) -> None:
            self._busy -= 1
            if error is not None:
                self._forget()
            done(token, None if error is None else NotTaken(error))

        def reported(error: KafkaError | None, _record: object) -> None:
            sentence = None if error is None else str(signal(error, self._names, topic=self._topic))
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
                loop.call_soon_threadsafe(told, sentence)

        try:
            self._made().produce(
                self._topic,
                value=event.data,
                key=key,
                headers=written,
                on_delivery=reported,
            )
        except (SourceError, KafkaException, BufferError) as error:
            loop.call_soon(told, str(error))
        return True

    async def close(self) -> None:
        """See `DeadLetterTarget.close`."""
        producer = self._producer
        self._forget()
        if producer is not None:
            await asyncio.to_thread(_let_go, producer)

    def _made(self) -> Producer:
        if self._producer is None:
            secrets = read_secrets(self._spec.net, self._context.credentials)
            told = {**connection(self._spec, self._context, secrets), **_FIXED, "logger": Voice()}
            self._producer = Producer(told)
            self._stop = threading.Event()
            threading.Thread(
                target=_serve,
                args=(self._producer, self._stop),
                name="kafka-dead-letters",
                daemon=True,
            ).start()
        return self._producer

    def _forget(self) -> None:
        """Make a new producer for the next event; the old one still reports what it has."""
        self._producer = None
        self._stop.set()

    def __repr__(self) -> str:
        return f"<KafkaDeadLetters {self._topic} at {self._names.servers} busy={self._busy}>"


def headers(event: Event) -> list[tuple[str, str | bytes | None]]:
    """Return the record headers of an event in binary mode."""
    found = {"ce_specversion": "1.0", "ce_id": event.id, "ce_source": event.source}
    found["ce_type"] = event.type
    for name in ("subject", "time", "dataschema"):
        value = getattr(event, name)
        if value is not None:
            found[f"ce_{name}"] = value
    for name, value in event.extensions.items():
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        found[f"ce_{name}"] = text
    if event.datacontenttype is not None:
        found["content-type"] = event.datacontenttype
    return [(name, text.encode("utf-8", "surrogateescape")) for name, text in found.items()]


def _key(event: Event) -> bytes | None:
    key = event.extensions.get("partitionkey")
    return None if key is None else str(key).encode("utf-8", "surrogateescape")


def _serve(producer: Producer, stop: threading.Event) -> None:
    while not stop.is_set() or len(producer):
        producer.poll(_POLL)


def _let_go(producer: Producer) -> None:
    producer.purge()
    producer.flush(1.0)
