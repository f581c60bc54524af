"""The emulator in a process of its own, worked from here with the words of `RocketmqEmulator`.

It takes its own CPU time, so that a measurement is of the client alone; and it goes on when the
client under test is killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventing_alibaba.testing.emulators.rocketmq.core.group import BACKOFF, MAX_RETRIES
from eventing_alibaba.testing.emulators.rocketmq.core.message import Kind
from eventing_alibaba.testing.process import ChildProcess


class EmulatorProcess(ChildProcess):
    """`with EmulatorProcess(topics=["orders"]) as rocketmq:` or `async with`.

    The calls are those of `RocketmqEmulator`, where each is described. They block for one HTTP
    request on the loopback interface; they raise AdminError with a sentence when refused and
    RuntimeError when the process is not running.

    Args:
        topics: to begin with; "name:fifo" and "name:delay" are of another kind than NORMAL.
        groups: to begin with; "name:fifo" keeps the order of each queue.
        host, namespace, username, password, strict, make_groups: see `RocketmqEmulator`.
        port: of the first broker; 0 = a free one, as the others have.
        brokers: how many.
        tls: files of the certificate and its key, both PEM.
    """

    module = "eventing_alibaba.testing.emulators.rocketmq"

    def __init__(
        self,
        *,
        topics: Sequence[str] = (),
        groups: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        brokers: int = 1,
        namespace: str = "",
        username: str = "test",
        password: str = "test",  # noqa: S107 - of an emulator
        strict: bool = True,
        make_groups: bool = True,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(
            f"--host={host}",
            f"--port={port}",
            f"--brokers={brokers}",
            f"--namespace={namespace}",
            f"--username={username}",
            f"--password={password}",
            *(() if strict else ("--any-signature",)),
            *(() if make_groups else ("--known-groups-only",)),
            *(() if tls is None else (f"--tls-cert={tls[0]}", f"--tls-key={tls[1]}")),
            *(f"--topic={topic}" for topic in topics),
            *(f"--group={group}" for group in groups),
        )

    @property
    def endpoints(self) -> str:
        """What a client is given: "127.0.0.1:40001"."""
        if "endpoints" not in self.ready:
            raise RuntimeError("the emulator is not running: use `with` or start()")
        return str(self.ready["endpoints"])

    @property
    def settings(self) -> dict[str, Any]:
        """What a client must be told, with camelCase names as in a manifest."""
        return {name: value for name, value in self.ready.items() if name != "admin"}

    def create_topic(self, name: str, *, kind: Kind = "NORMAL", queues: int = 4) -> None:
        """Create a topic on all brokers."""
        self._do("POST", "/topics", {"name": name, "kind": kind, "queues": queues})

    def delete_topic(self, name: str) -> None:
        """Delete a topic, with its messages and what groups know of them."""
        self._do("DELETE", "/topics", {"name": name})

    def create_group(
        self,
        name: str,
        *,
        fifo: bool = False,
        max_retries: int = MAX_RETRIES,
        backoff: Sequence[float] = BACKOFF,
    ) -> None:
        """Create a consumer group, or set it anew."""
        arguments = {"name": name, "fifo": fifo, "maxRetries": max_retries}
        self._do("POST", "/groups", {**arguments, "backoff": list(backoff)})

    def delete_group(self, name: str) -> None:
        """Delete a consumer group."""
        self._do("DELETE", "/groups", {"name": name})

    def send(
        self,
        topic: str,
        bodies: Sequence[str],
        *,
        tag: str | None = None,
        keys: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        group: str | None = None,
        delay: float | None = None,
    ) -> list[str]:
        """Send messages; return their ids."""
        arguments = {
            "topic": topic,
            "bodies": list(bodies),
            "tag": tag,
            "keys": list(keys),
            "properties": dict(properties or {}),
            "group": group,
            "delay": delay,
        }
        return list(self._do("POST", "/messages", arguments)["ids"])

    def messages(self, topic: str, group: str | None = None) -> list[dict[str, Any]]:
        """Return a topic's messages, with their fate in `group`."""
        arguments = {"topic": topic} if group is None else {"topic": topic, "group": group}
        return list(self._do("GET", "/messages", arguments)["messages"])

    def counts(self, topic: str, group: str) -> dict[str, int]:
        """Return where a group stands with a topic."""
        return dict(self._do("GET", "/counts", {"topic": topic, "group": group}))

    def add_key(
        self,
        id: str,  # noqa: A002 - its name
        secret: str,
        *,
        token: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add an access key, or replace the one with this id."""
        arguments = {"id": id, "secret": secret, "token": token, "seconds": seconds}
        self._do("POST", "/keys", arguments)

    def remove_key(self, id: str) -> None:  # noqa: A002 - its name
        """Remove an access key."""
        self._do("DELETE", "/keys", {"id": id})

    def expire_key(self, id: str) -> None:  # noqa: A002 - its name
        """End the token of a key now."""
        self._do("POST", "/keys/expire", {"id": id})

    def fail(self, operation: str = "*", error: str | None = None, **how: Any) -> None:
        """Add a fault; the words are the fields of `Fault`."""
        self._do("POST", "/faults", {"operation": operation, "error": error, **how})

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self._do("POST", "/heal")

    def age(self, seconds: float) -> None:
        """Let so much time pass for delayed and received messages."""
        self._do("POST", "/age", {"seconds": seconds})

    def limit_polls(self, most: int | None) -> None:
        """Let so many receives wait at one place."""
        self._do("POST", "/polls", {"most": most})

    def refuse(self, broker: str | None = None) -> None:
        """Be down: cut all connections, forget all clients and listen no more."""
        self._do("POST", "/refuse", {"broker": broker})

    def accept(self, broker: str | None = None) -> None:
        """Be up again after `refuse`, on the same port."""
        self._do("POST", "/accept", {"broker": broker})

    def restart(self, broker: str | None = None) -> None:
        """Go down and come up: connections and clients' settings are gone, messages are not."""
        self._do("POST", "/restart", {"broker": broker})

    def cut_telemetry(self, broker: str | None = None) -> int:
        """End all telemetry streams; return how many there were."""
        return int(self._do("POST", "/telemetry/cut", {"broker": broker})["count"])

    def forget_clients(self, broker: str | None = None) -> None:
        """Forget all clients' settings, though their streams stay open."""
        self._do("POST", "/clients/forget", {"broker": broker})

    def reconnect(self, broker: str | None = None) -> int:
        """Ask all clients to connect anew; return how many were asked."""
        return int(self._do("POST", "/clients/reconnect", {"broker": broker})["count"])

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest 10,000 requests, oldest first; only those for `operation` if given."""
        arguments = {} if operation is None else {"operation": operation}
        return list(self._do("GET", "/requests", arguments)["requests"])

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages and answers by code, per operation."""
        return dict(self._do("GET", "/operations"))

    def state(self) -> dict[str, Any]:
        """Return all there is, without messages and secrets."""
        return dict(self._do("GET", "/state"))

    def reset(self) -> None:
        """Forget everything, as if newly started."""
        self._do("POST", "/reset")

    def _do(self, method: str, path: str, arguments: dict[str, Any] | None = None) -> Any:
        return self.admin.call(method, path, arguments)
