"""User properties of a message as extension attributes: names that always come out the same.

RocketMQ allows any name; CloudEvents wants `[a-z0-9]`, at most 20 characters, once. The rules:

- A property becomes `rmqprop` and its name in lower case without what is no letter or digit, cut to
  13 characters: `Tenant-Id` is `rmqproptenantid`.
- Where two names of one message would become the same, or nothing is left of a name, each of them
  becomes its first 7 characters and 6 hexadecimal digits of its CRC-32 instead. So a property has
  two possible names at most, and both follow from its own name alone, whatever the order.
- `traceparent`, `tracestate` and `baggage` keep their names.

What a set of names becomes is worked out once and kept as a `Plan`: messages of one producer have
the same names again and again. RocketMQ keeps properties in no order, so a plan goes by position.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "rmqprop"
CE: Final = "ce_"
TRACING: Final = frozenset({"traceparent", "tracestate", "baggage"})
_ROOM: Final = 20 - len(PREFIX)
_OTHER: Final = re.compile(r"[^a-z0-9]")
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,20}")
_CONTENT_TYPES: Final = frozenset({"contenttype", "content-type", "content_type"})
# CloudEvents 1.0.2, "Type System", String: control characters and noncharacters.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


@dataclass(slots=True, frozen=True)
class Plan:
    """What to do with the properties of a message, by their positions.

    Attributes:
        content_type: position of the content type; -1 if there is none.
        extensions: positions and names of extensions.
        cloudevent: positions and names of a CloudEvent's attributes; empty unless `CE_specversion`
            is there. Those without the prefix are extensions: CloudEvents' library for Java writes
            them so.
    """

    content_type: int
    extensions: tuple[tuple[int, str], ...]
    cloudevent: tuple[tuple[int, str], ...]


def plan(names: tuple[str, ...]) -> Plan:
    """Work out what becomes of properties with these names, in this order. Pure."""
    content_type = -1
    extensions: list[tuple[int, str]] = []
    plain: dict[int, str] = {}
    marked: list[tuple[int, str]] = []
    bare: list[tuple[int, str]] = []
    for position, name in enumerate(names):
        lower = name.lower()
        own = lower[len(CE) :] if lower.startswith(CE) else None
        if own in ("contenttype", "datacontenttype") or lower in _CONTENT_TYPES:
            if content_type < 0 or own is not None:
                content_type = position
        elif own is not None:
            if attribute := _OTHER.sub("", own):
                marked.append((position, attribute))
        elif name in TRACING:
            extensions.append((position, name))
            bare.append((position, name))
        else:
            plain[position] = _OTHER.sub("", lower)[:_ROOM]
            if _ATTRIBUTE.fullmatch(name):
                bare.append((position, name))
    shared = Counter(plain.values())
    for position, short in plain.items():
        hashed = f"{short[:7]}{zlib.crc32(names[position].encode()) & 0xFFFFFF:06x}"
        own_name = hashed if shared[short] > 1 or not short else short
        extensions.append((position, PREFIX + own_name))
    extensions.sort(key=lambda item: item[1])
    taken = {name for _, name in marked}
    is_event = "specversion" in taken
    return Plan(
        content_type,
        tuple(extensions),
        (*marked, *(one for one in bare if one[1] not in taken)) if is_event else (),
    )


def text(value: str) -> str:
    """Return a text without the characters that no attribute may hold."""
    return value if value.isprintable() else _FORBIDDEN.sub(" ", value)
