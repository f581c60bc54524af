"""The emulator as a process: its options, its remote control, its one line of JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from eventing_alibaba.testing.admin import AdminServer, Handler
from eventing_alibaba.testing.emulators import EmulatorUnavailableError
from eventing_alibaba.testing.emulators.kafka.cluster import ALL, KafkaEmulator
from eventing_alibaba.testing.emulators.kafka.relay import Relay
from eventing_alibaba.testing.process import add_life_line, announce_and_wait, port, run

_HOST: Final = "127.0.0.1"

_EXAMPLES: Final = """\
examples:
  eventing-alibaba emulate kafka --port 9092 --topic orders:4
      a Kafka at localhost:9092 with a topic of four partitions
  eventing-alibaba emulate kafka --brokers 3 --topic orders --topic invoices:8
      three brokers on free ports
  curl -X POST localhost:ADMIN/down -d '{"broker": 1}'
      break it: the line that it prints has the URL of its remote control (`admin`), which also
      takes /up, /latency, /errors, /leader, /heal

Records and groups are in memory, and gone when it ends. There is no login, no TLS and no admin API
for topics.
"""


class KafkaCommand:
    """What the entry point `kafka` in `eventing_alibaba.emulators` names."""

    name = "kafka"
    summary = "A Kafka cluster on this machine, for tests: librdkafka's mock brokers."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options, and say by examples what they are for."""
        parser.epilog = _EXAMPLES
        parser.add_argument(
            "--port",
            type=port,
            default=0,
            help="port of the first broker, the others take the next ones (default: free ports)",
        )
        parser.add_argument("--brokers", type=int, default=1, help="how many (default: 1)")
        parser.add_argument(
            "--topic",
            action="append",
            default=[],
            type=_topic,
            metavar="NAME:PARTITIONS",
            help="a topic to begin with; may be given several times",
        )
        parser.add_argument(
            "--admin-port", type=port, default=0, help="port of the remote control (default: free)"
        )
        parser.add_argument(
            "--rebalance-delay",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="how long a group waits for its first members (default: 0)",
        )
        add_life_line(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Serve until told to end; 1 with a sentence on standard error when that is impossible."""
        try:
            run(_serve(args))
        except (EmulatorUnavailableError, ValueError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return 0


EMULATOR: Final = KafkaCommand()


def _topic(text: str) -> tuple[str, int]:
    name, _, partitions = text.partition(":")
    if not name or not (partitions or "1").isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME or NAME:PARTITIONS")
    return name, int(partitions or "1")


async def _serve(args: argparse.Namespace) -> None:
    emulator = KafkaEmulator(brokers=args.brokers, rebalance_delay=args.rebalance_delay)
    admin = AdminServer(routes(emulator))
    relays: list[Relay] = []
    with emulator:
        try:
            if args.port:
                relays += await _fix_ports(emulator, args.port)
            for name, partitions in args.topic:
                emulator.create_topic(name, partitions)
            url = await admin.start(_HOST, args.admin_port)
            ready = {"bootstrapServers": emulator.bootstrap_servers, "admin": url}
            await announce_and_wait(ready, until_stdin_closes=args.until_stdin_closes)
        finally:
            await admin.close()
            for relay in relays:
                await relay.close()


async def _fix_ports(emulator: KafkaEmulator, first: int) -> list[Relay]:
    relays = []
    for index, address in enumerate(emulator.bootstrap_servers.split(",")):
        host, _, own = address.rpartition(":")
        relay = Relay(_HOST, first + index, (host, int(own)))
        await relay.start()
        emulator.advertise(index + 1, _HOST, first + index)
        relays.append(relay)
    return relays


def routes(emulator: KafkaEmulator) -> Mapping[str, Handler]:
    """Return the remote control's table; each route is one method, its arguments in camelCase."""

    def on(method: Callable[..., Any], *required: str, **optional: Any) -> Handler:
        def handle(arguments: dict[str, Any]) -> Any:
            known = {*required, *optional}
            if not set(required) <= set(arguments) <= known:
                got = ", ".join(sorted(arguments)) or "nothing"
                msg = f"wants {', '.join(required) or 'nothing'}"
                msg += f", optionally {', '.join(optional)}" if optional else ""
                raise ValueError(f"{msg}; got {got}")
            return method(**{**optional, **arguments})

        return handle

    def requests(api: str | int | None) -> Any:
        return {"requests": [asdict(request) for request in emulator.requests(api)]}

    return {
        "POST /topics": on(emulator.create_topic, "name", partitions=1),
        "DELETE /topics": on(emulator.delete_topic, "name"),
        "DELETE /records": on(emulator.delete_records, "topic", "partition", "before"),
        "POST /leader": on(emulator.set_leader, "topic", "partition", "broker"),
        "POST /coordinator": on(emulator.set_coordinator, "group", "broker"),
        "POST /down": on(emulator.broker_down, broker=ALL),
        "POST /up": on(emulator.broker_up, broker=ALL),
        "POST /latency": on(emulator.latency, "milliseconds", broker=ALL),
        "POST /errors": on(emulator.errors, "api", "codes", times=1),
        "DELETE /errors": on(emulator.clear_errors, api=None),
        "POST /topic-error": on(emulator.topic_error, "topic", "code"),
        "POST /heal": on(emulator.heal),
        "GET /requests": on(requests, api=None),
        "DELETE /requests": on(emulator.clear_requests),
    }
