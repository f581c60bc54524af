"""An expression cut into tokens (CESQL 1.0, section 2.2).

Keywords, functions and attributes are read in any case; keywords and functions come out in upper
case, attributes are lower case by their nature. In a quoted text a backslash takes the quote's
meaning from the quote; before anything else it stays, for `LIKE` to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from eventing_alibaba.contract.cesql.errors import ExpressionError

KEYWORDS: Final = frozenset(
    {"AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "FALSE"},
)
_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*
    (?: (?P<word>   [A-Za-z0-9_]+ )
      | (?P<text>   '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
      | (?P<symbol> <> | <= | >= | != | [-=<>(),*/%+] )
      | (?P<end>    \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
_BLANKS: Final = " \t\r\n"
_INSTEAD: Final[Mapping[str, str]] = {
    "&": "write AND",
    "|": "write OR",
    "!": "write NOT, or != for unequal",
    "`": "an attribute's name stands without quotes",
    "\u2018": "write a straight quote, '",
    "\u2019": "write a straight quote, '",
    "\u201c": 'write a straight quote, "',
    "\u201d": 'write a straight quote, "',
    ".": "an attribute's name has letters and digits only, and there are no decimal fractions",
}


@dataclass(slots=True, frozen=True)
class Token:
    """One token.

    Attributes:
        kind: what it is.
        text: a keyword or symbol as it is compared; a text without its quotes and escapes; else
            what was written.
        at: where it begins, from 0.
        end: where the next one may begin.
    """

    kind: Literal["word", "number", "keyword", "text", "symbol", "end"]
    text: str
    at: int
    end: int


def tokens(expression: str) -> list[Token]:
    """Return the tokens, the last one of kind `end`. Raises ExpressionError with the place."""
    found: list[Token] = []
    position = 0
    while True:
        match = _TOKEN.match(expression, position)
        if match is None:
            raise _unknown(expression, position)
        kind = str(match.lastgroup)
        at, position = match.span(kind)
        written = match[kind]
        if kind == "end":
            found.append(Token("end", "", at, at))
            return found
        if kind == "word":
            found.append(_word(written, at, position))
        elif kind == "symbol":
            found.append(Token("symbol", "!=" if written == "<>" else written, at, position))
        else:
            quote = written[0]
            if expression.startswith(quote, position):
                raise ExpressionError(
                    f"{place(expression, position)}: two quotes side by side are read differently"
                    f" by different implementations; write \\{quote} for a quote in a text"
                )
            bare = re.sub(rf"\\({quote})|\\.", _unescaped, written[1:-1], flags=re.DOTALL)
            found.append(Token("text", bare, at, position))


def place(expression: str, at: int) -> str:
    """Return how a position is told: `at character 5`, with the line where there are several."""
    line = expression.count("\n", 0, at) + 1
    column = at - expression.rfind("\n", 0, at)
    several = "\n" in expression
    return f"at line {line}, character {column}" if several else f"at character {column}"


def _word(written: str, at: int, end: int) -> Token:
    upper = written.upper()
    if upper in KEYWORDS:
        return Token("keyword", upper, at, end)
    return Token("number" if written.isdecimal() else "word", written, at, end)


def _unescaped(match: re.Match[str]) -> str:
    return match[1] or match[0]


def _unknown(expression: str, position: int) -> ExpressionError:
    while expression[position] in _BLANKS:
        position += 1
    character = expression[position]
    if character in "'\"":
        return ExpressionError(
            f"{place(expression, position)}: the text that begins here has no end;"
            f" close it with {character}"
        )
    instead = _INSTEAD.get(character)
    return ExpressionError(
        f"{place(expression, position)}: {character!r} has no meaning in CESQL"
        + (f"; {instead}" if instead else "")
    )
