"""A record becomes a CloudEvent, as Knative's KafkaSource makes it. Pure; runs for every record.

What differs from Knative: the source names our kind; header names are cut to CloudEvents' length
and never collide (see `headers`); a null header value is left out instead of losing the record; and
where a record says nothing of its content type it is found out, so that a service need not guess.

`event.format: eventbridge` makes other events of the same records (see `eventbridge`). With `raw` a
record is never taken for a CloudEvent: its value goes out as it is, with its own content type.

What stays the same from record to record is made once: the source per topic, the seconds of the
time, the plan for a set of header names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.contract.mediatype import guess
from eventing_alibaba.contract.moment import Rfc3339
from eventing_alibaba.sources.kafka import passthrough
from eventing_alibaba.sources.kafka.eventbridge import EventBridgeMapper
from eventing_alibaba.sources.kafka.headers import Plan, plan, text
from eventing_alibaba.sources.kafka.keys import READERS
from eventing_alibaba.sources.kafka.outlining import Outliner

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Attributes, Message
    from eventing_alibaba.contract.outline import Outlining
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

TYPE: Final = "dev.knative.kafka.event"
_PLANS_KEPT: Final = 1_024
_NO_HEADERS: Final = plan(())


class EventMapper:
    """Maps messages of one source; keeps nothing but what makes it fast.

    Attributes:
        type: of events that are not events already.
        sources: their source, by topic.
        rfc3339: writes times.
        outline: the short road for ordinary records; None where events of this form have none.

    Raises Misconfigured, when made, where events of EventBridge are wanted and nothing says which
    instance they come from.
    """

    def __init__(self, spec: AliKafkaSourceSpec, context: Context) -> None:
        wishes = context.event
        self._raw = wishes.format == "raw"
        self._bridge: EventBridgeMapper | None = None
        if wishes.format == "eventbridge":
            try:
                self._bridge = EventBridgeMapper(spec, context)
            except ValueError as error:
                raise Misconfigured(str(error)) from None
        self.type = wishes.type or TYPE
        self._content_type = wishes.content_type
        self.sources = {
            topic: wishes.source
            or "/apis/sources.eventing-alibaba.dev/namespaces/"
            f"{context.namespace}/alikafkasources/{context.name}#{topic}"
            for topic in spec.topics
        }
        self._key = READERS[spec.key_type]
        self.rfc3339 = Rfc3339()
        self.outline: Outlining | None = None
        if wishes.format == "knative":
            outliner = Outliner(self, key_type=spec.key_type, content_type=wishes.content_type)
            self.outline = outliner.outline
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._media_types: dict[bytes | str | None, str] = {}

    def event(self, message: Message) -> Event:
        """Return the event of a record, or the one that the record already is.

        The message is one of `KafkaSource.receive`. Raises ValueError with a sentence where a
        record cannot become an event of EventBridge.
        """
        headers = message.attributes
        doing = _NO_HEADERS
        content_type: str | None = None
        if headers:
            names = tuple([name for name, _ in headers])
            doing = self.plan(names)
            if doing.content_type >= 0:
                written = headers[doing.content_type][1]
                content_type = self.media_type(written)
                if content_type and passthrough.is_structured(content_type) and not self._raw:
                    event = None if message.null else self._structured(message, content_type)
                    if event is not None:
                        return event
                    content_type = None
        body = None if message.null else message.body
        if doing.cloudevent and not self._raw:
            event = passthrough.binary(doing.cloudevent, headers, content_type, body)
            if event is not None:
                return event
        if self._bridge is not None:
            moment = None if message.time is None else self.rfc3339(message.time)
            return self._bridge.event(message, moment)
        if content_type is None and body is not None:
            content_type = self._content_type or guess(body)
        track: Any = message.track
        offset: Any = message.receipt
        partition: int = track.partition
        extensions: dict[str, AttributeValue] = {}
        key = message.key
        if key:
            extensions["partitionkey"] = extensions["key"] = self._key(key)
        if doing.extensions:
            _add(extensions, doing, headers)
        extensions["knativekafkapartition"] = partition
        extensions["knativekafkaoffset"] = offset
        return Event(
            message.id,
            self.sources[message.origin],
            self.type,
            body,
            content_type,
            f"partition:{partition}#{offset}",
            None if message.time is None else self.rfc3339(message.time),
            None,
            extensions,
        )

    def _structured(self, message: Message, media_type: str) -> Event | None:
        event = passthrough.structured(media_type, message.body)
        if event is not None and event.structured:
            # It is passed on unread; these only serve whoever has to name it here.
            event.id = message.id
            event.source, event.type = self.sources[message.origin], self.type
        return event

    def plan(self, names: tuple[str, ...]) -> Plan:
        """Return what is to be done with headers of these names."""
        found = self._plans.get(names)
        if found is None:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[names] = found = plan(names)
        return found

    def media_type(self, written: bytes | str | None) -> str | None:
        """Return the content type that a header says; None if it cannot be one."""
        found = self._media_types.get(written)
        if found is None:
            found = _media_type(written)
            if found is not None and len(self._media_types) < _PLANS_KEPT:
                self._media_types[written] = found
        return found


def _media_type(value: bytes | str | None) -> str | None:
    """Return a content type as the producer wrote it; None if it cannot be one."""
    if value is None:
        return None
    try:
        written = (value.decode("ascii") if isinstance(value, bytes) else value).strip()
    except UnicodeDecodeError:
        return None
    return written if written and written.isascii() and written.isprintable() else None


def _add(extensions: dict[str, AttributeValue], doing: Plan, headers: Attributes) -> None:
    if not doing.repeats:
        for position, name in doing.extensions:
            value = headers[position][1]
            if value is not None:
                extensions[name] = text(value)
        return
    for position, name in doing.extensions:
        value = headers[position][1]
        if value is not None:
            before = extensions.get(name)
            extensions[name] = text(value) if before is None else f"{before},{text(value)}"
