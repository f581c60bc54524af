"""One event as the bytes of one HTTP request.

In binary mode the attributes are `ce-` headers and the data is the body (CloudEvents HTTP protocol
binding 1.0.2, section 3.1); in structured mode one JSON object holds all (section 3.2).

The cost is a budget, so what does not change from event to event is rendered once, and the rest is
one formatted text that is checked as a whole. The check is also what makes header injection
impossible: when every character that may stand in a value unescaped is deleted from the text, what
remains must be exactly one blank and one line end for each header. Anything else (a blank, a quote,
a percent sign, a line end, anything not ASCII) takes the careful road, where each value is
percent-encoded by itself. Names are checked once, when first seen.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import orjson

from eventing_alibaba.contract.event import CONTEXT, AttributeValue, Event
from eventing_alibaba.wire.request import check_value

STRUCTURED_JSON: Final = "application/cloudevents+json; charset=utf-8"

# What stands unescaped (3.1.3.2): U+0021 to U+007E but the quote and the percent sign.
_PLAIN: Final = bytes(c for c in range(0x21, 0x7F) if c not in b'"%')
_PLAIN_TEXT: Final = _PLAIN.decode("ascii")
_REST: Final = [b" \r\n" * n for n in range(129)]
_NAME: Final = re.compile(r"[a-z0-9]+")
_NAMES_KEPT: Final = 4096
_CONTENT_TYPES_KEPT: Final = 1024
_JSON_TYPE: Final = re.compile(r"\s*[^;\s]+[/+]json\s*(;|$)", re.IGNORECASE)

Encode = Callable[[Event], bytes]


class BinaryEncoder:
    """Encodes events in binary mode; call it with an event.

    `head` is the request head up to and without the event's own lines: request line, `Host` and
    other fixed headers, each line ended. `overrides` are set on every event, after its own.
    """

    def __init__(self, head: bytes, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._names: dict[str, str] = {}
        self._content_types: dict[str, bytes] = {}
        self._prefix = head + b"ce-specversion: 1.0\r\n"

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
                for name, value in extensions.items():
                    if value.__class__ is bool:
                        text += f"{names[name]}{'true' if value else 'false'}\r\n"
                    else:
                        text += f"{names[name]}{value}\r\n"
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
        if content_type is None:
            typed = b""
        else:
            typed = self._content_types.get(content_type) or self._learn_type(content_type)
        return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (
            self._prefix,
            attributes,
            typed,
            len(data),
            data,
        )

    def _learn(self, extensions: Mapping[str, AttributeValue]) -> None:
        if len(self._names) > _NAMES_KEPT:  # names that come from messages must not grow for ever
            self._names.clear()
        for name in extensions:
            if _NAME.fullmatch(name) is None or name in CONTEXT:
                raise ValueError(
                    f"extension attribute name {name!r} must be lower-case letters and digits,"
                    " and none of CloudEvents' own names"
                )
            self._names[name] = f"ce-{name}: "

    def _careful(self, event: Event) -> bytes:
        return b"".join(
            b"ce-%b: %b\r\n" % (name.encode("ascii"), _percent(value))
            for name, value in attributes_of(event)
        )

    def _learn_type(self, value: str) -> bytes:
        if len(self._content_types) > _CONTENT_TYPES_KEPT:
            self._content_types.clear()
        line = _content_type(value)
        self._content_types[value] = line
        return line

    def _passed_on(self, event: Event) -> bytes:
        """A structured event in a format not understood here: the body says it all."""
        data = event.data or b""
        typed = _content_type(event.datacontenttype or STRUCTURED_JSON)
        head = self._prefix.removesuffix(b"ce-specversion: 1.0\r\n")
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (head, typed, len(data), data)


class StructuredEncoder:
    """Encodes events as one JSON object each; call it with an event. See `BinaryEncoder`."""

    def __init__(self, head: bytes, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._head = head
        self._typed = f"content-type: {STRUCTURED_JSON}\r\n".encode()

    def __call__(self, event: Event) -> bytes:
        """Return the whole request. Raises ValueError with a sentence for an impossible event."""
        if self._overrides:
            override(event, self._overrides)
        if event.structured:
            typed = _content_type(event.datacontenttype or STRUCTURED_JSON)
            body = event.data or b""
        else:
            typed, body = self._typed, json_event(event)
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (self._head, typed, len(body), body)


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


def json_event(event: Event) -> bytes:
    """Return the event in CloudEvents' JSON format (JSON format 1.0.2)."""
    found: dict[str, object] = {"specversion": "1.0"}
    found.update(id=event.id, source=event.source, type=event.type)
    for name in ("subject", "time", "dataschema", "datacontenttype"):
        value = getattr(event, name)
        if value is not None:
            found[name] = value
    for name, value in event.extensions.items():
        if _NAME.fullmatch(name) is None or name in CONTEXT or name in {"data", "data_base64"}:
            raise ValueError(
                f"extension attribute name {name!r} must be lower-case letters and digits,"
                " and none of CloudEvents' own names"
            )
        found[name] = value
    data = event.data
    if data is not None:
        _put_data(found, data, event.datacontenttype)
    return orjson.dumps(found)


def _put_data(found: dict[str, object], data: bytes, content_type: str | None) -> None:
    # A JSON value stands as JSON, other text as a string; all else is base64 (JSON format 3.1).
    # Without a content type the format reads `data` as JSON, so only what is JSON may stand there.
    if content_type is None or _JSON_TYPE.match(content_type):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        else:
            found["data"] = orjson.Fragment(data)
            return
    elif content_type.lower().startswith("text/"):
        try:
            found["data"] = data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return
    found["data_base64"] = base64.b64encode(data).decode("ascii")


def _content_type(value: str) -> bytes:
    return b"content-type: %b\r\n" % check_value(value.strip(" \t"), name="content-type")


def _percent(value: str) -> bytes:
    try:
        return quote(value, safe=_PLAIN_TEXT).encode("ascii")
    except UnicodeEncodeError as error:  # a lone surrogate
        raise ValueError("an attribute value is no valid Unicode text") from error
