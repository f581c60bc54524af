"""Text to tree: recursive descent over the tokens (CESQL 1.0, sections 2 and 3.6).

From tightest to loosest: functions; `NOT` and unary minus; `LIKE` and `IN`; `* / %`; `+ -`;
comparisons; `AND OR XOR`, which are all of one rank. Two shapes are refused although the grammar
has them, because what they mean is not what most people read, and an event that a filter excludes
by a misreading is acknowledged and gone:

    a OR b AND c    The specification says from left to right, its grammar and the implementations
                    go from right to left, and SQL takes AND first.
    NOT a = b       It is (NOT a) = b, which hardly anybody means.

Parentheses cure both, and then every implementation agrees.

What is certain to fail for each event is refused here too: a function that does not exist or does
not take so many arguments, a literal where its cast must fail.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

from eventing_alibaba.contract.cesql import tree
from eventing_alibaba.contract.cesql.casts import CASTS, LARGEST, SMALLEST, Type
from eventing_alibaba.contract.cesql.errors import CastError, ExpressionError
from eventing_alibaba.contract.cesql.functions import SIGNATURES, Signature
from eventing_alibaba.contract.cesql.tokens import Token, place, tokens

LONGEST: Final = 4096
"""Characters of an expression."""
DEEPEST: Final = 32
"""Levels of an expression; evaluating one takes a few calls of Python a level."""

_LOGIC: Final = frozenset({"AND", "OR", "XOR"})
_EQUALITY: Final = frozenset({"=", "!="})
_POWER: Final[Mapping[str, int]] = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys(("*", "/", "%"), 3),
    **dict.fromkeys(("LIKE", "IN", "NOT"), 4),
}
_TYPES: Final[Mapping[Type, str]] = {int: "a whole number of 32 bits", bool: "true or false"}


def parse(expression: str) -> tree.Node:
    """Return the tree of an expression. Raises ExpressionError with a sentence and the place."""
    if len(expression) > LONGEST:
        raise ExpressionError(f"has {len(expression)} characters; an expression may have {LONGEST}")
    return _Parser(expression).whole()


class _Parser:
    """Reads the tokens once; `self._next` is the one that was not yet taken."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = iter(tokens(expression))
        self._next = next(self._tokens)
        self._nested = 0

    def whole(self) -> tree.Node:
        found = self._logic()
        if self._next.kind != "end":
            raise self._unexpected("an operator or the end")
        if tree.depth(found) > DEEPEST:
            raise self._too_deep(0)
        return found

    def _logic(self) -> tree.Node:
        at = self._next.at
        first = self._binary(1)
        operator = self._next
        if not _joins(operator):
            return first
        operands = [self._fitting(first, bool, at, operator.text)]
        while _joins(self._next):
            taken = self._take()
            if taken.text != operator.text:
                raise self._wrong(
                    taken.at,
                    f"{operator.text} and {taken.text} have the same rank in CESQL, and"
                    " implementations differ in which goes first; put parentheses around one",
                )
            at = self._next.at
            operands.append(self._fitting(self._binary(1), bool, at, taken.text))
        return tree.Logic(operator.text, tuple(operands))

    def _binary(self, least: int) -> tree.Node:
        at = self._next.at
        left = self._prefix()
        while self._next.kind in ("symbol", "keyword"):
            operator = self._next.text
            power = _POWER.get(operator, 0)
            if power < least or power == 0:
                break
            if power == _POWER["LIKE"]:
                left = self._postfix(left)
                continue
            self._take()
            right_at = self._next.at
            right = self._binary(power + 1)
            if operator in _EQUALITY:
                left = tree.Comparison(
                    operator, self._fitting(left, right.type, at, operator), right
                )
                continue
            self._fitting(left, int, at, operator)
            self._fitting(right, int, right_at, operator)
            made = tree.Comparison if power == 1 else tree.Arithmetic
            left = made(operator, left, right)
        return left

    def _postfix(self, operand: tree.Node) -> tree.Node:
        negated = self._took("keyword", "NOT")
        if self._took("keyword", "LIKE"):
            if self._next.kind != "text":
                raise self._unexpected("a pattern in quotes")
            return tree.Like(operand, self._take().text, negated)
        if self._took("keyword", "IN"):
            if not self._opens():
                raise self._unexpected("a list in parentheses")
            opened = self._next.at
            items = self._list()
            if not items:
                raise self._wrong(opened, "IN has nothing in its parentheses")
            found = tuple(self._fitting(item, operand.type, where, "IN") for item, where in items)
            return tree.In(operand, found, negated)
        raise self._unexpected("LIKE or IN")

    def _prefix(self) -> tree.Node:
        self._nested += 1
        if self._nested > DEEPEST:
            raise self._too_deep(self._next.at)
        try:
            return self._unary()
        finally:
            self._nested -= 1

    def _unary(self) -> tree.Node:
        start = self._next
        if self._took("keyword", "NOT"):
            at = self._next.at
            operand = self._fitting(self._prefix(), bool, at, "NOT")
            if self._next.kind in ("symbol", "keyword") and self._next.text in _POWER:
                after = self._next
                raise self._wrong(
                    start.at,
                    f"NOT takes only what stands between it and {self._shown(after)}; put"
                    " parentheses after NOT around all that it is about",
                )
            return tree.Not(operand)
        if self._took("symbol", "-"):
            at = self._next.at
            if self._next.kind == "number":
                return self._number("-", start.at)
            return tree.Negative(self._fitting(self._prefix(), int, at, "-"))
        if self._took("symbol", "+"):
            if self._next.kind != "number":
                raise self._unexpected("a whole number")
            return self._number("+", start.at)
        return self._primary()

    def _primary(self) -> tree.Node:
        token = self._next
        if token.kind == "number":
            return self._number("", token.at)
        if token.kind == "end":
            raise self._unexpected("a value")
        self._take()
        if token.kind == "text":
            return tree.Literal(token.text)
        if token.kind == "word":
            if self._opens():
                return self._call(token)
            return tree.Attribute(self._attribute(token))
        if token.text in ("TRUE", "FALSE"):
            return tree.Literal(token.text == "TRUE")
        if token.text == "EXISTS":
            if self._next.kind not in ("word", "number"):
                raise self._unexpected("the name of an attribute")
            return tree.Exists(self._attribute(self._take()))
        if token.text == "(":
            found = self._logic()
            self._close()
            return found
        raise self._unexpected("a value", token)

    def _number(self, sign: str, at: int) -> tree.Node:
        value = int(sign + self._take().text)
        if not SMALLEST <= value <= LARGEST:
            raise self._wrong(at, f"a whole number lies between {SMALLEST} and {LARGEST}")
        return tree.Literal(value)

    def _attribute(self, token: Token) -> str:
        name = token.text.lower()
        if "_" in name:
            raise self._wrong(
                token.at, f"`{name}` is no attribute: names have letters and digits only"
            )
        if name == "data":
            raise self._wrong(token.at, "`data` is no attribute: filters never see the data")
        return name

    def _call(self, name: Token) -> tree.Node:
        arguments = self._list()
        upper = name.text.upper()
        signature = self._signature(upper, len(arguments), name.at)
        types = signature.types(len(arguments))
        fitting = tuple(
            self._fitting(node, wanted, at, upper)
            for (node, at), wanted in zip(arguments, types, strict=True)
        )
        return tree.Call(upper, signature, fitting)

    def _signature(self, name: str, count: int, at: int) -> Signature:
        signatures = SIGNATURES.get(name)
        if signatures is None:
            near = difflib.get_close_matches(name, SIGNATURES, n=1)
            meant = f"; did you mean {near[0]}?" if near else f": {', '.join(SIGNATURES)} do"
            raise self._wrong(at, f"the function {name} does not exist{meant}", "missingFunction")
        for signature in signatures:
            if signature.takes(count):
                return signature
        ways = " or ".join(f"{len(s.parameters)}{' or more' if s.rest else ''}" for s in signatures)
        noun = "argument" if ways == "1" else "arguments"
        raise self._wrong(at, f"{name} takes {ways} {noun}, not {count}", "missingFunction")

    def _list(self) -> list[tuple[tree.Node, int]]:
        """Take a list in parentheses; return its items and where they begin."""
        self._take()
        found: list[tuple[tree.Node, int]] = []
        if self._took("symbol", ")"):
            return found
        while True:
            at = self._next.at
            found.append((self._logic(), at))
            if not self._took("symbol", ","):
                self._close()
                return found

    def _close(self) -> None:
        if not self._took("symbol", ")"):
            raise self._unexpected("an operator or a closing parenthesis")

    def _fitting(self, node: tree.Node, wanted: Type, at: int, by: str) -> tree.Node:
        """Return the node; refuse a literal that cannot be cast to what `by` wants."""
        if isinstance(node, tree.Literal) and wanted is not object:
            try:
                CASTS[wanted](node.value)
            except CastError:
                raise self._wrong(
                    at,
                    f"{by} takes {_TYPES[wanted]} here, not {_shortened(repr(node.value))}",
                    "cast",
                ) from None
        return node

    def _opens(self) -> bool:
        return self._next.kind == "symbol" and self._next.text == "("

    def _took(self, kind: str, text: str) -> bool:
        if self._next.kind == kind and self._next.text == text:
            self._take()
            return True
        return False

    def _take(self) -> Token:
        taken = self._next
        self._next = next(self._tokens, taken)
        return taken

    def _shown(self, token: Token) -> str:
        return f"`{_shortened(self._expression[token.at : token.end])}`"

    def _unexpected(self, wanted: str, token: Token | None = None) -> ExpressionError:
        token = token or self._next
        if token.kind == "end":
            return ExpressionError(f"it ends where {wanted} must follow")
        return self._wrong(token.at, f"{self._shown(token)} stands where {wanted} must")

    def _too_deep(self, at: int) -> ExpressionError:
        return self._wrong(at, f"it is nested more than {DEEPEST} levels deep")

    def _wrong(self, at: int, why: str, kind: str = "parse") -> ExpressionError:
        return ExpressionError(f"{place(self._expression, at)}: {why}", kind=kind)


def _joins(token: Token) -> bool:
    return token.kind == "keyword" and token.text in _LOGIC


def _shortened(text: str) -> str:
    return text if len(text) <= 32 else f"{text[:29]}..."
