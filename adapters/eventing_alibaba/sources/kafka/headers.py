"""Record headers as extension attributes: names that always come out the same.

Kafka allows any name and any bytes, any number of times; CloudEvents wants `[a-z0-9]`, at most 20
characters, once, and text. The rules:

- A header becomes `kafkaheader` and its name in lower case without what is no letter or digit, cut
  to 9 characters: `X-Tenant` is `kafkaheaderxtenant`, as with Knative.
- Where two names of one record would become the same, or nothing is left of a name, each of them
  becomes its first 3 characters and 6 hexadecimal digits of its CRC-32 instead. So a header has two
  possible names at most, and both follow from its own name alone, whatever the order.
- A name that is repeated is one attribute, its values joined by a comma, as in HTTP.
- A header whose value is null is left out.
- A value is its text if it is UTF-8 and has no characters that CloudEvents forbids in a text
  (control characters above all); else it is base64, which is how CloudEvents writes binary values.

What a set of names becomes is worked out once and kept as a `Plan`: records of one producer have
the same names again and again.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "kafkaheader"
_ROOM: Final = 20 - len(PREFIX)
_CE: Final = "ce_"
_TRACING: Final = frozenset({"traceparent", "tracestate"})
_OTHER: Final = re.compile(r"[^a-z0-9]")
# CloudEvents 1.0.2, "Type System", String: control characters and noncharacters.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


@dataclass(slots=True, frozen=True)
class Plan:
    """What to do with the headers of a record, by their positions.

    Attributes:
        content_type: position of the content type; -1 if there is none.
        extensions: positions and names of extensions; those of one name follow each other.
        repeats: some extension has more than one position.
        cloudevent: positions and names of `ce_` attributes; empty unless there is `ce_specversion`.
    """

    content_type: int
    extensions: tuple[tuple[int, str], ...]
    repeats: bool
    cloudevent: tuple[tuple[int, str], ...]


def plan(names: tuple[str, ...]) -> Plan:
    """Work out what becomes of headers with these names, in this order. Pure."""
    content_type = -1
    plain: dict[str, str] = {}  # header name to extension name
    extensions: list[tuple[int, str]] = []
    for position, name in enumerate(names):
        if name.lower() == "content-type":
            content_type = position
        elif name in _TRACING:
            extensions.append((position, name))
        else:
            plain.setdefault(name, _OTHER.sub("", name.lower())[:_ROOM])
    shared = Counter(plain.values())
    final = {
        name: PREFIX + (_hashed(name, short) if shared[short] > 1 or not short else short)
        for name, short in plain.items()
    }
    extensions += [(position, final[name]) for position, name in enumerate(names) if name in final]
    extensions.sort(key=lambda item: item[1])
    times = Counter(name for _, name in extensions)
    is_event = _CE + "specversion" in names
    return Plan(
        content_type=content_type,
        extensions=tuple(extensions),
        repeats=any(count > 1 for count in times.values()),
        cloudevent=tuple(
            (position, _OTHER.sub("", name[len(_CE) :].lower()))
            for position, name in enumerate(names)
            if is_event and name.startswith(_CE)
        ),
    )


def text(value: bytes | str) -> str:
    """Return a value as the text of an attribute, or as base64 where it is none."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    try:
        decoded = value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
    if decoded.isprintable() or not _FORBIDDEN.search(decoded):
        return decoded
    return base64.b64encode(value).decode()


def _hashed(name: str, short: str) -> str:
    return f"{short[:3]}{zlib.crc32(name.encode('utf-8', 'surrogatepass')) & 0xFFFFFF:06x}"
