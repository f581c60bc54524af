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

from eventing_alibaba.contract.event import CONTEXT, NAMES_KEPT, Event, check_names

_JSON_TYPE: Final = re.compile(r"\s*[^;\s]+[/+]json\s*(;|$)", re.IGNORECASE)
_TAKEN: Final = CONTEXT | {"data", "data_base64"}
_LARGEST: Final = 2**31
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
            if value.__class__ is int and not -_LARGEST <= value < _LARGEST:
                found[name] = str(value)
    data = event.data
    if data is not None:
        _put_data(found, data, content_type)
    try:
        return orjson.dumps(found)
    except orjson.JSONEncodeError as error:  # a lone surrogate
        raise ValueError("an attribute value is no valid Unicode text") from error


def _learn(names: Mapping[str, object]) -> None:
    check_names(names, _TAKEN)
    if len(_names) > NAMES_KEPT:
        _names.clear()
    _names.update(names)


def _put_data(found: dict[str, object], data: bytes, content_type: str | None) -> None:
    # A JSON value stands as JSON, other text as a string; all else is base64 (JSON format 3.1).
    # Without a content type the format reads `data` as JSON, so only what is JSON may stand there.
    if content_type is None or content_type == "application/json" or _JSON_TYPE.match(content_type):
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
