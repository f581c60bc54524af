"""A real cluster by hand: `python -m tests.real.servers.rocketmq [--fifo] [TOPIC ...]`.

Makes the topics, each with a group of the same name, prints where all is, and runs until Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.real.servers.rocketmq.server import RocketServer


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.servers.rocketmq")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="topics of four queues")
    parser.add_argument("--fifo", action="store_true", help="FIFO topics and groups")
    parser.add_argument("--retries", type=int, default=16, help="redeliveries before a dead letter")
    told = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with RocketServer() as server:
        for topic in told.topics:
            server.admin.create_topic(topic, kind="FIFO" if told.fifo else "NORMAL")
            server.admin.create_group(topic, fifo=told.fifo, retries=told.retries)
            server.admin.start_at_beginning(topic, topic, queues=4)
        ports = server.ports
        lines = (
            f"endpoint (gRPC, plain and TLS)  {server.endpoint}",
            f"certificate authority           {server.certificates.authority}",
            f"name server                     127.0.0.1:{ports.names}",
            f"broker (remoting)               127.0.0.1:{ports.broker}",
            f"broker's metrics                http://127.0.0.1:{ports.metrics}/metrics",
            f"logs                            {server.folder}/*.log",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
