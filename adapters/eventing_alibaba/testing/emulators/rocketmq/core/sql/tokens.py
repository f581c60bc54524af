"""An expression's words: keywords, names, numbers, strings and signs."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError

KEYWORDS: Final = frozenset(
    ("NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "FALSE", "NULL", "IS")
) | {"CONTAINS", "STARTSWITH", "ENDSWITH"}

Sort: TypeAlias = Literal["keyword", "name", "number", "string", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""(?P<blank>\s+|--[^\r\n]*|/\*.*?\*/)
      | (?P<number>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|(?:0|[1-9]\d*)[lL]?)
      | (?P<string>'(?:''|[^'])*')
      | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
      | (?P<sign><>|<=|>=|[=<>(),+-])""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word: what it is, its text (keywords in capitals, strings without quotes)."""

    sort: Sort
    text: str


def tokens(expression: str) -> list[Token]:
    """Return the words and an end. Raises ServiceError at what is none."""
    found: list[Token] = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise illegal(f"{expression[at]!r} at {at} belongs to nothing")
        at = match.end()
        text = match.group()
        if match.lastgroup == "word":
            upper = text.upper()
            found.append(Token("keyword", upper) if upper in KEYWORDS else Token("name", text))
        elif match.lastgroup == "string":
            found.append(Token("string", text[1:-1].replace("''", "'")))
        elif match.lastgroup == "number":
            found.append(Token("number", text.rstrip("lL")))
        elif match.lastgroup == "sign":
            found.append(Token("sign", text))
    return [*found, Token("end", "the end")]


def illegal(why: str) -> ServiceError:
    """Return the refusal of an expression, with the code that a proxy makes of the broker's."""
    return ServiceError("INTERNAL_SERVER_ERROR", f"parse the consumer's subscription failed, {why}")
