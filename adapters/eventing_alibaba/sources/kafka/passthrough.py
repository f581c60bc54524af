"""Records that are CloudEvents already (CloudEvents Kafka protocol binding 1.0.2).

Binary mode: attributes in `ce_` headers. Structured mode: a content type that begins with
`application/cloudevents`, in JSON (read here, so that overrides apply) or in another format (passed
on as it is). Nothing is added to such an event, neither key nor partition.

A record that says it is a CloudEvent and is not a whole one (a required attribute is missing, its
JSON does not parse, it is a batch, its version is not 1.0) is treated as any other record: its
value is data, its headers are extensions. Refusing it instead would let one careless producer stop
a partition; and the service sees by the type that this is no event of that producer's making.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from json import scanner
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from eventing_alibaba.contract.event import Event
from eventing_alibaba.sources.kafka.headers import text

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Attributes

STRUCTURED: Final = "application/cloudevents"
_REQUIRED: Final = ("id", "source", "type")
_JSON: Final = "application/json"
_OWN_FIELDS: Final = ("subject", "time", "dataschema", "datacontenttype")


def binary(
    positions: Sequence[tuple[int, str]],
    headers: Attributes,
    content_type: str | None,
    data: bytes | None,
) -> Event | None:
    """Return the event of a binary-mode record; None if it is no whole one.

    `positions` are those of `ce_` headers with the attributes' names.
    """
    attributes: dict[str, str] = {}
    for position, name in positions:
        value = headers[position][1]
        if value is not None and name and name not in attributes:
            attributes[name] = text(value)
    return _event(attributes, content_type, data)


def structured(media_type: str, data: bytes) -> Event | None:
    """Return the event of a structured-mode record in JSON; None if it is no whole one.

    In another format: an event without attributes, to be passed on (`structured`).
    """
    form = media_type[len(STRUCTURED) :].partition(";")[0].strip().lower()
    if form.startswith("-batch"):
        return None
    if form not in ("", "+json"):
        return Event("", "", "", data, media_type, structured=True)
    try:
        members = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(members, dict):
        return None
    attributes = {
        name: value
        for name, value in members.items()
        if value is not None and name not in ("data", "data_base64")
    }
    content_type = attributes.get("datacontenttype")
    payload: bytes | None = None
    if members.get("data_base64") is not None:
        try:
            payload = base64.b64decode(members["data_base64"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            return None
    elif members.get("data") is not None:
        value = members["data"]
        content_type = content_type or _JSON
        if isinstance(value, str) and not _is_json(content_type):
            payload = value.encode()
        else:
            payload = _member(data.decode(), "data").encode()
    return _event(attributes, content_type, payload)


def _event(
    attributes: dict[str, Any], content_type: str | None, data: bytes | None
) -> Event | None:
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
    """Return the text of a member of a JSON object, character by character as it was written.

    Writing the parsed value again would change what it means: numbers lose digits. `document` is
    known to be a JSON object with that member.
    """
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
