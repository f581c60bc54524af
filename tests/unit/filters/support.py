"""Events, filters and expressions for the tests of filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st
from pydantic import Field

from eventing_alibaba.contract.cesql import tree
from eventing_alibaba.contract.cesql.casts import LARGEST, SMALLEST
from eventing_alibaba.contract.cesql.functions import SIGNATURES
from eventing_alibaba.contract.event import CONTEXT, AttributeValue, Event
from eventing_alibaba.contract.filters import Filters
from eventing_alibaba.contract.model import Model
from eventing_alibaba.contract.validation import read
from eventing_alibaba.flow.filters.compile import compile_filters


class Holder(Model):
    """What has filters."""

    filters: Filters = Field(default_factory=list)
    """The filters."""


def event(**attributes: AttributeValue) -> Event:
    """Return an event with these attributes; the required ones have values of their own."""
    found: dict[str, Any] = {"id": "1", "source": "/s", "type": "t", "data": None}
    extensions = {}
    for name, value in attributes.items():
        if name in CONTEXT:
            found[name] = value
        else:
            extensions[name] = value
    found.pop("specversion", None)
    return Event(**found, extensions=extensions)


def passes(attributes: Mapping[str, AttributeValue] | Event, *filters: Mapping[str, Any]) -> bool:
    """Return whether an event passes filters as a manifest has them."""
    check = compile_filters(read(Holder, {"filters": list(filters)}).filters)
    assert check is not None
    found = check(attributes if isinstance(attributes, Event) else event(**attributes))
    assert isinstance(found, bool)
    return found


NAMES: Final = ("type", "subject", "tenant", "count", "flag")
"""Attributes of the events below: always there, sometimes there, extensions."""

# A backslash at the end of a text, or before a quote, cannot be written in CESQL.
TEXTS: Final = st.one_of(
    st.sampled_from(
        ["", "a", "ab", "a%b_c", "%", "_", r"a\b", "true", "FALSE", "7", "-7", "x'\"y"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=6),
)
PATTERNS: Final = st.lists(
    st.sampled_from(["a", "b", "%", "_", r"\%", r"\_", r"\a", ".", "\n"]), max_size=8
).map("".join)
INTEGERS: Final = st.one_of(
    st.sampled_from([0, 1, -1, SMALLEST, LARGEST]), st.integers(SMALLEST, LARGEST)
)
VALUES: Final = st.one_of(TEXTS, INTEGERS, st.booleans())

EVENTS: Final = st.builds(
    lambda required, optional: event(**required, **optional),
    st.fixed_dictionaries({"type": TEXTS}),
    st.fixed_dictionaries(
        {},
        optional={
            "subject": TEXTS,
            "tenant": TEXTS,
            "count": st.one_of(INTEGERS, st.just(2**40)),
            "flag": st.booleans(),
        },
    ),
)
"""Events with any of `NAMES`."""


def _call(name: str, arguments: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    def called(count: int) -> st.SearchStrategy[tree.Node]:
        (signature,) = [s for s in SIGNATURES[name] if s.takes(count)]
        return st.tuples(*[arguments] * count).map(lambda found: tree.Call(name, signature, found))

    counts = {
        count
        for signature in SIGNATURES[name]
        for count in range(len(signature.parameters), 4)
        if signature.takes(count)
    }
    return st.sampled_from(sorted(counts)).flatmap(called)


def _larger(nodes: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    several = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(tree.Not, nodes),
        st.builds(tree.Negative, nodes),
        st.builds(tree.Arithmetic, st.sampled_from("+-*/%"), nodes, nodes),
        st.builds(
            tree.Comparison, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), nodes, nodes
        ),
        st.builds(tree.Logic, st.sampled_from(["AND", "OR", "XOR"]), several),
        st.builds(tree.Like, nodes, PATTERNS, st.booleans()),
        st.builds(tree.In, nodes, several, st.booleans()),
        st.sampled_from(sorted(SIGNATURES)).flatmap(lambda name: _call(name, nodes)),
    )


TREES: Final = st.recursive(
    st.one_of(
        VALUES.map(tree.Literal),
        st.sampled_from(NAMES).map(tree.Attribute),
        st.sampled_from(NAMES).map(tree.Exists),
    ),
    _larger,
    max_leaves=8,
)
"""Any trees, also those with a literal that cannot be cast."""


def written(node: tree.Node) -> str:
    """Return an expression that means the tree, each operand in parentheses."""

    def inner(child: tree.Node) -> str:
        return f"({written(child)})"

    match node:
        case tree.Literal(value=bool() as value):
            return str(value)
        case tree.Literal(value=int() as value):
            return str(value)
        case tree.Literal(value=str() as value):
            return quoted(value)
        case tree.Attribute(name=name):
            return name
        case tree.Exists(name=name):
            return f"EXISTS {name}"
        case tree.Not(operand=operand):
            return f"NOT {inner(operand)}"
        case tree.Negative(operand=operand):
            return f"-{inner(operand)}"
        case tree.Like(operand=operand, pattern=pattern, negated=negated):
            return f"{inner(operand)} {'NOT ' * negated}LIKE {quoted(pattern)}"
        case tree.In(operand=operand, items=items, negated=negated):
            listed = ", ".join(map(written, items))
            return f"{inner(operand)} {'NOT ' * negated}IN ({listed})"
        case tree.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(written, arguments))})"
        case tree.Logic(operator=operator, operands=operands):
            return f" {operator} ".join(map(inner, operands))
        case tree.Arithmetic() | tree.Comparison():
            return f"{inner(node.left)} {node.operator} {inner(node.right)}"
    raise AssertionError(node)


def quoted(value: str) -> str:
    """Return a text as a literal."""
    return "'" + value.replace("'", "\\'") + "'"
