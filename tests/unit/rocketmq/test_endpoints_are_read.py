"""Addresses as users, RocketMQ and gRPC write them."""

from __future__ import annotations

import pytest

from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb


@pytest.mark.parametrize(
    ("text", "target", "scheme"),
    [
        ("proxy.example.com:8081", "dns:///proxy.example.com:8081", pb.DOMAIN_NAME),
        ("10.0.0.1:8081;10.0.0.2:8081", "ipv4:10.0.0.1:8081,10.0.0.2:8081", pb.IPv4),
        ("[::1]:8081", "ipv6:[::1]:8081", pb.IPv6),
    ],
)
def test_each_kind_has_a_target(text: str, target: str, scheme: int) -> None:
    """Names, IPv4 and IPv6 go to gRPC and to RocketMQ in their forms, and come back the same."""
    found = Endpoints.parse(text)
    assert found.target == target
    assert found.message().scheme == scheme
    assert Endpoints.read(found.message()) == found
    assert str(found) == text


def test_a_name_that_is_called_an_address_is_still_a_name() -> None:
    """The hosts decide, not the scheme beside them."""
    told = pb.Endpoints(scheme=pb.IPv4)
    told.addresses.add(host="proxy", port=8081)
    found = Endpoints.read(told)
    assert found is not None
    assert found.target == "dns:///proxy:8081"


@pytest.mark.parametrize("text", ["proxy", ":8081", "proxy:0", "10.0.0.1:1;proxy:1"])
def test_what_is_none_is_refused(text: str) -> None:
    """No host, no port, or kinds that cannot be together."""
    with pytest.raises(ValueError, match=r"host:port|mixes"):
        Endpoints.parse(text)


def test_a_route_without_addresses_has_no_endpoints() -> None:
    """Nothing is made up."""
    assert Endpoints.read(pb.Endpoints()) is None
