"""`eventing-alibaba skip`: what holds up others in an adapter that runs, and letting go of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from eventing_alibaba.cli.main import UNAVAILABLE, complain
from eventing_alibaba.cli.text import add_file, clean
from eventing_alibaba.runtime.control import ask, socket_path
from eventing_alibaba.runtime.subject import subject

_EXAMPLES: Final = """\
examples:
  eventing-alibaba skip -f source.yaml
      list what is blocked
  eventing-alibaba skip -f source.yaml partition:0/offset:41
      acknowledge that message, although the service has not accepted it, so that others go on
  kubectl exec deploy/orders -- eventing-alibaba skip
      in a pod: the source object is in K_SOURCE_CONFIG

It speaks to the adapter of that source on this machine. Only a blocked message can be skipped, one
at a time. A skipped message is not delivered again; it is named in the log and in the metric
eventing_alibaba_settled_messages_total{result="skipped"}.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `skip`."""
    parser.epilog = _EXAMPLES
    add_file(parser, "the adapter's manifest")
    parser.add_argument(
        "--origin",
        metavar="NAME",
        help="topic or queue of the message, where several have one of that id",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("id", metavar="ID", nargs="?", help="message to skip, as it is listed")
    which.add_argument(
        "--list", action="store_true", help="list what is blocked (also without an ID)"
    )


def execute(given: argparse.Namespace) -> int:
    """List or skip; return the exit code. Raises Misconfigured and Unavailable."""
    if given.origin is not None and given.id is None:
        return complain("--origin is of use only with the ID of a message to skip", 2)
    found = subject(os.environ, command="skip", file=given.file)
    path = socket_path(os.environ, namespace=found.namespace, name=found.name)
    if given.id is None:
        told = ask(path, {"do": "list"})
        if "error" not in told:
            print(_table(told.get("blocked", ())))
            return 0
    else:
        told = ask(path, {"do": "skip", "id": given.id, "origin": given.origin})
    if "error" in told:
        blocked = told.get("blocked")
        more = "" if blocked is None else f"\n{_table(blocked)}"
        return complain(clean(str(told["error"])) + more, UNAVAILABLE)
    one = told["skipped"]
    what = f"{one['origin']} {one['id']}"
    print(
        clean(
            f"skipped {what}: {one['reason']}"
            if told["settled"]
            else f"{what} is being tried at this moment; it is skipped if that fails"
        )
    )
    return 0


def _table(blocked: Sequence[Mapping[str, Any]]) -> str:
    if not blocked:
        return "nothing is blocked"
    rows = [("ID", "ORIGIN", "SINCE", "STATUS", "REASON")]
    for one in blocked:
        since = datetime.fromtimestamp(one["since"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = "-" if one["status"] is None else str(one["status"])
        rows.append((one["id"], one["origin"], since, status, one["reason"]))
    shown = [tuple(map(clean, row)) for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(4)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]])
        for row in shown
    )
