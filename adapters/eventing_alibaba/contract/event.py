"""A CloudEvents 1.0 event, as a source maps a message to it and the sink encodes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

AttributeValue: TypeAlias = str | int | bool

REQUIRED = frozenset({"id", "source", "type", "specversion"})
"""Attributes that an override may not touch (Knative's source contract, spec/sources.md)."""

CONTEXT = REQUIRED | {"subject", "time", "datacontenttype", "dataschema"}
"""All attributes that CloudEvents 1.0 itself defines."""

NAMES_KEPT: Final = 4096
"""Names of extensions that may be remembered as checked: a producer that makes a new one for each
message would else fill the memory."""

_NAME: Final = re.compile(r"[a-z0-9]+")


@dataclass(slots=True, eq=False)
class Event:
    """One event.

    Attributes:
        id: with `source`, what a receiver deduplicates by; stable across redeliveries.
        source: a URI reference.
        type: the kind of occurrence.
        data: the payload; None = no data (a tombstone), which is not the same as empty data.
        datacontenttype: media type of `data`; None = absent.
        subject: what in `source` it is about; None = absent.
        time: RFC 3339; None = absent.
        dataschema: a URI; None = absent.
        extensions: names `[a-z0-9]+`; values str, int or bool. Order is the order on the wire.
        structured: the message already was a structured CloudEvent in `datacontenttype`'s format
            that is not understood here (Avro, Protobuf): `data` is passed on as it is.
    """

    id: str
    source: str
    type: str
    data: bytes | None
    datacontenttype: str | None = None
    subject: str | None = None
    time: str | None = None
    dataschema: str | None = None
    extensions: dict[str, AttributeValue] = field(default_factory=dict)
    structured: bool = False


def check_names(names: Iterable[str], refused: frozenset[str] = CONTEXT) -> None:
    """Raise ValueError unless all can be names of extension attributes."""
    for name in names:
        if _NAME.fullmatch(name) is None or name in refused:
            raise ValueError(
                f"extension attribute name {name!r} must be lower-case letters and digits,"
                " and none of CloudEvents' own names"
            )
