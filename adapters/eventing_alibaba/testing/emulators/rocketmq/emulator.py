"""RocketMQ 5 in this process: brokers with a proxy each, keys, and faults."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.emulators.rocketmq.contents import Contents
from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.counters import Counters
from eventing_alibaba.testing.emulators.rocketmq.desk import Desk
from eventing_alibaba.testing.emulators.rocketmq.faults import Fault
from eventing_alibaba.testing.emulators.rocketmq.inspection import plain_errors
from eventing_alibaba.testing.emulators.rocketmq.server import Certificate, Server
from eventing_alibaba.testing.emulators.rocketmq.service import bounds
from eventing_alibaba.testing.emulators.rocketmq.service.keys import Key, Keyring
from eventing_alibaba.testing.emulators.rocketmq.service.polls import Polls, now
from eventing_alibaba.testing.emulators.rocketmq.service.proxy import Proxy

KEY: Final = "test"
"""Id and secret of the access key that there is unless another is asked for."""


class RocketmqEmulator(Contents):
    """A cluster of RocketMQ 5 with its gRPC interface, from `start` to `close`, in memory.

    Use it as `async with`. All methods belong to the loop it was started on.

    Args:
        host: where it listens, and what clients are told.
        ports: one for each broker, 0 = a free one. Each broker has a proxy of its own, and routes
            tell a client to ask them all.
        namespace: of the instance, as on Alibaba Cloud; "" = any is taken, as by Apache's proxy.
        username, password: of the permanent key (access key id and secret).
        strict: False = take any signature and token, or none.
        make_groups: make a consumer group when it is first asked for, as Apache's broker does.
        tls: serve TLS with this certificate; without one it is plain.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        ports: Sequence[int] = (0,),
        namespace: str = "",
        username: str = KEY,
        password: str = KEY,
        strict: bool = True,
        make_groups: bool = True,
        tls: Certificate | None = None,
    ) -> None:
        names = [f"broker-{chr(ord('a') + at)}" for at in range(len(ports))]
        self.cluster = Cluster(names, make_groups=make_groups)
        self.keys = Keyring()
        self.keys.add(Key(id=username, secret=password))
        self.faults: Faults[Fault] = Faults()
        self.counters = Counters()
        self._host = host
        self._ports = dict(zip(names, ports, strict=True))
        self._namespace = namespace
        self._key = username, password
        self._strict = strict
        self._tls = tls
        self._servers: dict[str, Server] = {}
        self._renewing: asyncio.Task[None] | None = None

    @property
    def endpoints(self) -> str:
        """What a client is given: "127.0.0.1:40001", of the first broker's proxy."""
        first = next(iter(self._servers.values()), None)
        if first is None:
            raise RuntimeError("the emulator is not running: use `async with` or start()")
        host = f"[{first.host}]" if ":" in first.host else first.host
        return f"{host}:{first.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """What a client must be told, with camelCase names as in a manifest."""
        return {
            "endpoints": self.endpoints,
            "instance": self._namespace,
            "username": self._key[0],
            "password": self._key[1],
            "brokers": {name: server.port for name, server in self._servers.items()},
        }

    async def start(self) -> Self:
        """Listen. Raises OSError where an address cannot be bound."""
        self._polls = Polls(self.cluster, bounds.MOST_POLLS)
        told: dict[str, pb.Endpoints] = {}
        for name, port in self._ports.items():
            proxy = Proxy(
                name,
                cluster=self.cluster,
                polls=self._polls,
                endpoints=told,
                namespace=self._namespace,
            )
            desk = Desk(
                proxy,
                keys=self.keys,
                faults=self.faults,
                counters=self.counters,
                strict=self._strict,
            )
            server = Server(desk, host=self._host, port=port, tls=self._tls)
            try:
                await server.start()
            except OSError:
                await self.close()
                raise
            self._servers[name] = server
            told[name] = _endpoints(self._host, server.port)
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def close(self) -> None:
        """Stop listening and cut open connections. Idempotent; what there was is still there."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self._polls is not None:
            self._polls.close()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        self._servers.clear()

    def add_key(
        self,
        id: str,  # noqa: A002 - its name
        secret: str,
        *,
        token: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add an access key, or replace the one with this id.

        Args:
            id: what the key is known by.
            secret: what is signed with.
            token: the STS token that has to come with it.
            seconds: until the token ends.
        """
        expires = None if seconds is None else now() + round(seconds * 1000)
        self.keys.add(Key(id=id, secret=secret, token=token, expires=expires))

    def remove_key(self, id: str) -> None:  # noqa: A002 - its name
        """Remove an access key: its requests get UNAUTHORIZED."""
        with plain_errors():
            self.keys.remove(id)

    def expire_key(self, id: str) -> None:  # noqa: A002 - its name
        """End the token of a key now."""
        with plain_errors():
            key = self.keys.get(id)
        if key.token is None:
            raise ValueError(f"access key {id!r} has no token that could end")
        self.keys.add(replace(key, expires=now()))

    def fail(self, operation: str = "*", error: str | None = None, **how: Any) -> None:
        """Add a fault; the words are the fields of `Fault`."""
        self.faults.add(
            Fault.from_json({"operation": operation, "error": error, **how}), now() / 1000
        )

    def heal(self) -> None:
        """Let nothing go wrong any more: no fault, no limit of polls; the first key is good.

        Keys that were added stay.
        """
        self.faults.clear()
        self.keys.add(Key(id=self._key[0], secret=self._key[1]))
        self.limit_polls(bounds.MOST_POLLS)

    def limit_polls(self, most: int | None) -> None:
        """Let so many receives wait at one place; what is beyond gets TOO_MANY_REQUESTS."""
        self._running().most = most

    async def refuse(self, broker: str | None = None) -> None:
        """Be down: cut all connections, forget all clients and listen no more; one proxy or all."""
        for server in self._some(broker):
            await server.stop()
            server.desk.proxy.sessions.clear(now())

    async def accept(self, broker: str | None = None) -> None:
        """Be up again after `refuse`, on the same port."""
        for server in self._some(broker):
            await server.start()

    async def restart(self, broker: str | None = None) -> None:
        """Go down and come up: connections and clients' settings are gone, messages are not."""
        await self.refuse(broker)
        await self.accept(broker)

    def cut_telemetry(self, broker: str | None = None) -> int:
        """End all telemetry streams, and nothing else; return how many there were."""
        return sum(server.telemetry.cut() for server in self._some(broker))

    def forget_clients(self, broker: str | None = None) -> None:
        """Forget all clients' settings, though their streams stay open."""
        for server in self._some(broker):
            server.desk.proxy.sessions.clear(now())

    async def reconnect(self, broker: str | None = None) -> int:
        """Ask all clients to connect anew; return how many were asked."""
        command = pb.TelemetryCommand()
        command.reconnect_endpoints_command.nonce = "reconnect"
        return sum([await server.telemetry.push(command) for server in self._some(broker)])

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest 10,000 requests, oldest first; only those for `operation` if given."""
        return self.counters.requests(operation)

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages and answers by code, per operation."""
        return self.counters.shown()

    def state(self) -> dict[str, Any]:
        """Return all there is, without messages and secrets."""
        return {
            **{name: value for name, value in self.settings.items() if name != "password"},
            "strict": self._strict,
            "polls": len(self._running()),
            "mostPolls": self._running().most,
            "keys": self.keys.ids(),
            "faults": [{**fault.to_json(), "used": fault.used} for fault in self.faults],
            "clients": [
                {
                    "client": session.client,
                    "broker": name,
                    "kind": session.kind,
                    "group": session.group,
                    "telemetry": session.line is not None,
                }
                for name, server in self._servers.items()
                for session in server.desk.proxy.sessions
            ],
            "down": [name for name, server in self._servers.items() if not server.running],
            **self._shown(),
        }

    def reset(self) -> None:
        """Forget topics, groups, faults, clients, added keys and counts, as if newly started."""
        self.heal()
        self.forget_clients()
        for name in list(self.cluster.topics):
            self.delete_topic(name)
        self.cluster.groups.clear()
        for id_ in self.keys.ids():
            if id_ != self._key[0]:
                self.keys.remove(id_)
        self.counters.clear()

    def _some(self, broker: str | None) -> list[Server]:
        if broker is None:
            return list(self._servers.values())
        if broker not in self._servers:
            raise LookupError(f"no broker {broker!r}; there are {', '.join(self._servers)}")
        return [self._servers[broker]]

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(bounds.RENEW_EVERY / 1000)
            for server in self._servers.values():
                server.desk.proxy.renew(now())

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = self.endpoints if self._servers else "not running"
        return f"<RocketmqEmulator {state} {self.cluster}>"


def _endpoints(host: str, port: int) -> pb.Endpoints:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        scheme = pb.AddressScheme.DOMAIN_NAME
    else:
        scheme = pb.AddressScheme.IPv4 if version == 4 else pb.AddressScheme.IPv6
    return pb.Endpoints(scheme=scheme, addresses=[pb.Address(host=host, port=port)])
