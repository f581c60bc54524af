"""`python -m eventing_alibaba.testing.sink`: the sink as a process, with a remote control.

Prints one line of JSON when it listens: `url` for events, `admin` for the remote control.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson

from eventing_alibaba.testing.admin import AdminServer, Handler
from eventing_alibaba.testing.process import add_life_line, announce_and_wait, port, run
from eventing_alibaba.testing.sink.script import Answer, Rule
from eventing_alibaba.testing.sink.server import RecordingSink

_PAGE: Final = 50_000


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 1 with a sentence on standard error when impossible."""
    parser = argparse.ArgumentParser(
        prog="python -m eventing_alibaba.testing.sink",
        description="Record CloudEvents that are POSTed, and answer by rules.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=port, default=0, help="port for events (default: free)")
    parser.add_argument("--admin-port", type=port, default=0, help="port of the remote control")
    parser.add_argument("--default", default="204", metavar="JSON", help="answer to every event")
    parser.add_argument(
        "--rule", action="append", default=[], metavar="JSON", help="a rule; several allowed"
    )
    parser.add_argument("--keep", type=int, default=0, help="so many latest events kept whole")
    add_life_line(parser)
    args = parser.parse_args(arguments)
    try:
        run(_serve(args))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(args: argparse.Namespace) -> None:
    sink = RecordingSink(host=args.host, port=args.port, keep=args.keep)
    sink.script.default = Answer.from_json(orjson.loads(args.default))
    sink.script.rules = [Rule.from_json(orjson.loads(text)) for text in args.rule]
    admin = AdminServer(routes(sink))
    async with sink:
        try:
            ready = {"url": sink.url, "admin": await admin.start(port=args.admin_port)}
            await announce_and_wait(ready, until_stdin_closes=args.until_stdin_closes)
        finally:
            await admin.close()


def routes(sink: RecordingSink) -> Mapping[str, Handler]:
    """Return the remote control's table."""

    def script(arguments: dict[str, Any]) -> None:
        unknown = set(arguments) - {"rules", "default", "invalid"}
        if unknown:
            raise ValueError(f"wants `rules`, `default`, `invalid`; got {sorted(unknown)}")
        # Everything is read before anything is changed.
        rules = [Rule.from_json(value) for value in arguments.get("rules", ())]
        answers = {n: Answer.from_json(v) for n, v in arguments.items() if n != "rules"}
        if "rules" in arguments:
            sink.script.rules = rules
        for name, answer in answers.items():
            setattr(sink.script, name, answer)

    def stats(_: dict[str, Any]) -> dict[str, int]:
        return {
            "requests": sink.requests,
            "records": len(sink.records),
            "events": sink.records.events,
            "delivered": sink.records.delivered,
            "invalid": len(sink.invalid_requests),
            "connections": sink.connections,
            "openConnections": sink.open_connections,
        }

    def records(arguments: dict[str, Any]) -> dict[str, Any]:
        start = int(arguments.get("start", 0))
        rows = [
            (r.order, r.id, r.source, r.attempt, r.status, r.arrived, r.answered, r.connection)
            for r in sink.records[start : start + _PAGE]
        ]
        return {"records": rows, "total": len(sink.records)}

    def events(_: dict[str, Any]) -> dict[str, Any]:
        found = [
            {
                "attributes": e.attributes,
                "mode": e.mode,
                "path": e.path,
                "bytes": len(e.data or b""),
            }
            for e in sink.events
        ]
        return {"events": found}

    def invalid(_: dict[str, Any]) -> dict[str, Any]:
        return {
            "invalid": [{"reason": i.reason, "arrived": i.arrived} for i in sink.invalid_requests]
        }

    async def wait(arguments: dict[str, Any]) -> dict[str, int]:
        timeout = float(arguments.get("timeout", 10.0))
        await sink.wait_recorded(int(arguments.get("recorded", 0)), timeout=timeout)
        await sink.wait_delivered(int(arguments.get("delivered", 0)), timeout=timeout)
        return stats({})

    async def refuse(_: dict[str, Any]) -> None:
        await sink.refuse()

    async def accept(_: dict[str, Any]) -> None:
        await sink.accept()

    return {
        "PUT /script": script,
        "GET /stats": stats,
        "GET /records": records,
        "GET /events": events,
        "GET /invalid": invalid,
        "GET /wait": wait,
        "POST /clear": lambda _: sink.clear(),
        "POST /refuse": refuse,
        "POST /accept": accept,
        "POST /disconnect": lambda a: {"count": sink.disconnect(reset=bool(a.get("reset")))},
    }


if __name__ == "__main__":
    sys.exit(main())
