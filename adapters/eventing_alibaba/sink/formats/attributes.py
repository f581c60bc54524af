"""What the forms of an event share: overrides and content types.

What comes from messages and is remembered here must not grow for ever: a producer that makes a new
content type for each message would else fill the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eventing_alibaba.contract.event import CONTEXT, Event
from eventing_alibaba.wire.request import check_value

CONTENT_TYPES_KEPT: Final = 1024


def override(event: Event, overrides: Mapping[str, str]) -> None:
    """Set `overrides` on the event, in place. CloudEvents' optional attributes count as well."""
    for name, value in overrides.items():
        if name in CONTEXT:
            setattr(event, name, value)
        else:
            event.extensions[name] = value


def attributes_of(event: Event) -> list[tuple[str, str]]:
    """Return all attributes but `specversion` and `datacontenttype`, as text, in wire order."""
    found: list[tuple[str, str]] = [
        ("id", event.id),
        ("source", event.source),
        ("type", event.type),
    ]
    for name in ("subject", "time", "dataschema"):
        value = getattr(event, name)
        if value is not None:
            found.append((name, value))
    for name, value in event.extensions.items():
        if isinstance(value, bool):
            found.append((name, "true" if value else "false"))
        else:
            found.append((name, str(value)))
    return found


class ContentTypes(dict[str, bytes]):
    """The header line for each content type seen; made, and checked, when first asked for.

    Raises ValueError where the type cannot stand in a header.
    """

    def __missing__(self, value: str) -> bytes:
        if len(self) >= CONTENT_TYPES_KEPT:
            self.clear()
        line = b"content-type: %b\r\n" % check_value(value.strip(" \t"), name="content-type")
        self[value] = line
        return line
