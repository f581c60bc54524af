"""The emulator as a process: its options, its remote control, its one line of JSON."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from eventing_alibaba.testing.admin import AdminServer
from eventing_alibaba.testing.emulators.mns.control import routes
from eventing_alibaba.testing.emulators.mns.emulator import ACCOUNT, KEY, REGION, MnsEmulator
from eventing_alibaba.testing.process import add_life_line, announce_and_wait, port, run


class MnsCommand:
    """What the entry point `mns` in `eventing_alibaba.emulators` names."""

    name = "mns"
    summary = "MNS (Simple Message Queue) on this machine, for tests: queues, topics, faults."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
        parser.add_argument("--port", type=port, default=0, help="port (default: a free one)")
        parser.add_argument(
            "--admin-port", type=port, default=0, help="port of the remote control (default: free)"
        )
        parser.add_argument(
            "--queue",
            action="append",
            default=[],
            metavar="NAME",
            help="a queue to begin with; NAME:fifo keeps the order of each message group; may be "
            "given several times",
        )
        parser.add_argument("--access-key-id", default=KEY, metavar="ID", help=f"default: {KEY}")
        parser.add_argument(
            "--access-key-secret", default=KEY, metavar="SECRET", help=f"default: {KEY}"
        )
        parser.add_argument("--account", default=ACCOUNT, help=f"default: {ACCOUNT}")
        parser.add_argument("--region", default=REGION, help=f"default: {REGION}")
        parser.add_argument(
            "--any-signature",
            action="store_true",
            help="take every request, however it is signed or dated",
        )
        add_life_line(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Serve until told to end; 1 with a sentence on standard error when that is impossible."""
        try:
            run(_serve(args))
        except (ValueError, LookupError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return 0


EMULATOR: Final = MnsCommand()


async def _serve(args: argparse.Namespace) -> None:
    emulator = MnsEmulator(
        host=args.host,
        port=args.port,
        account=args.account,
        region=args.region,
        access_key_id=args.access_key_id,
        access_key_secret=args.access_key_secret,
        strict=not args.any_signature,
    )
    admin = AdminServer(routes(emulator))
    async with emulator:
        try:
            for text in args.queue:
                name, _, kind = text.partition(":")
                if kind not in ("", "fifo"):
                    raise ValueError(f"--queue {text!r} must be NAME or NAME:fifo")
                emulator.create_queue(name, fifo=kind == "fifo")
            ready = {**emulator.settings, "admin": await admin.start(port=args.admin_port)}
            await announce_and_wait(ready, until_stdin_closes=args.until_stdin_closes)
        finally:
            await admin.close()
