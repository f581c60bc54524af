"""The emulator as a process: its options, its remote control, its one line of JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final, cast

from eventing_alibaba.testing.admin import AdminServer
from eventing_alibaba.testing.emulators.rocketmq.core.message import Kind
from eventing_alibaba.testing.process import add_life_line, announce_and_wait, port, run

_KEY: Final = "test"


class RocketmqCommand:
    """What the entry point `rocketmq` in `eventing_alibaba.emulators` names."""

    name = "rocketmq"
    summary = "RocketMQ 5 (gRPC) on this machine, for tests: topics, groups, faults."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
        add("--port", type=port, default=0, help="port of the first broker (default: a free one)")
        add("--brokers", type=int, default=1, metavar="N", help="how many, each with its own port")
        add("--admin-port", type=port, default=0, help="port of the remote control (default: free)")
        add(
            "--topic",
            action="append",
            default=[],
            metavar="NAME[:KIND]",
            help="a topic to begin with; KIND is normal (default), fifo, delay or transaction; may "
            "be given several times",
        )
        add(
            "--group",
            action="append",
            default=[],
            metavar="NAME[:fifo]",
            help="a consumer group to begin with; others are made when they are first used",
        )
        add("--known-groups-only", action="store_true", help="refuse groups that were not made")
        add("--namespace", default="", help="of the instance; without one any is taken")
        add("--username", default=_KEY, metavar="ID", help=f"access key id (default: {_KEY})")
        add("--password", default=_KEY, metavar="SECRET", help=f"its secret (default: {_KEY})")
        add("--any-signature", action="store_true", help="take every request, signed or not")
        add("--tls-cert", type=Path, metavar="FILE", help="serve TLS with this PEM certificate")
        add("--tls-key", type=Path, metavar="FILE", help="its key")
        add_life_line(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Serve until told to end; 1 with a sentence on standard error when that is impossible."""
        try:
            run(_serve(args))
        except (ValueError, LookupError, OSError, ImportError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return 0


EMULATOR: Final = RocketmqCommand()


async def _serve(args: argparse.Namespace) -> None:
    # grpc takes a fifth of a second to import: whoever only lists the emulators is spared that.
    from eventing_alibaba.testing.emulators.rocketmq.control import routes  # noqa: PLC0415
    from eventing_alibaba.testing.emulators.rocketmq.emulator import (  # noqa: PLC0415
        RocketmqEmulator,
    )
    from eventing_alibaba.testing.emulators.rocketmq.server import Certificate  # noqa: PLC0415

    if args.brokers < 1:
        raise ValueError(f"--brokers must be 1 or more, got {args.brokers}")
    if (args.tls_cert is None) != (args.tls_key is None):
        raise ValueError("--tls-cert and --tls-key belong together: give both or none")
    tls = None
    if args.tls_cert is not None:
        tls = Certificate(chain=args.tls_cert.read_bytes(), key=args.tls_key.read_bytes())
    emulator = RocketmqEmulator(
        host=args.host,
        ports=(args.port, *[0] * (args.brokers - 1)),
        namespace=args.namespace,
        username=args.username,
        password=args.password,
        strict=not args.any_signature,
        make_groups=not args.known_groups_only,
        tls=tls,
    )
    admin = AdminServer(routes(emulator))
    async with emulator:
        try:
            for text in args.topic:
                name, _, kind = text.partition(":")
                emulator.create_topic(name, kind=cast("Kind", (kind or "normal").upper()))
            for text in args.group:
                name, _, kind = text.partition(":")
                if kind not in ("", "fifo"):
                    raise ValueError(f"--group {text!r} must be NAME or NAME:fifo")
                emulator.create_group(name, fifo=kind == "fifo")
            ready = {**emulator.settings, "admin": await admin.start(port=args.admin_port)}
            await announce_and_wait(ready, until_stdin_closes=args.until_stdin_closes)
        finally:
            await admin.close()
