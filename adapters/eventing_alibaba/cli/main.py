"""The command `eventing-alibaba`: finds the subcommand, and turns errors into words and exit codes.

A subcommand is a module with `arguments(parser)` and `execute(arguments) -> int`. It is imported
only when it was asked for, so that `--help` answers at once and a command loads nothing that it
does not use.

    0   done                     1   something outside failed (port taken, broker, sink)
    2   wrong usage             78   misconfigured: only a change of the manifest or of the
                                     environment cures it (EX_CONFIG of sysexits.h)
    130 interrupted

What a user did wrong is one sentence on stderr; a traceback is always a defect of this program.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Sequence
from typing import Final

from eventing_alibaba import __version__

PROGRAM: Final = "eventing-alibaba"

UNAVAILABLE: Final = 1
MISCONFIGURED: Final = 78
INTERRUPTED: Final = 130

COMMANDS: Final = {
    "demo": "show events arriving, from a broker that is emulated here",
    "emulate": "run a broker for tests on this machine, until it is stopped",
    "explain": "tell what may be written into a manifest, field by field",
    "check": "ask broker and service whether a manifest would run",
    "run": "receive messages of one source and deliver them as CloudEvents",
    "send": "send messages to the broker that a manifest names",
    "skip": "list what is blocked in a running adapter, or let go of it",
    "redrive": "bring messages back from a dead-letter queue",
    "seek": "move the offsets of a consumer group, while no adapter runs",
    "completion": "print a script for completion in bash, zsh or fish",
}
"""Each is the module of that name beside this one; in the order in which people need them."""

_EXAMPLES: Final = """\
examples:
  eventing-alibaba demo                           see events arrive, without any server
  eventing-alibaba explain AliKafkaSource         what a manifest may say
  eventing-alibaba check -f source.yaml           would it run? If not, why?
  eventing-alibaba run -f source.yaml             deliver until stopped
  eventing-alibaba send -f source.yaml 'hello'    send a message to its broker
  eventing-alibaba run --help                     all about one command
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (`sys.argv`) and return the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _main(given)
        finally:
            sys.stdout.flush()  # here, because at exit nobody catches what it raises
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNAVAILABLE


def _main(given: list[str]) -> int:
    asked = next((word for word in given if not word.startswith("-")), None)
    made = parser([name for name in COMMANDS if name == asked])
    arguments = made.parse_args(given)
    if arguments.command is None:
        made.print_help(sys.stderr)
        return 2
    return _execute(arguments)


def parser(whole: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser; only the commands in `whole` have their flags, and are imported."""
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Alibaba Cloud messages, delivered to your service as CloudEvents.",
        epilog=_EXAMPLES,
        formatter_class=_Formatter,
    )
    made.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in whole:
            module = importlib.import_module(f"eventing_alibaba.cli.{name}")
            module.arguments(command)
            command.set_defaults(execute=module.execute)
    return made


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Has each command and what it does on one line, which argparse does not leave room for."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = max(map(len, COMMANDS)) + 4


def _execute(arguments: argparse.Namespace) -> int:
    from eventing_alibaba.contract.errors import Misconfigured, SourceError  # noqa: PLC0415

    try:
        return int(arguments.execute(arguments))
    except Misconfigured as error:
        return complain(str(error), MISCONFIGURED)
    except SourceError as error:
        return complain(str(error), UNAVAILABLE)


def complain(message: str, code: int) -> int:
    """Print a message to stderr, each of its lines with the program's name; return `code`."""
    for line in message.splitlines():
        print(f"{PROGRAM}: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
