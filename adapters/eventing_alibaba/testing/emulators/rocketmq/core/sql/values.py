"""What an expression is made of: functions from properties to a value.

A value is a string, a number, True, False, or None for what is unknown. Properties are strings; one
that is compared with a number is read as a number of the same kind: `n > 4` cannot read "7.5",
which `n > 4.0` can. What cannot be read makes the message fail the whole expression, whatever the
rest of it says, because the broker gives up there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float | bool | None
Evaluate: TypeAlias = Callable[[Mapping[str, str]], Value]

_WHOLE: Final = re.compile(r"[+-]?\d+")


class UnreadableError(ValueError):
    """A property cannot be read as what it is compared with."""


@dataclass(slots=True, frozen=True)
class Node:
    """A part of an expression.

    Attributes:
        evaluate: its value for a message's properties.
        sort: what can be done with it: `constant` and `value` can be compared, a `condition` can
            be joined, a `property` both, and only it can be asked for substrings.
        constant: the value of a constant.
    """

    evaluate: Evaluate
    sort: str
    constant: Value = None

    @property
    def boolean(self) -> bool:
        """Whether it can stand where a condition is wanted."""
        return self.sort in ("condition", "property") or isinstance(self.constant, bool)

    @property
    def ordered(self) -> bool:
        """Whether it can be less or greater than something."""
        if self.sort == "constant":
            return isinstance(self.constant, int | float) and not isinstance(self.constant, bool)
        return self.sort in ("property", "value")


ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def constant(value: Value) -> Node:
    """Return what always has this value."""
    return Node(lambda _: value, "constant", value)


def named(name: str) -> Node:
    """Return a message's property."""
    return Node(lambda properties: properties.get(name), "property")


def negative(node: Node) -> Node:
    """Return a number with the other sign; a property has none that could be turned."""
    if isinstance(node.constant, int | float):
        return constant(-node.constant)

    def evaluate(properties: Mapping[str, str]) -> Value:
        if node.evaluate(properties) is None:
            return None
        raise UnreadableError

    return Node(evaluate, "value")


def ordered(left: Node, sign: str, right: Node) -> Node:
    """Return the comparison of two numbers."""
    holds = ORDERS[sign]

    def evaluate(properties: Mapping[str, str]) -> Value:
        one, other = left.evaluate(properties), right.evaluate(properties)
        if one is None or other is None:
            return None
        if isinstance(one, str) and isinstance(other, str):
            return holds(_read(one, 0.0), _read(other, 0.0))
        return holds(_read(one, other), _read(other, one))

    return Node(evaluate, "condition")


def equal(left: Node, right: Node) -> Node:
    """Return whether two values are the same, unknown where the first one is."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        one, other = left.evaluate(properties), right.evaluate(properties)
        if one is None:
            return None
        if isinstance(one, str) and isinstance(other, str):
            return one == other
        if isinstance(one, bool) or isinstance(other, bool):
            return str(one).lower() == "true" if other is True else _false(one, other)
        return other is not None and _read(one, other) == _read(other, one)

    return Node(evaluate, "condition")


def missing(node: Node) -> Node:
    """Return whether there is no such value."""
    return Node(lambda properties: node.evaluate(properties) is None, "condition")


def among(node: Node, choices: frozenset[str]) -> Node:
    """Return whether a property is one of these."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        value = node.evaluate(properties)
        return None if value is None else value in choices

    return Node(evaluate, "condition")


def texts(node: Node, verb: str, text: str, *, negated: bool) -> Node:
    """Return whether a property contains, begins or ends with a text; False where it is missing."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        value = node.evaluate(properties)
        if not isinstance(value, str) or not text:
            return False
        if verb == "CONTAINS":
            found = text in value
        else:
            found = value.startswith(text) if verb == "STARTSWITH" else value.endswith(text)
        return found is not negated

    return Node(evaluate, "condition")


def negated(node: Node) -> Node:
    """Return the contrary, unknown of what is unknown."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        value = truth(node.evaluate(properties))
        return None if value is None else not value

    return Node(evaluate, "condition")


def both(left: Node, right: Node) -> Node:
    """Return whether both hold: False beats unknown."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        one = truth(left.evaluate(properties))
        if one is False:
            return False
        other = truth(right.evaluate(properties))
        return other if other is False or one is True else None

    return Node(evaluate, "condition")


def either(left: Node, right: Node) -> Node:
    """Return whether one of them holds: True beats unknown."""

    def evaluate(properties: Mapping[str, str]) -> Value:
        one = truth(left.evaluate(properties))
        if one is True:
            return True
        other = truth(right.evaluate(properties))
        return other if other is True or one is False else None

    return Node(evaluate, "condition")


def truth(value: Value) -> bool | None:
    """Return a condition's value: what is no truth is not true."""
    return value if value is None or isinstance(value, bool) else False


def _read(value: Value, like: Value) -> float:
    """Return a value as a number of the other one's kind. Raises UnreadableError."""
    if not isinstance(value, str):
        return value or 0
    if isinstance(like, int):
        if _WHOLE.fullmatch(value):
            return int(value)
        raise UnreadableError
    try:
        return float(value)
    except ValueError:
        raise UnreadableError from None


def _false(one: Value, other: Value) -> bool:
    """Whether a value equals FALSE: any text but "true" does."""
    return other is False and str(one).lower() != "true"
