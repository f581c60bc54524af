"""The flags of `send`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Final

from eventing_alibaba.cli.main import INTERRUPTED, UNAVAILABLE, complain
from eventing_alibaba.cli.send.content import Pattern, lines, whole
from eventing_alibaba.cli.send.pace import Arriving, Ready, Supply, Tally, send
from eventing_alibaba.cli.text import add_file, add_secrets
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.send import Outgoing, Sender, Unsendable
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.runtime import kinds
from eventing_alibaba.runtime.subject import subject

_STANDARD_INPUT: Final = 0

_EXAMPLES: Final = """\
examples:
  eventing-alibaba send -f source.yaml '{"order": 1}'
      one message
  eventing-alibaba send -f source.yaml '{"order": {n}}' --count 10000 --rate 500 --key 'c-{n}'
      many, five hundred a second; {n} is the number of the message
  eventing-alibaba send -f source.yaml hello --header content-type=text/plain --header tenant=a
      with headers
  eventing-alibaba send -f source.yaml --from-file orders.jsonl
      a message for each line; --whole makes one message of the file
  tail -f orders.log | eventing-alibaba send -f source.yaml
      a message for each line of standard input, as it comes

The manifest says which broker and how to log in; it is the one that `run` takes. Messages count as
sent when the broker has them for good. The first one that it refuses ends the command.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `send`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("text", metavar="TEXT", nargs="?", help="the message")
    add_file(parser)
    parser.add_argument(
        "--from-file",
        metavar="FILE",
        help="file with a message in each line, - for standard input (the default without TEXT)",
    )
    parser.add_argument(
        "--whole", action="store_true", help="all of the file, or of standard input, is one message"
    )
    parser.add_argument(
        "--count", metavar="N", type=_count, help="send TEXT so many times; {n} is the number"
    )
    parser.add_argument(
        "--rate", metavar="R", type=_rate, help="messages a second, at most (default: no limit)"
    )
    parser.add_argument("--key", metavar="TEXT", help="key of each message, what orders them")
    parser.add_argument(
        "--header",
        metavar="NAME=VALUE",
        type=_header,
        action="append",
        default=[],
        help="header of each message; may be given several times",
    )
    parser.add_argument("--to", metavar="NAME", help="topic or queue, where the source has several")
    add_secrets(parser)


def execute(given: argparse.Namespace) -> int:
    """Send; return the exit code. Raises SourceError."""
    if wrong := _wrong(given):
        return complain(wrong, 2)
    found = subject(os.environ, command="send", file=given.file, secrets=given.secrets)
    make: Callable[[Context, str | None], Sender] | None = getattr(found.spec, "sender", None)
    if make is None:
        raise Misconfigured(f"sources of kind {found.kind} cannot send to their broker")
    # A client's own words would stand before the sentence that says the same better.
    logging.getLogger("eventing_alibaba").addHandler(logging.NullHandler())
    tally = Tally()
    begun = time.perf_counter()
    with ExitStack() as files:
        try:
            sender = make(found.context(), given.to)
            asyncio.run(_run(sender, given, tally, files))
        except (Unsendable, _UnreadableError) as error:
            return complain(str(error), 2)
        except ImportError as error:
            sentence = kinds.missing(found.kind, error)
            raise Misconfigured(sentence, reason="MissingDependency") from error
        except KeyboardInterrupt:
            return complain(f"interrupted; sent before: {tally.sent:,}", INTERRUPTED)
    seconds = time.perf_counter() - begun
    what = f"{tally.sent:,} message{'' if tally.sent == 1 else 's'}"
    print(f"sent {what} to {sender.place} in {seconds:.1f} s", flush=True)
    return 0 if tally.failure is None else complain(str(tally.failure), UNAVAILABLE)


async def _run(sender: Sender, given: argparse.Namespace, tally: Tally, files: ExitStack) -> None:
    supply, total = _supply(given, files)
    try:
        await sender.open()
        await send(sender, supply, rate=given.rate, total=total, tally=tally)
    finally:
        await sender.close()


def _supply(given: argparse.Namespace, files: ExitStack) -> tuple[Supply, int | None]:
    """Return the messages, and how many there are where that is known."""
    pattern = Pattern(given.key, given.header, numbered=given.count is not None)
    if given.text is not None:
        count = given.count or 1
        return Ready(pattern.repeated(given.text, count)), count
    path = given.from_file or "-"
    file = _opened(path, files)
    if given.whole:
        try:
            return Ready([pattern.message(1, whole(file))]), 1
        except (OSError, ValueError) as error:
            raise _UnreadableError(f"--from-file {path}: {error}") from None
    pieces = lines(file)
    if path != "-":
        return Ready(pattern.each(chain.from_iterable(pieces))), None
    return Arriving(_pieces(pattern, pieces)), None


def _pieces(pattern: Pattern, pieces: Iterator[list[bytes]]) -> Iterator[list[Outgoing]]:
    for piece in pieces:
        yield list(pattern.each(piece))


def _opened(path: str, files: ExitStack) -> FileIO:
    if path == "-":
        return FileIO(_STANDARD_INPUT, closefd=False)
    try:
        return files.enter_context(Path(path).open("rb", buffering=0))
    except OSError as error:
        raise _UnreadableError(f"--from-file {path}: cannot be read: {error.strerror}") from None


def _wrong(given: argparse.Namespace) -> str:
    """Return what cannot be had together; "" if all can."""
    if given.text is not None and given.from_file is not None:
        return "give the message as TEXT or by --from-file, not both"
    if given.text is not None and given.whole:
        return "--whole is for --from-file and standard input, and TEXT was given"
    if given.text is None and given.count is not None:
        return "--count repeats TEXT, and none was given"
    if given.text is None and given.file == "-" and given.from_file in (None, "-"):
        return "standard input cannot be the manifest and the messages at once"
    if given.text is None and given.from_file is None and sys.stdin.isatty():
        return "what is to be sent? Give TEXT, --from-file FILE, or lines on standard input"
    return ""


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number from 1 to 1000000000")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.001 <= rate <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number from 0.001 to 1000000")
    return rate


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE, such as tenant=a")
    return name, value


class _UnreadableError(Exception):
    """The file with the messages cannot be read; the text is a sentence."""
