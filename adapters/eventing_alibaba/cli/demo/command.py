"""The flags of `demo`, and what its outcome means to whoever started it.

0   nothing was lost          1   something was, or the demo could not run
2   wrong usage             130   `--once` was interrupted
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

import orjson

from eventing_alibaba.cli.demo.live import Wishes, live
from eventing_alibaba.cli.demo.performance import MOST_RATE
from eventing_alibaba.cli.demo.play import Outcome, once
from eventing_alibaba.cli.demo.scenario import Scenario, found, load
from eventing_alibaba.cli.demo.show import Show, table
from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.cli.main import INTERRUPTED, UNAVAILABLE, complain
from eventing_alibaba.testing.emulators import EmulatorUnavailableError
from eventing_alibaba.testing.process import run

USAGE: Final = 2

_SOURCE: Final = "kafka"
_PORT: Final = 8421
_RATE: Final = 20.0
_COUNT: Final = 1000
_TIMEOUT: Final = 60.0

_EXAMPLES: Final = """\
examples:
  eventing-alibaba demo                   20 messages a second, until Ctrl-C; it says where the
                                          page is on which you watch it and break things
  eventing-alibaba demo mns               another source; it can be changed on the page, too
  eventing-alibaba demo --open            opens the page as well
  eventing-alibaba demo --rate 500        more messages to begin with
  eventing-alibaba demo --once            1000 messages; exit code 0 if none is lost
  eventing-alibaba demo --once --json     the same, for programs

It needs no server: the broker is an emulator. All it starts listens on 127.0.0.1 and ends with it.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `demo`."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "source",
        nargs="?",
        default=_SOURCE,
        metavar="SOURCE",
        help=f"what to show: {', '.join(found())} (default: {_SOURCE})",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help=f"port of the page; if it is taken, another one (default: {_PORT})",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--rate",
        type=_positive,
        metavar="N",
        help=f"messages a second (default: {_RATE:g}; with --once: as fast as may be)",
    )
    parser.add_argument(
        "--once", action="store_true", help="send a fixed number, count what arrives, and end"
    )
    parser.add_argument(
        "--count", type=_whole, metavar="N", help=f"with --once: how many (default: {_COUNT})"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help=f"with --once: what has not arrived then is lost (default: {_TIMEOUT:g})",
    )
    parser.add_argument("--json", action="store_true", help="with --once: the counts as JSON")
    parser.add_argument(
        "--service-port",
        type=_port,
        default=0,
        metavar="PORT",
        help="port of the service that the events are delivered to (default: a free one)",
    )


def execute(given: argparse.Namespace) -> int:
    """Run the demo; return the exit code. Raises Unavailable when a port cannot be had."""
    for name in ("count", "timeout", "json"):
        if getattr(given, name) and not given.once:
            return complain(f"--{name} needs --once", USAGE)
    for name in ("port", "open"):
        if getattr(given, name) and given.once:
            return complain(f"--{name} is for the page, which --once has not", USAGE)
    if not given.once and given.rate and given.rate > MOST_RATE:
        return complain(f"--rate without --once must be at most {MOST_RATE}", USAGE)
    try:
        scenario = load(given.source)
    except LookupError as error:
        return complain(str(error.args[0]), USAGE)
    try:
        return play(given, scenario)
    except EmulatorUnavailableError as error:
        return complain(str(error), UNAVAILABLE)


def play(given: argparse.Namespace, scenario: Scenario) -> int:
    """Play `scenario` as the flags say; return the exit code."""
    if given.once:
        stage = Stage(scenario, service_port=given.service_port)
        outcome = run(
            once(
                stage,
                count=given.count or _COUNT,
                rate=given.rate,
                timeout=given.timeout or _TIMEOUT,
            )
        )
        _print(outcome, as_json=given.json)
        interrupted = outcome.stopped
    else:
        show = Show(sys.stdout)
        wishes = Wishes(
            given.source,
            rate=given.rate or _RATE,
            port=_PORT if given.port is None else given.port,
            service_port=given.service_port,
            browser=given.open,
        )
        outcome = run(live(wishes, show, first=scenario))
        show.result(outcome.tally, outcome.seconds)
        interrupted = False  # that is how one ends it
    if outcome.failure:
        return complain(outcome.failure, UNAVAILABLE)
    if interrupted:
        return INTERRUPTED
    return UNAVAILABLE if outcome.tally.lost else 0


def _print(outcome: Outcome, *, as_json: bool) -> None:
    tally = outcome.tally
    if as_json:
        told = {
            "sent": tally.sent,
            "delivered": tally.delivered,
            "duplicated": tally.duplicated,
            "lost": tally.lost,
            "seconds": round(outcome.seconds, 3),
        }
        print(orjson.dumps(told).decode())
    else:
        print("\n".join(table(tally)))


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0, up to a million")
    return number


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 to a million")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: must be a number from 0 to 65535")
    return int(text)
