"""TCP ports for servers that must know theirs before they start, and keep them across a restart.

Kafka and nginx write their ports into a configuration file, so the usual "bind port 0 and ask" is
closed to them. The ports are drawn from *below* the range that the kernel gives to outgoing
connections. A port inside that range is a trap on the loopback: while the server is down, a client
that keeps trying to connect to it will one day be given the same port as its own, connect to
itself, and keep the server from ever binding it again.

Between the draw and the server's bind somebody else may take the port. Drawing at random makes that
rare, and the servers draw again when it happens.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_random = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Draw `count` different ports of 127.0.0.1 on which nothing listens now.

    Raises:
        OSError: no such ports were found, which on a sane machine does not happen.
    """
    highest = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    if highest < _LOWEST + 1_000:  # a machine that gives out nearly all ports: take what it leaves
        highest = 60_000
    found: list[int] = []
    for port in _random.sample(range(_LOWEST, highest), 500):
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    msg = f"found {len(found)} free ports of {count} between {_LOWEST} and {highest}"
    raise OSError(msg)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
