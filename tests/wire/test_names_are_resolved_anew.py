"""Name lookups: shared for a moment, spread over the addresses, never piling up."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from tests.wire.client import Clock

from eventing_alibaba.wire.resolve import SHARED_SECONDS, SHUNNED_SECONDS, Resolver

Found = list[tuple[int, int, int, str, tuple[str, int]]]


class Names:
    """A name server: `addresses` is what it answers, `asked` how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses = ["10.0.0.1"]
        self.asked = 0
        self.hang = asyncio.Event()
        self.hang.set()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: _Loop(loop, self))

    async def getaddrinfo(self, _host: str, port: int, **_: Any) -> Found:
        self.asked += 1
        await self.hang.wait()
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in self.addresses]


class _Loop:
    def __init__(self, loop: asyncio.AbstractEventLoop, names: Names) -> None:
        self._loop = loop
        self.getaddrinfo = names.getaddrinfo

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def hosts(found: list[Any]) -> list[str]:
    return [address[1][0] for address in found]


async def test_lookup_is_shared_for_a_moment(names: Names, clock: Clock) -> None:
    """A burst of connections asks once; a later connection asks again and sees the change."""
    resolver = Resolver("sink.example", 80, clock=clock)
    many = await asyncio.gather(*(resolver.lookup() for _ in range(20)))
    assert {tuple(hosts(found)) for found in many} == {("10.0.0.1",)}
    names.addresses = ["10.0.0.2"]
    clock.now += SHARED_SECONDS - 0.1
    assert hosts(await resolver.lookup()) == ["10.0.0.1"]
    assert names.asked == 1
    clock.now += 0.1
    assert hosts(await resolver.lookup()) == ["10.0.0.2"]
    assert names.asked == 2


async def test_addresses_are_shuffled(names: Names, clock: Clock) -> None:
    """Over many connections every replica comes first now and then, and none is left out."""
    names.addresses = [f"10.0.0.{n}" for n in range(5)]
    resolver = Resolver("sink.example", 80, clock=clock)
    first = set()
    for _ in range(200):
        found = hosts(await resolver.lookup())
        assert sorted(found) == names.addresses
        first.add(found[0])
    assert len(first) == 5


async def test_repeated_address_is_tried_once(names: Names, clock: Clock) -> None:
    """Name servers repeat themselves; connections do not."""
    names.addresses = ["10.0.0.1", "10.0.0.1"]
    assert hosts(await Resolver("sink.example", 80, clock=clock).lookup()) == ["10.0.0.1"]


async def test_address_that_failed_comes_last_for_a_while(names: Names, clock: Clock) -> None:
    """A dead replica is not tried first by every new connection."""
    names.addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    resolver = Resolver("sink.example", 80, clock=clock)
    (dead,) = [a for a in await resolver.lookup() if a[1][0] == "10.0.0.2"]
    resolver.failed(dead)
    for _ in range(20):
        assert hosts(await resolver.lookup())[-1] == "10.0.0.2"
    clock.now += SHUNNED_SECONDS
    first = {hosts(await resolver.lookup())[0] for _ in range(200)}
    assert "10.0.0.2" in first


async def test_hanging_lookup_is_asked_once(names: Names, clock: Clock) -> None:
    """Attempts that give up do not start another thread that hangs; its answer is still used."""
    names.hang.clear()
    resolver = Resolver("sink.example", 80, clock=clock)
    for _ in range(3):
        task = asyncio.create_task(resolver.lookup())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    last = asyncio.create_task(resolver.lookup())
    await asyncio.sleep(0)
    names.hang.set()
    assert hosts(await last) == ["10.0.0.1"]
    assert names.asked == 1


async def test_failed_lookup_is_not_remembered(names: Names, clock: Clock) -> None:
    """A name that appears a moment later is found at once."""
    names.addresses = []
    resolver = Resolver("sink.example", 80, clock=clock)
    with pytest.raises(socket.gaierror):
        await resolver.lookup()
    names.addresses = ["10.0.0.1"]
    assert hosts(await resolver.lookup()) == ["10.0.0.1"]


async def test_address_needs_no_lookup(names: Names, clock: Clock) -> None:
    """A literal address, of either kind, is taken as it is."""
    assert hosts(await Resolver("127.0.0.1", 80, clock=clock).lookup()) == ["127.0.0.1"]
    ((family, where),) = await Resolver("::1", 81, clock=clock).lookup()
    assert (family, where[:2]) == (socket.AF_INET6, ("::1", 81))
    assert names.asked == 0


async def test_closing_leaves_no_lookup_behind(names: Names, clock: Clock) -> None:
    """A lookup that hangs does not keep a pool from closing."""
    names.hang.clear()
    resolver = Resolver("sink.example", 80, clock=clock)
    task = asyncio.create_task(resolver.lookup())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await task
