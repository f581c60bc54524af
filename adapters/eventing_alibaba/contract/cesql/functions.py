"""The built-in functions by name: what they take and what they return (CESQL 1.0, section 3.5).

`INT`, `BOOL` and `STRING`, the explicit casts that section 3.7 and the conformance tests use, give
back what they take: the cast is that of any argument. `IS_INT` and `IS_BOOL` are in the known
implementations and in no table of the specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.contract.cesql.casts import Type


@dataclass(slots=True, frozen=True)
class Signature:
    """One way to call a function.

    Attributes:
        parameters: types of the arguments that must be there; `object` takes any.
        result: type of the value.
        rest: type of any number of further arguments; None = there are none.
    """

    parameters: tuple[Type, ...]
    result: Type
    rest: Type | None = None

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        least = len(self.parameters)
        return count == least or (self.rest is not None and count > least)

    def types(self, count: int) -> tuple[Type, ...]:
        """Return the types of `count` arguments."""
        rest = () if self.rest is None else (self.rest,) * (count - len(self.parameters))
        return self.parameters + rest


SIGNATURES: Final[Mapping[str, tuple[Signature, ...]]] = {
    "LENGTH": (Signature((str,), int),),
    "CONCAT": (Signature((), str, rest=str),),
    "CONCAT_WS": (Signature((str,), str, rest=str),),
    "LOWER": (Signature((str,), str),),
    "UPPER": (Signature((str,), str),),
    "TRIM": (Signature((str,), str),),
    "LEFT": (Signature((str, int), str),),
    "RIGHT": (Signature((str, int), str),),
    "SUBSTRING": (Signature((str, int), str), Signature((str, int, int), str)),
    "ABS": (Signature((int,), int),),
    "INT": (Signature((int,), int),),
    "BOOL": (Signature((bool,), bool),),
    "STRING": (Signature((str,), str),),
    "IS_INT": (Signature((object,), bool),),
    "IS_BOOL": (Signature((object,), bool),),
}
