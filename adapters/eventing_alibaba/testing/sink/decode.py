"""CloudEvents 1.0 out of an HTTP request: binary, structured JSON and batch (HTTP binding 1.0.2).

It is strict where a sender could go wrong unnoticed: a missing required attribute, a repeated
header, an attribute name outside `[a-z0-9]`, a value that is not ASCII or not percent-encoded UTF-8
are errors with a sentence, never guessed around. It shares no code with the encoder that it checks.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import unquote

import orjson

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Mode: TypeAlias = Literal["binary", "structured", "batch"]

_REQUIRED: Final = ("specversion", "id", "source", "type")
_BATCH: Final = b"application/cloudevents-batch"
_STRUCTURED: Final = b"application/cloudevents"
_ESCAPED: Final = re.compile(r"\\(.)")
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
# Header name as received -> attribute name, "" for no attribute. Senders use few, always the same.
_names: dict[bytes, str] = {}


class NotAnEventError(ValueError):
    """A request that holds no valid CloudEvent; the text says why, without the data."""


@dataclass(slots=True, eq=False)
class ReceivedEvent:
    """One event as it came.

    Attributes:
        attributes: all context attributes and extensions; values are str in binary mode and what
            JSON says (str, int, bool) in the others. `datacontenttype` is among them if given.
        data: the payload; None = none at all. JSON data of a structured event is written anew as
            compact JSON.
        mode: the content mode.
        headers: of the request, names and values as received.
        path: of the request, with its query.
    """

    attributes: dict[str, Any]
    data: bytes | None
    mode: Mode
    headers: Headers
    path: str = "/"

    @property
    def id(self) -> str:
        """The attribute `id`."""
        return str(self.attributes["id"])

    @property
    def source(self) -> str:
        """The attribute `source`."""
        return str(self.attributes["source"])

    @property
    def type(self) -> str:
        """The attribute `type`."""
        return str(self.attributes["type"])

    def header(self, name: str) -> str | None:
        """Return the first request header of that name, in any case; None if there is none."""
        wanted = name.lower().encode()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1")
        return None


def decode(headers: Headers, body: bytes, path: str = "/") -> list[ReceivedEvent]:
    """Return the events of one request: one, or those of a batch.

    Raises NotAnEventError.
    """
    attributes: dict[str, Any] = {}
    media = b""
    for raw, value in headers:
        name = _names.get(raw)
        if name is None:
            name = _attribute(raw)
        if not name:
            continue
        if name in attributes:
            raise NotAnEventError(f"the header of attribute {name!r} is repeated")
        if name == "datacontenttype":
            media = value.lower()
        # Nearly every value is plain; a call for each would be a tenth of the sink's time.
        plain = value.isascii() and b"%" not in value and b'"' not in value
        attributes[name] = value.decode() if plain else _text(name, value)
    if media.startswith(_STRUCTURED):
        return _json(media, headers, body, path)
    _complete(attributes)
    data = body if body or media else None
    return [ReceivedEvent(attributes, data, "binary", headers, path)]


def _attribute(raw: bytes) -> str:
    lower = raw.lower()
    if lower == b"content-type":
        name = "datacontenttype"
    elif lower.startswith(b"ce-"):
        name = lower[3:].decode("latin-1")
        if not _NAME.issuperset(name) or not name:
            raise NotAnEventError(f"attribute name {name!r} has characters outside a-z and 0-9")
        if name == "datacontenttype":
            raise NotAnEventError("datacontenttype is sent as Content-Type, not as a ce- header")
    else:
        name = ""
    if len(_names) < 1024:
        _names[raw] = name
    return name


def _text(name: str, value: bytes) -> str:
    if not value.isascii():
        raise NotAnEventError(f"the value of {name!r} has bytes that should be percent-encoded")
    text = value.decode()
    if name == "datacontenttype":
        return text
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        text = _ESCAPED.sub(r"\1", text[1:-1])
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise NotAnEventError(f"the value of {name!r} is not percent-encoded UTF-8") from None


def _complete(attributes: dict[str, Any]) -> None:
    for name in _REQUIRED:
        if not attributes.get(name):
            raise NotAnEventError(f"the required attribute {name!r} is missing or empty")
    if attributes["specversion"] != "1.0":
        raise NotAnEventError(f"specversion is {attributes['specversion']!r}, not '1.0'")


def _json(media: bytes, headers: Headers, body: bytes, path: str) -> list[ReceivedEvent]:
    kind = media.partition(b";")[0].strip()
    if kind not in (_STRUCTURED + b"+json", _BATCH + b"+json"):
        raise NotAnEventError(f"event format {kind.decode('latin-1')!r} is not decoded here")
    try:
        value = orjson.loads(body)
    except ValueError:
        raise NotAnEventError(f"the body of {len(body)} bytes is not JSON") from None
    if kind.startswith(_BATCH):
        if not isinstance(value, list) or not value:
            raise NotAnEventError("a batch must be a JSON array with at least one event")
        return [_one(item, "batch", headers, path) for item in value]
    return [_one(value, "structured", headers, path)]


def _one(value: Any, mode: Mode, headers: Headers, path: str) -> ReceivedEvent:
    if not isinstance(value, dict):
        raise NotAnEventError(f"an event must be a JSON object, got {type(value).__name__}")
    # null is one way of writing an attribute that is absent (JSON format 1.0.2, section 2.2).
    attributes = {
        k: v for k, v in value.items() if v is not None and k not in ("data", "data_base64")
    }
    for name, content in attributes.items():
        if not _NAME.issuperset(name):
            raise NotAnEventError(f"attribute name {name!r} has characters outside a-z and 0-9")
        if not isinstance(content, str | int | bool):
            raise NotAnEventError(f"the value of {name!r} is neither string, integer nor boolean")
    _complete(attributes)
    return ReceivedEvent(attributes, _data(value), mode, headers, path)


def _data(value: dict[str, Any]) -> bytes | None:
    if value.get("data_base64") is not None:
        if value.get("data") is not None:
            raise NotAnEventError("an event has both `data` and `data_base64`")
        try:
            return base64.b64decode(value["data_base64"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise NotAnEventError("`data_base64` is not base64") from None
    data = value.get("data")
    if data is None:
        return None
    media = str(value.get("datacontenttype", "application/json")).partition(";")[0].strip().lower()
    if isinstance(data, str) and not (media.endswith(("/json", "+json"))):
        return data.encode()
    return orjson.dumps(data)
