"""Moving where a group goes on: what a person asks for, and what became of it.

A source whose broker keeps positions for a group may have a method of its spec

    def seek(self, context: Context, wish: Wish) -> Sequence[Move]

which is found by its name. It blocks, opens a connection of its own and needs no adapter; none may
run. It raises a SourceError, or `Unseekable` with a sentence where the wish cannot be fulfilled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MOST: Final = 2**63 - 1


class Unseekable(ValueError):
    """What was asked for does not exist; the text is a sentence that says what does."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a log.

    Attributes:
        text: `earliest`, `latest`, an RFC 3339 time, or a number.
        offset: that number; None where it is none.
    """

    text: str
    offset: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person wrote. Raises ValueError with a sentence."""
        if text in ("earliest", "latest"):
            return cls(text)
        if text.isascii() and text.isdigit():
            if len(text) > 19 or int(text) > _MOST:
                raise ValueError(f"{text} is larger than any offset")
            return cls(text, int(text))
        found = _TIME.fullmatch(text)
        try:
            if found:
                datetime.fromisoformat(f"{found[1]}{found[3]}".upper())
                return cls(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is no date and time; write it as 2026-01-31T08:00:00Z"
            ) from None
        raise ValueError(
            f"{text!r} must be earliest, latest, a time such as 2026-01-31T08:00:00Z, or an offset"
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What to move where.

    Attributes:
        to: the new place.
        topic: only this one; None = all of the source.
        partition: only this one; None = all.
        dry_run: say what would be done, and do nothing.
    """

    to: Place
    topic: str | None = None
    partition: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One partition; `before` is None where the group had no place in it."""

    topic: str
    partition: int
    before: int | None
    after: int
