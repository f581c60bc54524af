"""Records as outlines: the short road from a record to its event (see `contract.outline`).

Takes the records that most topics have: a value, a time, headers of which none is repeated or null,
a key that is text or bytes. What `EventMapper.event` makes of such a record is written down here a
second time, in another form; a property test holds the two against each other. For everything else
it returns None, and the event is made.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.jsonformat import LARGEST
from eventing_alibaba.contract.mediatype import JSON, guess
from eventing_alibaba.contract.outline import Outline, Values, Varying
from eventing_alibaba.sources.kafka import passthrough

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.sources.kafka.events import EventMapper
    from eventing_alibaba.sources.kafka.headers import Plan

_KEPT: Final = 1_024
_WHOLE: Final = Varying()
_INTEGER: Final = Varying(integer=True)
_KEYS: Final[dict[str, Callable[[bytes], bytes] | None]] = {
    "string": None,
    "byte-array": base64.b64encode,
}
"""What makes the attribute's bytes of a key, where every key becomes a text; None = they are it."""

_name: Final = itemgetter(0)


class _Shape:
    """Records of one topic with the same header names.

    Attributes:
        plan: what is to be done with the headers; None = the event is to be made.
        outlines: by content type, and that for each combination of what else makes a difference.
    """

    __slots__ = ("outlines", "plan")

    def __init__(self, plan: Plan) -> None:
        self.plan = None if plan.repeats or plan.cloudevent else plan
        self.outlines: tuple[dict[str, Outline], ...] = ({}, {}, {}, {}, {}, {}, {}, {})


_KEYED, _SHORT, _GUESSED = 1, 2, 4


class Outliner:
    """Finds the outline of a record."""

    def __init__(self, mapper: EventMapper, *, key_type: str, content_type: str | None) -> None:
        self._mapper = mapper
        # Bound methods, because to call an object costs more than to call one of its methods.
        self._rfc3339 = mapper.rfc3339.__call__
        self._unknown_keys = key_type not in _KEYS
        self._key = _KEYS.get(key_type)
        self._content_type = content_type
        self._shapes: dict[str, dict[tuple[str, ...], _Shape]] = {
            topic: {} for topic in mapper.sources
        }

    def outline(self, message: Message) -> tuple[Outline, Values] | None:
        """Return outline and values; None where the event is to be made. Pure.

        Takes a message of `KafkaSource.receive`.
        """
        headers, moment, topic = message.attributes, message.time, message.origin
        names = tuple(map(_name, headers))
        shape = self._shapes[topic].get(names) or self._shape(topic, names)
        plan = shape.plan
        if plan is None or moment is None or message.null:
            return None
        time = self._rfc3339(moment)
        if time is None:
            return None
        content_type = self._content_type
        kind = 0
        if plan.content_type >= 0:
            written = self._mapper.media_type(headers[plan.content_type][1])
            if written is not None:
                if passthrough.is_structured(written):
                    return None
                content_type = written
        if content_type is None:
            content_type = guess(message.body)
            kind = _GUESSED
        number: Any = message.receipt
        track: Any = message.track
        partition, offset = track.number, b"%d" % number
        values = [partition, offset, partition, offset, time.encode()]
        key = message.key
        if key:
            if self._unknown_keys:
                return None
            kind |= _KEYED
            if self._key is not None:
                key = self._key(key)
            values += (key, key)
        for position, _ in plan.extensions:
            value = headers[position][1]
            if value.__class__ is not bytes:
                return None
            values.append(value)
        values += (partition, offset)
        if number < LARGEST:
            kind |= _SHORT
        outline = shape.outlines[kind].get(content_type)
        if outline is None:
            outline = self._learn(topic, plan, content_type, kind)
            if len(shape.outlines[kind]) >= _KEPT:
                shape.outlines[kind].clear()
            shape.outlines[kind][content_type] = outline
        return outline, tuple(values)

    def _shape(self, topic: str, names: tuple[str, ...]) -> _Shape:
        shapes = self._shapes[topic]
        if len(shapes) >= _KEPT:
            shapes.clear()
        shapes[names] = made = _Shape(self._mapper.plan(names))
        return made

    def _learn(self, topic: str, plan: Plan, content_type: str, kind: int) -> Outline:
        mapper = self._mapper
        keys = (("partitionkey", _WHOLE), ("key", _WHOLE)) if kind & _KEYED else ()
        return Outline(
            attributes=(
                ("id", Varying(("partition:", "/offset:", ""))),
                ("source", mapper.sources[topic]),
                ("type", mapper.type),
                ("subject", Varying(("partition:", "#", ""))),
                ("time", _WHOLE),
                *keys,
                *((name, _WHOLE) for _, name in plan.extensions),
                ("knativekafkapartition", _INTEGER),
                ("knativekafkaoffset", _INTEGER if kind & _SHORT else _WHOLE),
            ),
            datacontenttype=content_type,
            json=bool(kind & _GUESSED) and content_type == JSON,
        )
