"""Reads an expression by the grammar of the broker's own parser.

    or          and { OR and }
    and         equality { AND equality }
    equality    comparison { = comparison | <> comparison | IS [NOT] NULL }
    comparison  unary { (> >= < <=) unary | [NOT] BETWEEN unary AND unary
                      | [NOT] IN ( string, ... ) | [NOT] CONTAINS string ... }
    unary       + unary | - unary | NOT unary | ( or ) | number | string | name | TRUE | FALSE

It refuses what the broker refuses: a comparison by size with a string or a truth, a comparison with
NULL, and a whole expression that is no condition.
"""

from __future__ import annotations

from eventing_alibaba.testing.emulators.rocketmq.core.sql import values
from eventing_alibaba.testing.emulators.rocketmq.core.sql.tokens import Token, illegal, tokens
from eventing_alibaba.testing.emulators.rocketmq.core.sql.values import Evaluate, Node

_TEXTS = ("CONTAINS", "STARTSWITH", "ENDSWITH")


def parse(expression: str) -> Evaluate:
    """Return the condition. Raises ServiceError where it is none."""
    reader = _Reader(tokens(expression))
    node = reader.condition(reader.any_of())
    reader.expect("the end")
    return lambda properties: values.truth(node.evaluate(properties))


class _Reader:
    """Goes through the words, from left to right."""

    def __init__(self, found: list[Token]) -> None:
        self._found = found
        self._at = 0

    def condition(self, node: Node) -> Node:
        if not node.boolean:
            raise illegal("a condition is wanted, and this is none")
        return node

    def any_of(self) -> Node:
        node = self._all_of()
        while self._skip("OR"):
            node = values.either(self.condition(node), self.condition(self._all_of()))
        return node

    def expect(self, text: str) -> None:
        if not self._skip(text):
            raise illegal(f"{text} is wanted, not {self._found[self._at].text!r}")

    def _all_of(self) -> Node:
        node = self._equality()
        while self._skip("AND"):
            node = values.both(self.condition(node), self.condition(self._equality()))
        return node

    def _equality(self) -> Node:
        node = self._comparison()
        while True:
            if self._skip("="):
                node = values.equal(*self._comparable(node, self._comparison()))
            elif self._skip("<>"):
                right = self._comparison()
                node = values.negated(values.equal(*self._comparable(node, right)))
            elif self._skip("IS"):
                negated = self._skip("NOT")
                self.expect("NULL")
                node = values.missing(node)
                node = values.negated(node) if negated else node
            else:
                return node

    def _comparison(self) -> Node:
        node = self._unary()
        while True:
            text = self._found[self._at].text
            if self._found[self._at].sort == "sign" and text in values.ORDERS:
                self._at += 1
                node = self._order(node, text, self._unary())
                continue
            negated = self._follows_not()
            self._at += negated
            if self._skip("BETWEEN"):
                low = self._unary()
                self.expect("AND")
                inside = values.both(
                    self._order(node, ">=", low), self._order(node, "<=", self._unary())
                )
                node = values.negated(inside) if negated else inside
            elif self._skip("IN"):
                inside = values.among(self._property(node), self._strings())
                node = values.negated(inside) if negated else inside
            elif self._found[self._at].sort == "keyword" and self._found[self._at].text in _TEXTS:
                verb = self._next().text
                node = values.texts(self._property(node), verb, self._string(), negated=negated)
            else:
                return node

    def _unary(self) -> Node:
        if self._skip("+"):
            return self._unary()
        if self._skip("-"):
            return values.negative(self._unary())
        if self._skip("NOT"):
            return values.negated(self.condition(self._unary()))
        if self._skip("("):
            node = self.any_of()
            self.expect(")")
            return node
        return self._primary()

    def _primary(self) -> Node:
        sort, text = self._next()
        if sort == "name":
            return values.named(text)
        if sort == "string":
            return values.constant(text)
        if sort == "number":
            return values.constant(int(text) if text.isdigit() else float(text))
        if sort == "keyword" and text in ("TRUE", "FALSE"):
            return values.constant(text == "TRUE")
        if sort == "keyword" and text == "NULL":
            return values.constant(None)
        raise illegal(f"a value is wanted, not {text!r}")

    def _comparable(self, left: Node, right: Node) -> tuple[Node, Node]:
        for node in (left, right):
            if node.sort == "constant" and node.constant is None:
                raise illegal("'NULL' cannot be compared")
        return left, right

    def _order(self, left: Node, sign: str, right: Node) -> Node:
        for node in (left, right):
            if not node.ordered:
                raise illegal(f"{node.constant!r} cannot be compared by {sign}")
        return values.ordered(left, sign, right)

    def _property(self, node: Node) -> Node:
        if node.sort != "property":
            raise illegal("a property is wanted before IN, CONTAINS, STARTSWITH and ENDSWITH")
        return node

    def _strings(self) -> frozenset[str]:
        self.expect("(")
        found = {self._string()}
        while self._skip(","):
            found.add(self._string())
        self.expect(")")
        return frozenset(found)

    def _string(self) -> str:
        sort, text = self._next()
        if sort != "string":
            raise illegal(f"a string in quotes is wanted, not {text!r}")
        return text

    def _follows_not(self) -> bool:
        """Whether a NOT stands here that belongs to the word after it."""
        here, *rest = self._found[self._at : self._at + 2]
        words = ("BETWEEN", "IN", *_TEXTS)
        return here == Token("keyword", "NOT") and bool(rest) and rest[0].text in words

    def _skip(self, text: str) -> bool:
        token = self._found[self._at]
        if token.text != text or token.sort in ("string", "name"):
            return False
        self._at += token.sort != "end"
        return True

    def _next(self) -> Token:
        token = self._found[self._at]
        self._at += token.sort != "end"
        return token
