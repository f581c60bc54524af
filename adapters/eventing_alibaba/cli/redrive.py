"""`eventing-alibaba redrive`: messages back out of a dead-letter queue, to be delivered again.

What moves them is the source's own affair (see `contract.redrive`); here it is counted and shown,
and stopped in order: after an interrupt the step under way is finished.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from eventing_alibaba.cli.main import INTERRUPTED, complain
from eventing_alibaba.cli.text import add_file, add_secrets
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.redrive import Progress, Unredrivable, Wish
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.runtime import kinds
from eventing_alibaba.runtime.subject import subject

_EVERY: Final = 1.0
"""Seconds between two lines of progress."""

_EXAMPLES: Final = """\
examples:
  eventing-alibaba redrive -f source.yaml --from orders-dead --dry-run
      how many would be brought back?
  eventing-alibaba redrive -f source.yaml --from orders-dead --max 100
      bring back a hundred, and see how they fare
  eventing-alibaba redrive -f source.yaml --from orders-dead
      bring back all

Adapters may run meanwhile. A message is removed from the dead-letter queue when its own queue has
it again, so nothing is lost whenever this command ends; begun anew, it goes on. What it was moving
when it was killed may be delivered twice.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `redrive`."""
    parser.epilog = _EXAMPLES
    add_file(parser)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="NAME",
        required=True,
        help="the dead-letter queue; the source's own queue is where its messages go",
    )
    parser.add_argument("--max", metavar="N", type=_count, help="messages to move (default: all)")
    parser.add_argument(
        "--dry-run", action="store_true", help="tell how many would be moved, and move nothing"
    )
    add_secrets(parser)


def execute(given: argparse.Namespace) -> int:
    """Move and tell; return the exit code. Raises SourceError."""
    found = subject(os.environ, command="redrive", file=given.file, secrets=given.secrets)
    redrive: Callable[[Context, Wish], AsyncGenerator[Progress, None]] | None = getattr(
        found.spec, "redrive", None
    )
    if redrive is None:
        raise Misconfigured(
            f"sources of kind {found.kind} cannot redrive: their broker has no dead-letter queues"
            " of its own"
        )
    # A client's own words would stand before the sentence that says the same better.
    logging.getLogger("eventing_alibaba").addHandler(logging.NullHandler())
    wish = Wish(given.source, given.max, given.dry_run)
    shown = _Shown(wish)
    try:
        asyncio.run(_run(redrive(found.context(), wish), shown))
    except Unredrivable as error:
        return complain(str(error), 2)
    except ImportError as error:
        raise Misconfigured(kinds.missing(found.kind, error), reason="MissingDependency") from error
    finally:
        shown.end()
    return INTERRUPTED if shown.interrupted else 0


async def _run(moving: AsyncGenerator[Progress, None], shown: _Shown) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, shown.interrupt)
    async with aclosing(moving):
        async for progress in moving:
            shown.take(progress)
            if shown.interrupted:
                return


class _Shown:
    """What people see: a line a second on stderr, and what came of it on stdout."""

    def __init__(self, wish: Wish) -> None:
        self.interrupted = False
        self._wish = wish
        self._last = Progress(0)
        self._next = time.monotonic() + _EVERY
        self._begun = False

    def interrupt(self) -> None:
        """Stop after the step under way."""
        self.interrupted = True

    def take(self, progress: Progress) -> None:
        """Show how far it is."""
        self._last, self._begun = progress, True
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            print(f"moved {progress.moved:,} so far", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Say what came of it, also where it failed."""
        if not self._begun:
            return
        last, name = self._last, self._wish.source
        verb = "would be moved" if self._wish.dry_run else "moved"
        said = [f"{_messages(last.moved)} {verb} from {name}"]
        if last.left:
            said.append(f"{last.left:,} left there")
        if last.held:
            said.append(f"{last.held:,} of them in somebody's hands for now")
        if last.repeated:
            said.append(f"{last.repeated:,} could not be removed and come twice")
        print(", ".join(said), flush=True)
        if self._wish.dry_run:
            print("nothing was moved: this was a dry run", flush=True)


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number from 1 to 1000000000")
    return int(text)
