"""`eventing-alibaba seek`: where a consumer group goes on when its adapters start again."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from typing import Final

from eventing_alibaba.cli.main import complain
from eventing_alibaba.cli.text import add_file, add_secrets
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.seek import Move, Place, Unseekable, Wish
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.runtime import kinds
from eventing_alibaba.runtime.subject import subject

_EXAMPLES: Final = """\
examples:
  eventing-alibaba seek -f source.yaml --to 2026-01-31T08:00:00Z --dry-run
      show where each partition would go on
  eventing-alibaba seek -f source.yaml --to earliest
      deliver again all that the broker still has
  eventing-alibaba seek -f source.yaml --to 4711 --topic orders --partition 3
      go on with one certain record

Stop the adapters of the source first. What was moved back is delivered a second time; what lies
before a place further on is never delivered.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `seek`."""
    parser.epilog = _EXAMPLES
    add_file(parser)
    parser.add_argument(
        "--to",
        metavar="PLACE",
        type=_place,
        required=True,
        help="earliest, latest, an RFC 3339 time (the first record of then or later), or an offset",
    )
    parser.add_argument("--topic", metavar="TOPIC", help="only this topic (default: all)")
    parser.add_argument(
        "--partition", metavar="NUMBER", type=_number, help="only this partition (default: all)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be moved, and move nothing"
    )
    add_secrets(parser)


def execute(given: argparse.Namespace) -> int:
    """Move and print the table; return the exit code. Raises SourceError."""
    found = subject(os.environ, command="seek", file=given.file, secrets=given.secrets)
    seek: Callable[[Context, Wish], Sequence[Move]] | None = getattr(found.spec, "seek", None)
    if seek is None:
        raise Misconfigured(
            f"sources of kind {found.kind} cannot seek: their broker keeps no places that could be"
            " moved"
        )
    # A client's own words would stand before the sentence that says the same better.
    logging.getLogger("eventing_alibaba").addHandler(logging.NullHandler())
    wish = Wish(given.to, given.topic, given.partition, given.dry_run)
    try:
        moves = seek(found.context(), wish)
    except Unseekable as error:
        return complain(str(error), 2)
    except ImportError as error:
        raise Misconfigured(kinds.missing(found.kind, error), reason="MissingDependency") from error
    print(_table(moves))
    if given.dry_run:
        print("nothing was moved: this was a dry run")
    return 0


def _table(moves: Sequence[Move]) -> str:
    rows = [("TOPIC", "PARTITION", "FROM", "TO")]
    rows += [
        (m.topic, str(m.partition), "-" if m.before is None else str(m.before), str(m.after))
        for m in moves
    ]
    first = max(len(row[0]) for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in (1, 2, 3)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(first), *(t.rjust(w) for t, w in zip(row[1:], widths, strict=True))]
        )
        for row in rows
    )


def _place(text: str) -> Place:
    try:
        return Place.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"{text!r} is no partition: must be a number from 0")
    return int(text)
