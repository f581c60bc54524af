"""What all events of `event.format: eventbridge` have in common, whatever they come from.

Each source makes its own in its own folder: type, source, subject and the members of the payload
differ. Shared are the media type, the attributes that name account and region, an id, and how a
message's value stands in a payload.

EventBridge gives each delivery a random UUID as id. Here the id is a UUID that follows from where
the message is, so that it is the same in every delivery and a service can tell duplicates.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from eventing_alibaba.contract.event import AttributeValue
from eventing_alibaba.contract.eventoptions import EventBridge

CONTENT_TYPE: Final = "application/json; charset=utf-8"


def extensions(options: EventBridge) -> dict[str, AttributeValue]:
    """Return the extension attributes that name account and region, as far as they are given."""
    named = {"aliyunaccountid": options.account_id, "aliyunregionid": options.region_id}
    return {name: value for name, value in named.items() if value is not None}


def identifier(place: str) -> str:
    """Return a UUID (RFC 9562, version 8) that follows from the text `place` alone."""
    text = hashlib.blake2b(place.encode(), digest_size=16, usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-8{text[17:20]}-{text[20:]}"


def _text(body: bytes) -> object:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"its value is no UTF-8 text (byte {error.start + 1} of {len(body)}), which is needed"
            " with `event.eventBridge.dataFormat: text` or `json`; `binary` takes any value"
        ) from None


def _json(body: bytes) -> object:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return _text(body)
    return orjson.Fragment(body)


def _binary(body: bytes) -> object:
    return base64.b64encode(body).decode("ascii")


VALUES: Final[Mapping[str, Callable[[bytes], object]]] = {
    "text": _text,
    "json": _json,
    "binary": _binary,
}
"""For each `dataFormat` what makes a member of a payload, for orjson, of a message's value.

Raises ValueError with a sentence where the value cannot stand there.
"""
