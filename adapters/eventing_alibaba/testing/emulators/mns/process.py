"""The emulator in a process of its own, worked from here with the words of `MnsEmulator`.

It takes its own CPU time, so that a measurement is of the client alone; and it goes on when the
client under test is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventing_alibaba.testing.emulators.mns.core.notification import Format
from eventing_alibaba.testing.emulators.mns.emulator import ACCOUNT, KEY, REGION
from eventing_alibaba.testing.process import ChildProcess


class EmulatorProcess(ChildProcess):
    """`with EmulatorProcess(queues=["orders"]) as mns:` or `async with`.

    The calls are those of `MnsEmulator`, where each is described. They block for one HTTP request
    on the loopback interface; they raise AdminError with a sentence when refused and RuntimeError
    when the process is not running.

    Args:
        queues: names of queues to begin with; "name:fifo" keeps the order of each message group.
        port: where it listens; 0 = a free one.
        account, region, access_key_id, access_key_secret: see `MnsEmulator`.
        strict: False = take any signature, date and token, or none.
    """

    module = "eventing_alibaba.testing.emulators.mns"

    def __init__(
        self,
        *,
        queues: Sequence[str] = (),
        port: int = 0,
        account: str = ACCOUNT,
        region: str = REGION,
        access_key_id: str = KEY,
        access_key_secret: str = KEY,
        strict: bool = True,
    ) -> None:
        super().__init__(
            f"--port={port}",
            f"--account={account}",
            f"--region={region}",
            f"--access-key-id={access_key_id}",
            f"--access-key-secret={access_key_secret}",
            *(() if strict else ("--any-signature",)),
            *(f"--queue={queue}" for queue in queues),
        )

    @property
    def endpoint(self) -> str:
        """What clients connect to."""
        if "endpoint" not in self.ready:
            raise RuntimeError("the emulator is not running: use `with` or start()")
        return str(self.ready["endpoint"])

    @property
    def settings(self) -> dict[str, str]:
        """What a client must be told, with camelCase names as in a manifest."""
        return {name: value for name, value in self.ready.items() if name != "admin"}

    def create_queue(
        self,
        name: str,
        *,
        fifo: bool = False,
        dead_letter: str | None = None,
        max_receive_count: int = 3,
        **settings: int | bool,
    ) -> None:
        """Create a queue."""
        arguments: dict[str, Any] = {"name": name, "fifo": fifo, **settings}
        if dead_letter is not None:
            arguments |= {"deadLetter": dead_letter, "maxReceiveCount": max_receive_count}
        self._do("POST", "/queues", arguments)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages."""
        self._do("DELETE", "/queues", {"name": name})

    def recreate_queue(self, name: str) -> None:
        """Delete a queue and make it anew."""
        self._do("POST", "/queues/recreate", {"name": name})

    def send(self, queue: str, bodies: Sequence[str], **draft: Any) -> list[str]:
        """Put messages into a queue and return their ids."""
        arguments = {"queue": queue, "bodies": list(bodies), **draft}
        return list(self._do("POST", "/messages", arguments)["ids"])

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """Return what is in a queue, oldest first, whatever its state."""
        return list(self._do("GET", "/messages", {"queue": queue})["messages"])

    def counts(self, queue: str) -> dict[str, int]:
        """Return how many messages are `active`, `inactive` and `delayed`, and polls `waiting`."""
        return dict(self._do("GET", "/counts", {"queue": queue}))

    def create_topic(self, name: str) -> None:
        """Create a topic."""
        self._do("POST", "/topics", {"name": name})

    def subscribe(
        self,
        topic: str,
        name: str,
        queue: str,
        *,
        form: Format = "XML",
        filter_tag: str | None = None,
    ) -> None:
        """Have what is published on a topic put into a queue."""
        arguments = {"topic": topic, "name": name, "queue": queue, "form": form}
        self._do("POST", "/subscriptions", {**arguments, "filterTag": filter_tag})

    def publish(self, topic: str, body: str, *, tag: str | None = None) -> str:
        """Publish a message on a topic and return its id."""
        arguments = {"topic": topic, "body": body, "tag": tag}
        return str(self._do("POST", "/publish", arguments)["id"])

    def add_key(
        self,
        id: str,  # noqa: A002 - its name
        secret: str,
        *,
        token: str | None = None,
        seconds: float | None = None,
        account: str | None = None,
    ) -> None:
        """Add an access key, or replace the one with this id."""
        arguments = {"id": id, "secret": secret, "token": token, "seconds": seconds}
        self._do("POST", "/keys", {**arguments, "account": account})

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

    def skew(self, seconds: float) -> None:
        """Set the service's clock so much ahead of this machine's."""
        self._do("POST", "/skew", {"seconds": seconds})

    def age(self, seconds: float, queue: str | None = None) -> None:
        """Make messages older, as if all had happened earlier."""
        self._do("POST", "/age", {"seconds": seconds, "queue": queue})

    def limit_polls(self, most: int | None) -> None:
        """Let so many receives wait at once."""
        self._do("POST", "/polls", {"most": most})

    def refuse(self) -> None:
        """Be down: cut open connections and refuse new ones."""
        self._do("POST", "/refuse")

    def accept(self) -> None:
        """Be up again after `refuse`, on the same port."""
        self._do("POST", "/accept")

    def disconnect(self, *, reset: bool = False) -> int:
        """Cut all open connections; return how many there were."""
        return int(self._do("POST", "/disconnect", {"reset": reset})["count"])

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest 10,000 requests, oldest first; only those for `operation` if given."""
        arguments = {} if operation is None else {"operation": operation}
        return list(self._do("GET", "/requests", arguments)["requests"])

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages and refusals by code, per operation."""
        return dict(self._do("GET", "/operations"))

    def state(self) -> dict[str, Any]:
        """Return all there is, without messages and secrets."""
        return dict(self._do("GET", "/state"))

    def reset(self) -> None:
        """Forget everything, as if newly started."""
        self._do("POST", "/reset")

    def _do(self, method: str, path: str, arguments: dict[str, Any] | None = None) -> Any:
        return self.admin.call(method, path, arguments)
