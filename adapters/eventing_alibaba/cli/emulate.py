"""`eventing-alibaba emulate`: a broker for tests, until it is stopped.

Emulators are found by entry point, and each brings its own flags; nothing here knows one of them.
Listing them imports them, which costs little, as their broker clients are imported only when they
run. One that cannot be imported is listed with the reason.
"""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points
from typing import Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.testing.emulators import Emulator

GROUP: Final = "eventing_alibaba.emulators"

_EXAMPLES: Final = """\
examples:
  eventing-alibaba emulate kafka --port 9092 --topic orders:4
      a Kafka on this machine, at localhost:9092, with one topic
  eventing-alibaba emulate kafka --help
      all about one emulator

When clients can connect it prints one line of JSON, with the address to put into a manifest. It
ends on Ctrl-C or SIGTERM, and with it all that it holds.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add a command for each emulator, with its own flags."""
    parser.epilog = _EXAMPLES
    names = parser.add_subparsers(title="emulators", metavar="NAME", dest="name", required=True)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            emulator: Emulator = entry.load()
        except (ImportError, AttributeError) as error:
            broken = names.add_parser(entry.name, help=f"cannot be used: {error}")
            broken.set_defaults(emulator=None, why=str(error))
            continue
        one = names.add_parser(
            entry.name,
            help=emulator.summary,
            description=emulator.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        emulator.add_arguments(one)
        one.set_defaults(emulator=emulator)


def execute(given: argparse.Namespace) -> int:
    """Serve until told to stop; return the exit code. Raises Misconfigured for a broken one."""
    emulator: Emulator | None = given.emulator
    if emulator is None:
        raise Misconfigured(f"emulator {given.name} cannot be used: {given.why}")
    return emulator.run(given)
