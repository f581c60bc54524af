"""What the built-in functions do (CESQL 1.0, section 3.5); arguments come cast.

Characters are Unicode code points, as everywhere in CESQL's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from eventing_alibaba.contract.cesql.casts import LARGEST, SMALLEST, Value, boolean, integer
from eventing_alibaba.contract.cesql.errors import CastError, FunctionEvaluationError, MathError

# Unicode's White_Space; `str.strip` would also take four control characters that are none.
_WHITE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def _left(text: str, count: int) -> str:
    if count < 0:
        raise FunctionEvaluationError
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        raise FunctionEvaluationError
    return text[max(0, len(text) - count) :]


def _substring(text: str, position: int, length: int = LARGEST) -> str:
    if abs(position) > len(text) or length < 0:
        raise FunctionEvaluationError
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def _absolute(number: int) -> int:
    if number == SMALLEST:
        raise MathError
    return abs(number)


def _castable(cast: Callable[[Value], Value]) -> Callable[[Value], bool]:
    def check(value: Value) -> bool:
        try:
            cast(value)
        except CastError:
            return False
        return True

    return check


def _same(value: Value) -> Value:
    return value


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "LENGTH": len,
    "CONCAT": lambda *texts: "".join(texts),
    "CONCAT_WS": lambda between, *texts: between.join(texts),
    "LOWER": str.lower,
    "UPPER": str.upper,
    "TRIM": lambda text: text.strip(_WHITE),
    "LEFT": _left,
    "RIGHT": _right,
    "SUBSTRING": _substring,
    "ABS": _absolute,
    "INT": _same,
    "BOOL": _same,
    "STRING": _same,
    "IS_INT": _castable(integer),
    "IS_BOOL": _castable(boolean),
}
