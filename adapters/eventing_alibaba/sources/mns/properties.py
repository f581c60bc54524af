"""Properties of a message as extension attributes: names that always come out the same.

MNS allows any name; CloudEvents wants `[a-z0-9]`, at most 20 characters, once. The rules:

- A user property becomes `mnsprop` and its name in lower case without what is no letter or digit,
  cut to 13 characters: `Tenant-Id` is `mnsproptenantid`.
- Where two names of one message would become the same, or nothing is left of a name, each of them
  becomes its first 7 characters and 6 hexadecimal digits of its CRC-32 instead. So a property has
  two possible names at most, and both follow from its own name alone, whatever the order.
- A BOOLEAN is a Boolean, a NUMBER that fits 32 bits an Integer; anything else is text, and a BINARY
  its base64, which is how CloudEvents writes binary values.
- Of the system's properties those of tracing keep their names.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Final

from eventing_alibaba.contract.event import AttributeValue
from eventing_alibaba.sources.mns.writing import Property

PREFIX: Final = "mnsprop"
TRACING: Final = frozenset({"traceparent", "tracestate", "baggage"})
_ROOM: Final = 20 - len(PREFIX)
_OTHER: Final = re.compile(r"[^a-z0-9]")
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,9})")
_LARGEST: Final = 2**31
_BOOLEANS: Final = {"true": True, "false": False}
# CloudEvents 1.0.2, "Type System", String: control characters and noncharacters.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


def extensions(user: Iterable[Property], system: Iterable[Property]) -> dict[str, AttributeValue]:
    """Return what the properties of a message become; a name that is repeated counts once."""
    short = {one.name: _OTHER.sub("", one.name.lower())[:_ROOM] for one in user}
    shared = Counter(short.values())
    found: dict[str, AttributeValue] = {}
    for one in user:
        name = short[one.name]
        if not name or shared[name] > 1:
            name = f"{name[:7]}{zlib.crc32(one.name.encode()) & 0xFFFFFF:06x}"
        found[PREFIX + name] = _value(one)
    for one in system:
        if one.name in TRACING and one.value:
            found[one.name] = _text(one.value)
    return found


def _value(one: Property) -> AttributeValue:
    if one.kind == "BOOLEAN" and (truth := _BOOLEANS.get(one.value.lower())) is not None:
        return truth
    if one.kind == "NUMBER" and _INTEGER.fullmatch(one.value):
        number = int(one.value)
        if -_LARGEST <= number < _LARGEST:
            return number
    return _text(one.value)


def _text(value: str) -> str:
    """Return a text without the characters that no attribute may hold; XML has few of them."""
    return value if value.isprintable() else _FORBIDDEN.sub(" ", value)
