"""What many events have in common, so that it is rendered once.

Most events of a source differ in a few values only: an id, a time, a key. A source may say so with
an *outline*: the attributes in their order, each as constant text around values that vary. A sink
makes a template of it when it first sees it, and an event then costs one formatting of its values,
instead of an `Event`, a mapping of extensions, and a line for each of them.

It is a shortcut and nothing else. `outline(message)` of a source, where there is one, returns None
for whatever is out of the ordinary; and an encoder does not use it for values with characters that
it would have to escape. Then the event is made and encoded as always, with the very same bytes as
the result. A property test holds the two roads against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import AttributeValue
    from eventing_alibaba.contract.message import Message


@dataclass(slots=True, frozen=True)
class Varying:
    """An attribute's value with one value between each two of its `pieces`.

    Attributes:
        pieces: constant text, at least two; empty where a value begins or ends with what varies.
        integer: the value is an Integer of CloudEvents (32 bits, with sign).
    """

    pieces: tuple[str, ...] = ("", "")
    integer: bool = False


# Compared by identity: a source makes one for each kind of its events and keeps it.
@dataclass(slots=True, frozen=True, eq=False)
class Outline:
    """Events of one kind.

    Attributes:
        attributes: all but `specversion` and `datacontenttype`, in the order of an `Event`'s, and
            its extensions last: constant values, or what varies.
        datacontenttype: media type of the data; these events always have data.
        json: the data is known to be JSON, since it was parsed.
    """

    attributes: tuple[tuple[str, AttributeValue | Varying], ...]
    datacontenttype: str
    json: bool


def constant(text: bytes) -> bytes:
    """Return what stands for these bytes in a template, where `%b` stands for a value."""
    return text.replace(b"%", b"%%")


Values: TypeAlias = tuple[bytes, ...]
"""What varies, in the order of the outline; text is UTF-8, an integer is decimal."""

Outlining: TypeAlias = Callable[["Message"], "tuple[Outline, Values] | None"]
"""A source's optional `outline(message)`; the data is the message's body. Pure."""
