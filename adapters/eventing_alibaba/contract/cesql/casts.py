"""The three types and the casts between them (CESQL 1.0, sections 3.1 and 3.7).

A CESQL type is a Python class here: `str`, `int`, `bool`, and `object` where it is known only when
an event is there. A value's type is its exact class, as Python counts `True` among the whole
numbers and CESQL does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from eventing_alibaba.contract.cesql.errors import CastError

Value: TypeAlias = str | int | bool
Type: TypeAlias = type[object]

SMALLEST: Final = -(2**31)
LARGEST: Final = 2**31 - 1

# Leading zeros apart, no more than ten digits can be a whole number of 32 bits; a header's value
# may have thousands.
_INTEGER: Final = re.compile(r"([+-]?)0*([0-9]{1,10})")
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def text(value: Value) -> str:
    """Return the value as text; always possible."""
    if value.__class__ is bool:
        return "true" if value else "false"
    return str(value)


def integer(value: Value) -> int:
    """Return the value as a whole number of 32 bits. Raises CastError."""
    if value.__class__ is int:
        return value
    if not isinstance(value, str):
        return 1 if value else 0
    match = _INTEGER.fullmatch(value)
    if match is None:
        raise CastError
    number = int(match[1] + match[2])
    if not SMALLEST <= number <= LARGEST:
        raise CastError
    return number


def boolean(value: Value) -> bool:
    """Return the value as true or false. Raises CastError."""
    if isinstance(value, str):
        found = _BOOLEANS.get(value.lower())
        if found is None:
            raise CastError
        return found
    return value != 0


CASTS: Final[Mapping[Type, Callable[[Value], Value]]] = {str: text, int: integer, bool: boolean}
"""The cast to each type that is one; `object` needs none."""
