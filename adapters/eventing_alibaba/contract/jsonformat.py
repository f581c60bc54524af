"""Events as JSON documents (CloudEvents' JSON format 1.0.2).

Data that is JSON stands in it as the bytes that it is, never parsed and written anew, since numbers
would lose digits on the way. It is parsed once all the same, to know that it is JSON: anything else
would break the object around it, or smuggle members into it. `structured.py` reads such documents.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

import orjson

from eventing_alibaba.contract.event import (
    CONTEXT,
    NAMES_KEPT,
    AttributeValue,
    Event,
    check_names,
)
from eventing_alibaba.contract.outline import Outline, Varying, constant

_JSON_TYPE: Final = re.compile(r"\s*[^;\s]+[/+]json\s*(;|$)", re.IGNORECASE)
_TAKEN: Final = CONTEXT | {"data", "data_base64"}
LARGEST: Final = 2**31
"""CloudEvents' Integer has 32 bits; what is longer is written as text, as in binary mode."""

# Names that were checked already.
_names: set[str] = set()


def json_event(event: Event) -> bytes:
    """Return the event in CloudEvents' JSON format (JSON format 1.0.2).

    Raises ValueError with a sentence for an impossible event.
    """
    found: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    if event.subject is not None:
        found["subject"] = event.subject
    if event.time is not None:
        found["time"] = event.time
    if event.dataschema is not None:
        found["dataschema"] = event.dataschema
    content_type = event.datacontenttype
    if content_type is not None:
        found["datacontenttype"] = content_type
    extensions = event.extensions
    if extensions:
        if not extensions.keys() <= _names:
            _learn(extensions)
        found.update(extensions)
        for name, value in extensions.items():
            if value.__class__ is int:
                found[name] = _integer(value)
    data = event.data
    if data is not None:
        _put_data(found, data, content_type)
    try:
        return orjson.dumps(found)
    except orjson.JSONEncodeError as error:  # a lone surrogate
        raise ValueError("an attribute value is no valid Unicode text") from error


def json_template(
    attributes: Mapping[str, AttributeValue | Varying], outline: Outline
) -> bytes | None:
    """Return what stands before the data in the JSON of events with an outline.

    None where the data is not known to be JSON: then each event's has to be looked at.
    `attributes` are those of the outline with the media type among them, in the order in which they
    are written. A `%b` stands for each value; what is filled in must not need escaping.
    """
    if not (outline.json and _is_json(str(attributes["datacontenttype"]))):
        return None
    check_names([name for name in attributes if name not in CONTEXT], _TAKEN)
    members = b'{"specversion":"1.0"'
    for name, value in attributes.items():
        members += b',"%b":%b' % (name.encode("ascii"), _written(value))
    return members + b',"data":'


def _written(value: AttributeValue | Varying) -> bytes:
    """Return JSON of a value, as part of a template."""
    if not isinstance(value, Varying):
        return constant(orjson.dumps(_integer(value) if value.__class__ is int else value))
    pieces = [constant(orjson.dumps(piece)[1:-1]) for piece in value.pieces]
    return b"%b".join(pieces) if value.integer else b'"%b"' % b"%b".join(pieces)


def _integer(value: AttributeValue) -> AttributeValue:
    return value if -LARGEST <= int(value) < LARGEST else str(value)


def _learn(names: Mapping[str, object]) -> None:
    check_names(names, _TAKEN)
    if len(_names) > NAMES_KEPT:
        _names.clear()
    _names.update(names)


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or _JSON_TYPE.match(content_type) is not None


def _put_data(found: dict[str, object], data: bytes, content_type: str | None) -> None:
    # A JSON value stands as JSON, other text as a string; all else is base64 (JSON format 3.1).
    # Without a content type the format reads `data` as JSON, so only what is JSON may stand there.
    if content_type is None or _is_json(content_type):
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
