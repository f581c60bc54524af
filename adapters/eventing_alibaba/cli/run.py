"""`eventing-alibaba run`: one source, delivered until the process is stopped."""

from __future__ import annotations

import argparse
import os
from typing import Final

from eventing_alibaba.cli.text import add_file, add_secrets
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.runtime import termination
from eventing_alibaba.runtime.environment import settings

_EXAMPLES: Final = """\
examples:
  eventing-alibaba run -f source.yaml
      the manifest that `kubectl apply` takes; `spec.sink.uri` says where events go
  eventing-alibaba run -f source.yaml --secrets ./secrets
      the key `password` of Secret `kafka` is the file ./secrets/kafka/password
  K_SINK=http://localhost:3000 eventing-alibaba run -f source.yaml
      the environment's sink goes before the manifest's
  eventing-alibaba run
      in a cluster: the source object is in K_SOURCE_CONFIG

While it runs, http://localhost:8080/status tells how it is, http://localhost:9092/metrics counts.
Stop it with Ctrl-C or SIGTERM: it finishes what is under way. A second one stops it at once.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `run`."""
    parser.epilog = _EXAMPLES
    add_file(parser, "manifest with one source")
    add_secrets(parser)
    parser.add_argument(
        "--host", metavar="ADDRESS", help="address to serve health and metrics on (default: all)"
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=_port,
        help="port for health and status (default: 8080; 0: any)",
    )
    parser.add_argument(
        "--metrics-port",
        metavar="PORT",
        type=_port,
        help="port for /metrics (default: 9092; 0: any)",
    )
    parser.add_argument(
        "--log-format",
        choices=("json", "text"),
        help="how log lines look (default: text on a terminal, else json)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warn", "error"),
        help="least level that is logged (default: info)",
    )


def execute(given: argparse.Namespace) -> int:
    """Run until stopped; return the exit code.

    Raises Misconfigured, after leaving its sentence as the container's termination message.
    """
    try:
        chosen = settings(
            os.environ,
            file=given.file,
            secrets=given.secrets,
            host=given.host,
            port=given.port,
            metrics_port=given.metrics_port,
            log_format=given.log_format,
            log_level=given.log_level,
        )
        from eventing_alibaba.runtime.run import run  # noqa: PLC0415 - not for a wrong manifest

        return run(chosen)
    except Misconfigured as error:
        termination.say(str(error))
        raise


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: must be a number from 0 to 65535")
    return int(text)
