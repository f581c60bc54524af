"""What an expression is made of.

Each node knows the type of its value as far as that is certain without an event. Operators and
functions always give the same type; only an extension attribute may be anything. The attributes
that CloudEvents itself defines are text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from eventing_alibaba.contract.cesql.casts import Type, Value
from eventing_alibaba.contract.cesql.functions import Signature
from eventing_alibaba.contract.event import CONTEXT


@dataclass(slots=True, frozen=True)
class Literal:
    """A text, a whole number, true or false."""

    value: Value

    @property
    def type(self) -> Type:
        """The value's own."""
        return self.value.__class__

    @property
    def children(self) -> tuple[Node, ...]:
        """None."""
        return ()


@dataclass(slots=True, frozen=True)
class Attribute:
    """The value of a context attribute."""

    name: str

    @property
    def type(self) -> Type:
        """Text, or for an extension not known."""
        return str if self.name in CONTEXT else object

    @property
    def children(self) -> tuple[Node, ...]:
        """None."""
        return ()


@dataclass(slots=True, frozen=True)
class Exists:
    """Whether the event has an attribute."""

    type: ClassVar[Type] = bool
    children: ClassVar[tuple[Node, ...]] = ()
    name: str


@dataclass(slots=True, frozen=True)
class Not:
    """The opposite."""

    type: ClassVar[Type] = bool
    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(slots=True, frozen=True)
class Negative:
    """Unary minus."""

    type: ClassVar[Type] = int
    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(slots=True, frozen=True)
class Arithmetic:
    """`+`, `-`, `*`, `/` or `%`."""

    type: ClassVar[Type] = int
    operator: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(slots=True, frozen=True)
class Comparison:
    """`=`, `!=`, `<`, `<=`, `>` or `>=`; `<>` is read as `!=`."""

    type: ClassVar[Type] = bool
    operator: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(slots=True, frozen=True)
class Logic:
    """`AND`, `OR` or `XOR` of two or more: `a AND b AND c` is one node."""

    type: ClassVar[Type] = bool
    operator: str
    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@dataclass(slots=True, frozen=True)
class Like:
    """`LIKE` and `NOT LIKE`; the pattern is what stood in the quotes, its wildcards unread."""

    type: ClassVar[Type] = bool
    operand: Node
    pattern: str
    negated: bool

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(slots=True, frozen=True)
class In:
    """`IN` and `NOT IN`."""

    type: ClassVar[Type] = bool
    operand: Node
    items: tuple[Node, ...]
    negated: bool

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand and the items."""
        return (self.operand, *self.items)


@dataclass(slots=True, frozen=True)
class Call:
    """A function that exists, with arguments it takes."""

    name: str
    signature: Signature
    arguments: tuple[Node, ...]

    @property
    def type(self) -> Type:
        """What the function returns."""
        return self.signature.result

    @property
    def children(self) -> tuple[Node, ...]:
        """The arguments."""
        return self.arguments


Node: TypeAlias = (
    Literal
    | Attribute
    | Exists
    | Not
    | Negative
    | Arithmetic
    | Comparison
    | Logic
    | Like
    | In
    | Call
)


def depth(root: Node) -> int:
    """Return how many nodes lie on the longest way down, without recursion."""
    found = 0
    waiting = [(root, 1)]
    while waiting:
        node, level = waiting.pop()
        found = max(found, level)
        waiting.extend((child, level + 1) for child in node.children)
    return found
