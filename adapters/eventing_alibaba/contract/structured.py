"""Messages that are CloudEvents already: by attributes, or as a JSON document (JSON format 1.0.2).

The text of its data is taken over character by character. Writing a parsed value again would change
what it means: numbers lose digits. A document that is nested deeper than the parsers go (some 250
levels in an attribute, some 1,000 in data) counts as none.
"""

from __future__ import annotations

import base64
import binascii
import json
from json import scanner
from typing import Any, Final, cast

import orjson

from eventing_alibaba.contract.event import Event

_REQUIRED: Final = ("id", "source", "type")
_JSON: Final = "application/json"
_OWN_FIELDS: Final = ("subject", "time", "dataschema", "datacontenttype")


def read_structured(document: bytes) -> Event | None:
    """Return the event that a JSON document is; None if it is no whole event of version 1.0."""
    try:
        members = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(members, dict):
        return None
    content_type = members.get("datacontenttype")
    if not isinstance(content_type, str | None):
        return None
    data: bytes | None = None
    if (encoded := members.pop("data_base64", None)) is not None:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, TypeError, ValueError):
            return None
    elif (value := members.get("data")) is not None:
        content_type = content_type or _JSON
        if isinstance(value, str) and not _is_json(content_type):
            data = value.encode()
        else:
            try:
                data = _member(document.decode(), "data").encode()
            except RecursionError:
                return None
    members.pop("data", None)
    attributes = {name: value for name, value in members.items() if value is not None}
    try:
        return whole(attributes, content_type, data)
    except orjson.JSONEncodeError:  # an attribute that is nested too deep
        return None


def whole(attributes: dict[str, Any], content_type: str | None, data: bytes | None) -> Event | None:
    """Return the event of these attributes, None if it is no whole one of version 1.0.

    What has no name of CloudEvents' own is an extension, if its name can be one; `attributes` is
    used up. A `content_type` goes before the attribute.
    """
    if attributes.pop("specversion", None) != "1.0":
        return None
    required = [attributes.pop(name, None) for name in _REQUIRED]
    if not all(isinstance(value, str) and value for value in required):
        return None
    own = {name: attributes.pop(name, None) for name in _OWN_FIELDS}
    if not all(value is None or isinstance(value, str) for value in own.values()):
        return None
    identity, source, kind = required
    return Event(
        id=identity,
        source=source,
        type=kind,
        data=data,
        datacontenttype=content_type or own["datacontenttype"],
        subject=own["subject"],
        time=own["time"],
        dataschema=own["dataschema"],
        extensions={
            name: value if isinstance(value, str | bool | int) else orjson.dumps(value).decode()
            for name, value in attributes.items()
            if name.isascii() and name.isalnum() and name == name.lower()
        },
    )


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


_scan: Final = scanner.make_scanner(cast("Any", json.JSONDecoder()))


def _member(document: str, wanted: str) -> str:
    """Return the text of a member; `document` is known to be a JSON object that has it."""
    position = document.index("{") + 1
    found = ""
    while True:
        position = _after_blanks(document, position)
        if document[position] == "}":
            return found
        if document[position] == ",":
            position = _after_blanks(document, position + 1)
        name, position = _scan(document, position)
        position = _after_blanks(document, document.index(":", position) + 1)
        start = position
        _, position = _scan(document, position)
        if name == wanted:
            found = document[start:position]


def _after_blanks(document: str, position: int) -> int:
    while document[position] in " \t\r\n":
        position += 1
    return position
