"""A CESQL tree to a function of an event (CESQL 1.0, sections 3.2 to 3.7).

Each node becomes a closure that calls those below it. Types that are certain beforehand need no
cast and get none; for the others the cast is chosen by the class of the value that is there. The
first error ends it all, as an exception; only what AND and OR never look at cannot fail.

A whole number that needs more than 32 bits, such as the offset of a long topic, is no CESQL
integer, and an attribute that is of no CESQL type is text (section 3.2).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from eventing_alibaba.contract.cesql import tree
from eventing_alibaba.contract.cesql.casts import CASTS, LARGEST, SMALLEST, Type, Value, text
from eventing_alibaba.contract.cesql.errors import (
    EvaluationError,
    MathError,
    MissingAttributeError,
)
from eventing_alibaba.contract.event import Event
from eventing_alibaba.flow.filters.attributes import always, getter
from eventing_alibaba.flow.filters.functions import FUNCTIONS
from eventing_alibaba.flow.filters.junctions import all_of, any_of
from eventing_alibaba.flow.filters.like import matcher

# What a closure returns is known by construction, and mypy is told so by the shape of the tree.
Run: TypeAlias = Callable[[Event], Any]


def is_true(root: tree.Node) -> Callable[[Event], bool]:
    """Return whether an expression is true for an event; an error is not, nor any other value."""
    run = evaluator(root)

    def check(event: Event) -> bool:
        try:
            return run(event) is True
        except EvaluationError:
            return False

    return check


def evaluator(node: tree.Node) -> Run:
    """Return what computes the value of `node` for an event; that raises EvaluationError."""
    return _MAKERS[node.__class__](node)


def _as(node: tree.Node, wanted: Type) -> Run:
    """Return what computes the value of `node`, cast."""
    if isinstance(node, tree.Literal) and wanted is not object:
        value = CASTS[wanted](node.value)
        return lambda _event: value
    run = evaluator(node)
    if node.type is wanted or wanted is object:
        return run
    cast = CASTS[wanted]
    return lambda event: cast(run(event))


def _literal(node: tree.Literal) -> Run:
    value = node.value
    return lambda _event: value


def _attribute(node: tree.Attribute) -> Run:
    get = getter(node.name)
    if always(node.name):
        return get

    def run(event: Event) -> Value:
        value = get(event)
        if value is None:
            raise MissingAttributeError
        if value.__class__ is int and not SMALLEST <= value <= LARGEST:
            return str(value)
        return value

    return run


def _exists(node: tree.Exists) -> Run:
    get = getter(node.name)
    return lambda event: get(event) is not None


def _not(node: tree.Not) -> Run:
    run = _as(node.operand, bool)
    return lambda event: not run(event)


def _negative(node: tree.Negative) -> Run:
    run = _as(node.operand, int)
    return lambda event: _fitting(-run(event))


def _arithmetic(node: tree.Arithmetic) -> Run:
    left, right = _as(node.left, int), _as(node.right, int)
    work = _ARITHMETIC[node.operator]
    return lambda event: _fitting(work(left(event), right(event)))


def _fitting(number: int) -> int:
    if SMALLEST <= number <= LARGEST:
        return number
    raise MathError


def _divided(number: int, by: int) -> int:
    if by == 0:
        raise MathError
    quotient = abs(number) // abs(by)
    return quotient if (number < 0) is (by < 0) else -quotient


def _remainder(number: int, by: int) -> int:
    if by == 0:
        raise MathError
    remainder = abs(number) % abs(by)
    return -remainder if number < 0 else remainder


_ARITHMETIC: Final[Mapping[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _remainder,
}
_ORDER: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _comparison(node: tree.Comparison) -> Run:
    if node.operator in _ORDER:
        left, right = _as(node.left, int), _as(node.right, int)
        compare = _ORDER[node.operator]
        return lambda event: compare(left(event), right(event))
    equal = node.operator == "="
    # The left side becomes what the right side is.
    wanted = node.right.type
    left, right = _as(node.left, wanted), evaluator(node.right)
    if isinstance(node.right, tree.Literal):
        value = node.right.value
        if equal:
            return lambda event: left(event) == value
        return lambda event: left(event) != value
    if wanted is not object:
        return lambda event: (left(event) == right(event)) is equal

    def run(event: Event) -> bool:
        one, other = left(event), right(event)
        if one.__class__ is not other.__class__:
            one = CASTS[other.__class__](one)
        same: bool = one == other
        return same is equal

    return run


def _logic(node: tree.Logic) -> Run:
    runs = [_as(operand, bool) for operand in node.operands]
    if node.operator == "AND":
        return all_of(runs)
    if node.operator == "OR":
        return any_of(runs)

    def odd(event: Event) -> bool:
        found = False
        for run in runs:
            found ^= run(event)
        return found

    return odd


def _like(node: tree.Like) -> Run:
    run, match = _as(node.operand, str), matcher(node.pattern)
    if node.negated:
        return lambda event: match(run(event)) is None
    return lambda event: match(run(event)) is not None


def _in(node: tree.In) -> Run:
    run, inside = evaluator(node.operand), not node.negated
    items = [evaluator(item) for item in node.items]
    # Casts to text never fail, so a set of literals is as good as one after the other.
    literal = all(isinstance(item, tree.Literal) for item in node.items)
    texts = frozenset(text(item.value) for item in node.items if isinstance(item, tree.Literal))

    def found(event: Event) -> bool:
        value = run(event)
        kind = value.__class__
        if literal and kind is str:
            return (value in texts) is inside
        for item in items:
            other = item(event)
            if (other if other.__class__ is kind else CASTS[kind](other)) == value:
                return inside
        return not inside

    return found


def _call(node: tree.Call) -> Run:
    function = FUNCTIONS[node.name]
    types = node.signature.types(len(node.arguments))
    runs = [_as(argument, wanted) for argument, wanted in zip(node.arguments, types, strict=True)]
    if len(runs) == 1:
        (only,) = runs
        return lambda event: function(only(event))
    return lambda event: function(*[run(event) for run in runs])


_MAKERS: Final[Mapping[type, Callable[[Any], Run]]] = {
    tree.Literal: _literal,
    tree.Attribute: _attribute,
    tree.Exists: _exists,
    tree.Not: _not,
    tree.Negative: _negative,
    tree.Arithmetic: _arithmetic,
    tree.Comparison: _comparison,
    tree.Logic: _logic,
    tree.Like: _like,
    tree.In: _in,
    tree.Call: _call,
}
