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

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.structured import read_structured, whole
from eventing_alibaba.sources.kafka.headers import text

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Attributes

_STRUCTURED: Final = "application/cloudevents"


def is_structured(content_type: str) -> bool:
    """Return whether data of this type is a whole event, in whatever format."""
    return content_type[: len(_STRUCTURED)].lower() == _STRUCTURED


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
    return whole(attributes, content_type, data)


def structured(media_type: str, data: bytes) -> Event | None:
    """Return the event of a structured-mode record in JSON; None if it is no whole one.

    In another format: an event without attributes, to be passed on (`structured`).
    """
    form = media_type[len(_STRUCTURED) :].partition(";")[0].strip().lower()
    if form.startswith("-batch"):
        return None
    if form not in ("", "+json"):
        return Event("", "", "", data, media_type, structured=True)
    return read_structured(data)
