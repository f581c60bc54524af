"""Addresses of a proxy as users write them, as RocketMQ tells them, and as gRPC takes them.

A route names for each broker one or more addresses of one kind. Numeric ones become one target of
gRPC, which takes the first that answers. Of several host names gRPC knows no such thing; the first
is used, and its name has as many addresses as DNS tells.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb


@dataclass(slots=True, frozen=True)
class Endpoints:
    """Where a proxy listens.

    Attributes:
        scheme: of `AddressScheme`: 1 = IPv4, 2 = IPv6, 3 = host names.
        addresses: hosts without brackets, and ports; at least one.
    """

    scheme: int
    addresses: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, text: str) -> Endpoints:
        """Read `host:port`, or several of one kind with `;` between. Raises ValueError."""
        found = []
        kinds = set()
        for part in text.split(";"):
            host, _, port = part.strip().rpartition(":")
            host = host.removeprefix("[").removesuffix("]")
            if not host or not port.isdecimal() or not 0 < int(port) < 65536:
                raise ValueError(f"{part.strip()!r} is no `host:port`")
            found.append((host, int(port)))
            kinds.add(_scheme(host))
        if len(kinds) > 1:
            raise ValueError(f"{text!r} mixes host names and addresses; write one kind of them")
        return cls(kinds.pop(), tuple(found))

    @classmethod
    def read(cls, told: pb.Endpoints) -> Endpoints | None:
        """Return what a route tells; None where it has no address.

        The kind follows from the hosts: proxies have been seen to call names IPv4.
        """
        addresses = tuple([(one.host.strip("[]"), one.port) for one in told.addresses])
        if not addresses:
            return None
        return cls(max(_scheme(host) for host, _ in addresses), addresses)

    def message(self) -> pb.Endpoints:
        """Return them as RocketMQ writes them."""
        told = pb.Endpoints(scheme=pb.AddressScheme.Name(self.scheme))
        for host, port in self.addresses:
            told.addresses.add(host=host, port=port)
        return told

    @property
    def target(self) -> str:
        """The target of a gRPC channel."""
        if self.scheme == pb.DOMAIN_NAME:
            host, port = self.addresses[0]
            return f"dns:///{host}:{port}"
        family = "ipv6" if self.scheme == pb.IPv6 else "ipv4"
        return f"{family}:" + ",".join(_joined(host, port) for host, port in self.addresses)

    @property
    def named(self) -> str | None:
        """The host name; None where there are only addresses."""
        return self.addresses[0][0] if self.scheme == pb.DOMAIN_NAME else None

    def __str__(self) -> str:
        return ";".join(_joined(host, port) for host, port in self.addresses)


def _scheme(host: str) -> int:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return pb.DOMAIN_NAME
    return pb.IPv6 if version == 6 else pb.IPv4


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
