"""Outlines as templates: how many events at once are prepared to be written.

A template is bytes with a `%b` for each value that varies. Values go in as they are, so only those
may that need no escaping in either form: visible ASCII characters but for the quote, the percent
sign and the backslash. One look at all values of an event together says whether that is so; it is
also what keeps a value from ending its header line or its JSON string. For any other value `fill`
returns None, and the event takes the careful road.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from eventing_alibaba.contract.event import CONTEXT, AttributeValue
from eventing_alibaba.contract.outline import Outline, Values, Varying

HARMLESS: Final = bytes(c for c in range(0x21, 0x7F) if c not in b'"%\\')
_KEPT: Final = 1_024

Attributes = Mapping[str, "AttributeValue | Varying"]
Render = Callable[[Attributes, Outline], "bytes | None"]


class Templates:
    """Templates by outline, each made by `render` when it is first asked for.

    `overrides` are set on every event, as `attributes.override` would. `render` gets all attributes
    and returns the template, or None where there can be none.
    """

    __slots__ = ("_made", "_overrides", "_render")

    def __init__(self, overrides: Mapping[str, str], render: Render) -> None:
        self._overrides = overrides
        self._render = render
        self._made: dict[Outline, bytes] = {}

    def fill(self, outline: Outline, values: Values) -> bytes | None:
        """Return the attributes of one event; None where they are to be encoded with care."""
        template = self._made.get(outline)
        if template is None:
            template = self._make(outline)
        if not template or b"".join(values).translate(None, HARMLESS):
            return None
        return template % values

    def _make(self, outline: Outline) -> bytes:
        if len(self._made) >= _KEPT:
            self._made.clear()
        self._made[outline] = made = self._rendered(outline) or b""
        return made

    def _rendered(self, outline: Outline) -> bytes | None:
        attributes: dict[str, AttributeValue | Varying] = {
            **dict(outline.attributes),
            "datacontenttype": outline.datacontenttype,
        }
        for name, value in self._overrides.items():
            if isinstance(attributes.get(name), Varying):
                return None  # nothing of the kind is worth a way to swallow a value
            attributes[name] = value
        names = sorted(attributes, key=lambda name: _ORDER.get(name, len(_ORDER)))
        return self._render({name: attributes[name] for name in names}, outline)


_ORDER: Final = {
    name: at
    for at, name in enumerate(
        ("id", "source", "type", "subject", "time", "dataschema", "datacontenttype")
    )
}
"""Where CloudEvents' own attributes stand; extensions follow as they come."""

assert _ORDER.keys() | {"specversion"} == CONTEXT
