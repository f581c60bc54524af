"""XML in: small, strict, and by local names, since clients disagree about the namespace.

A document type is refused outright, so there are no entities to expand; with the encoding fixed to
UTF-8, looking for its bytes finds every one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final, TypeVar
from xml.etree import ElementTree as ET

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError, out_of_range
from eventing_alibaba.testing.emulators.mns.core.message import Draft, Property
from eventing_alibaba.testing.emulators.mns.core.settings import LONGEST_DELAY
from eventing_alibaba.testing.emulators.mns.core.topic import LONGEST_TAG

_T = TypeVar("_T")

_NUMBER: Final = re.compile(r"[+-]?\d{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SYSTEM: Final = frozenset(
    {
        "traceparent",
        "tracestate",
        "baggage",
        "DLQMessageType",
        "DLQSourceArn",
        "DLQOriginMessageId",
    }
)


def parse(body: bytes, *roots: str) -> ET.Element:
    """Return the root element, which must have one of these local names.

    Raises ServiceError: MalformedXML or InvalidArgument.
    """
    if b"<!DOCTYPE" in body:
        raise ServiceError("MalformedXML")
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 - see above
    try:
        parser.feed(body)
        root = parser.close()
    except ET.ParseError:
        raise ServiceError("MalformedXML") from None
    if local(root) not in roots:
        raise unfit(local(root))
    return root


def local(element: ET.Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def texts(element: ET.Element) -> dict[str, str]:
    """Return the text of each child by its local name."""
    return {local(child): child.text or "" for child in element}


def unfit(element: str) -> ServiceError:
    """Return the refusal of an element that is missing, foreign, or of the wrong kind."""
    text = f"The XML you provided did not validate against our published schema, cause by {element}"
    return ServiceError("InvalidArgument", f"{text}.")


def number(name: str, text: str) -> int:
    """Return a whole number. Raises ServiceError."""
    if _NUMBER.fullmatch(text.strip()) is None:
        raise unfit(name)
    return int(text)


def flag(name: str, text: str) -> bool:
    """Return True or False, in whatever case. Raises ServiceError."""
    try:
        return {"true": True, "false": False}[text.strip().lower()]
    except KeyError:
        raise unfit(name) from None


def settings(body: bytes, root: str, *, flags: tuple[str, ...]) -> dict[str, int | bool]:
    """Return the numbers and flags of a Queue or Topic by element name."""
    found: dict[str, int | bool] = {}
    for name, text in texts(parse(body, root)).items():
        if name in flags:
            found[name] = flag(name, text)
        elif _NUMBER.fullmatch(text.strip()):
            found[name] = int(text)
        elif name.endswith(("Seconds", "Size", "Period", "Timeout")):
            raise unfit(name)
    return found


def draft(element: ET.Element, *, longest: int, topic: bool = False) -> Draft:
    """Return what a Message element wants to send; `longest` in bytes. Raises ServiceError."""
    found: dict[str, str] = {}
    user: tuple[Property, ...] = ()
    system: tuple[Property, ...] = ()
    for child in element:
        name = local(child)
        if name == "UserProperties":
            user = _properties(child, "PropertyValue")
        elif name == "SystemProperties":
            system = _properties(child, "SystemPropertyValue")
        else:
            found[name] = child.text or ""
    body = found.get("MessageBody", "")
    if not body:
        raise unfit("MessageBody")
    if len(body) * 4 > longest and len(body.encode()) > longest:
        raise out_of_range("MessageBody", 1, longest, "bytes")
    for given in system:
        if given.name not in _SYSTEM:
            raise unfit(given.name)
    delay = _within("DelaySeconds", found, 0, LONGEST_DELAY)
    priority = _within("Priority", found, 1, 16)
    tag = found.get("MessageTag") or None if topic else None
    if tag is not None and len(tag) > LONGEST_TAG:
        raise out_of_range("MessageTag", 1, LONGEST_TAG, "characters")
    return Draft(
        body=body,
        delay=delay,
        priority=8 if priority is None else priority,
        group=found.get("MessageGroupId") or None,
        tag=tag,
        user_properties=user,
        system_properties=system,
    )


def optional(found: dict[str, str], name: str, read: Callable[[str, str], _T]) -> _T | None:
    """Return what `read` makes of an element, None where it is absent."""
    return read(name, found[name]) if name in found else None


def _within(name: str, found: dict[str, str], low: int, high: int) -> int | None:
    value = optional(found, name, number)
    if value is not None and not low <= value <= high:
        raise out_of_range(name, low, high, "seconds" if name == "DelaySeconds" else "")
    return value


def _properties(parent: ET.Element, wanted: str) -> tuple[Property, ...]:
    found = []
    for child in parent:
        if local(child) != wanted:
            raise unfit(local(child))
        values = texts(child)
        if not values.get("Name") or "Value" not in values:
            raise unfit(wanted)
        found.append(Property(values["Name"], values["Value"], values.get("Type", "STRING")))
        if not _fits(found[-1]):
            raise unfit(values["Name"])
    return tuple(found)


def _fits(given: Property) -> bool:
    if given.type == "STRING":
        return True
    if given.type == "NUMBER":
        return _DECIMAL.fullmatch(given.value) is not None
    if given.type == "BOOLEAN":
        return given.value.lower() in {"true", "false"}
    if given.type == "BINARY":
        try:
            base64.b64decode(given.value, validate=True)
        except binascii.Error:
            return False
        return True
    return False
