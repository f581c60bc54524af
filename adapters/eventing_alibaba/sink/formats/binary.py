"""Binary mode: attributes in `ce-` headers, data in the body (CloudEvents HTTP binding, 3.1).

The cost is a budget, so what does not change from event to event is rendered once, and the rest is
one formatted text that is checked as a whole. The check is also what makes header injection
impossible: when every character that may stand in a value unescaped is deleted from the text, what
remains must be exactly one blank and one line end for each header. Anything else (a blank, a quote,
a percent sign, a line end, anything not ASCII) takes the careful road, where each value is
percent-encoded by itself. Names are checked once, when first seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from eventing_alibaba.contract.event import (
    CONTEXT,
    NAMES_KEPT,
    AttributeValue,
    Event,
    check_names,
)
from eventing_alibaba.contract.outline import Outline, Values, Varying, constant
from eventing_alibaba.sink.formats.attributes import ContentTypes, attributes_of, override
from eventing_alibaba.sink.formats.structured import STRUCTURED_JSON
from eventing_alibaba.sink.formats.template import Attributes, Templates

# What stands unescaped (3.1.3.2): U+0021 to U+007E but the quote and the percent sign.
_PLAIN: Final = bytes(c for c in range(0x21, 0x7F) if c not in b'"%')
_PLAIN_TEXT: Final = _PLAIN.decode("ascii")
_REST: Final = [b" \r\n" * n for n in range(129)]
_VERSION: Final = b"ce-specversion: 1.0\r\n"


class BinaryEncoder:
    """Encodes events in binary mode; call it with an event.

    `head` is the request head up to and without the event's own lines: request line, `Host` and
    other fixed headers, each line ended. `overrides` are set on every event, after its own.
    """

    def __init__(self, head: bytes, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._names: dict[str, str] = {}
        self._content_types = ContentTypes()
        self._templates = Templates(self._overrides, self._template)
        self.use(head)

    def use(self, head: bytes) -> None:
        """Begin requests with another head from now on."""
        self._head = head
        self._prefix = head + _VERSION

    def __call__(self, event: Event) -> bytes:
        """Return the whole request. Raises ValueError with a sentence for an impossible event."""
        if self._overrides:
            override(event, self._overrides)
        if event.structured:
            return self._passed_on(event)
        names = self._names
        lines = 3
        text = f"ce-id: {event.id}\r\nce-source: {event.source}\r\nce-type: {event.type}\r\n"
        if event.subject is not None:
            text += f"ce-subject: {event.subject}\r\n"
            lines += 1
        if event.time is not None:
            text += f"ce-time: {event.time}\r\n"
            lines += 1
        if event.dataschema is not None:
            text += f"ce-dataschema: {event.dataschema}\r\n"
            lines += 1
        extensions = event.extensions
        if extensions:
            try:
                text += "".join(
                    [
                        f"{names[name]}{value}\r\n"
                        if value.__class__ is not bool
                        else f"{names[name]}{'true' if value else 'false'}\r\n"
                        for name, value in extensions.items()
                    ]
                )
            except KeyError:
                self._learn(extensions)
                return self(event)
            lines += len(extensions)
        try:
            attributes = text.encode("ascii")
            # Deleting what is harmless must leave one blank and one line end a header.
            plain = attributes.translate(None, _PLAIN) == _REST[lines]
        except (UnicodeEncodeError, IndexError):
            plain = False
        if not plain:
            attributes = self._careful(event)
        data = event.data
        if data is None:
            return b"%b%bcontent-length: 0\r\n\r\n" % (self._prefix, attributes)
        content_type = event.datacontenttype
        return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (
            self._prefix,
            attributes,
            b"" if content_type is None else self._content_types[content_type],
            len(data),
            data,
        )

    def outlined(self, outline: Outline, values: Values, data: bytes) -> bytes | None:
        """Return the whole request of an event with an outline; None = encode it as an event."""
        attributes = self._templates.fill(outline, values)
        if attributes is None:
            return None
        return b"".join((self._prefix, attributes, b"%d\r\n\r\n" % len(data), data))

    def _template(self, attributes: Attributes, _outline: Outline) -> bytes | None:
        """Return the header lines up to the value of `content-length`."""
        check_names([name for name in attributes if name not in CONTEXT])
        lines = b""
        for name, value in attributes.items():
            if name == "datacontenttype":
                continue
            if isinstance(value, Varying):
                text = b"%b".join(constant(_percent(piece)) for piece in value.pieces)
            elif isinstance(value, bool):
                text = b"true" if value else b"false"
            else:
                text = constant(_percent(str(value)))
            lines += b"ce-%b: %b\r\n" % (name.encode("ascii"), text)
        typed = self._content_types[str(attributes["datacontenttype"])]
        return lines + constant(typed) + b"content-length: "

    def _learn(self, extensions: Mapping[str, AttributeValue]) -> None:
        check_names(extensions)
        if len(self._names) > NAMES_KEPT:
            self._names.clear()
        self._names.update((name, f"ce-{name}: ") for name in extensions)

    def _careful(self, event: Event) -> bytes:
        return b"".join(
            b"ce-%b: %b\r\n" % (name.encode("ascii"), _percent(value))
            for name, value in attributes_of(event)
        )

    def _passed_on(self, event: Event) -> bytes:
        """A structured event in a format not understood here: the body says it all."""
        data = event.data or b""
        typed = self._content_types[event.datacontenttype or STRUCTURED_JSON]
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (self._head, typed, len(data), data)


def _percent(value: str) -> bytes:
    try:
        return quote(value, safe=_PLAIN_TEXT).encode("ascii")
    except UnicodeEncodeError as error:  # a lone surrogate
        raise ValueError("an attribute value is no valid Unicode text") from error
