"""The service in this process: a port, the account behind it, its keys, and its faults."""

from __future__ import annotations

import ssl
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from eventing_alibaba.testing.emulators.mns.clock import Clock
from eventing_alibaba.testing.emulators.mns.contents import Contents
from eventing_alibaba.testing.emulators.mns.core.account import Account
from eventing_alibaba.testing.emulators.mns.counters import Counters
from eventing_alibaba.testing.emulators.mns.desk import Desk
from eventing_alibaba.testing.emulators.mns.faults import Fault
from eventing_alibaba.testing.emulators.mns.inspection import (
    plain_errors,
    shown_queue,
    shown_topic,
)
from eventing_alibaba.testing.emulators.mns.service.keys import Key, Keyring
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.http import Listener

ACCOUNT: Final = "1234567890123456"
REGION: Final = "cn-hangzhou"
KEY: Final = "test"
"""Id and secret of the access key that there is unless another is asked for."""


class MnsEmulator(Contents):
    """MNS for one account in one region, from `start` to `close`, in memory.

    Use it as `async with`. All methods belong to the loop it was started on.

    Args:
        host, port: where it listens; port 0 = a free one.
        account: the account's number.
        region: version 4 signatures must name it.
        access_key_id, access_key_secret: the permanent key.
        strict: False = take any signature, date and token, or none.
        tls: serve https.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        account: str = ACCOUNT,
        region: str = REGION,
        access_key_id: str = KEY,
        access_key_secret: str = KEY,
        strict: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.account = Account(account, region)
        self.keys = Keyring(account)
        self.keys.add(Key(id=access_key_id, secret=access_key_secret))
        self.faults: Faults[Fault] = Faults()
        self.counters = Counters()
        self._key = access_key_id, access_key_secret
        self._strict = strict
        self._scheme = "http" if tls is None else "https"
        self._listener = Listener(self._handle, host=host, port=port, tls=tls)

    @property
    def endpoint(self) -> str:
        """What clients connect to: "http://127.0.0.1:40001"."""
        return self._listener.url

    @property
    def settings(self) -> dict[str, str]:
        """What a client must be told, with camelCase names as in a manifest."""
        return {
            "endpoint": self.endpoint,
            "accessKeyId": self._key[0],
            "accessKeySecret": self._key[1],
            "region": self.account.region,
            "account": self.account.id,
        }

    async def start(self) -> Self:
        """Listen. Raises OSError where the address cannot be bound."""
        self._clock = Clock()
        self._desk = Desk(
            self.account,
            clock=self._clock,
            keys=self.keys,
            faults=self.faults,
            counters=self.counters,
            strict=self._strict,
            scheme=self._scheme,
        )
        await self._listener.start()
        return self

    async def close(self) -> None:
        """Stop listening and cut open connections. Idempotent; what there was is still there."""
        if self._desk is not None:
            self._desk.polls.close()
        await self._listener.close()

    def add_key(
        self,
        id: str,  # noqa: A002 - its name
        secret: str,
        *,
        token: str | None = None,
        seconds: float | None = None,
        account: str | None = None,
    ) -> None:
        """Add an access key, or replace the one with this id.

        Args:
            id: what the key is known by.
            secret: what is signed with.
            token: the STS token that has to come with it.
            seconds: until the token ends.
            account: whose key it is, if another's: its requests get AccessDenied.
        """
        expires = None if seconds is None else self._now() + round(seconds * 1000)
        self.keys.add(Key(id=id, secret=secret, token=token, expires=expires, account=account))

    def remove_key(self, id: str) -> None:  # noqa: A002 - its name
        """Remove an access key: its requests get InvalidAccessKeyId."""
        self.keys.remove(id)

    def expire_key(self, id: str) -> None:  # noqa: A002 - its name
        """End the token of a key now."""
        with plain_errors():
            key = self.keys.get(id)
        if key.token is None:
            raise ValueError(f"access key {id!r} has no token that could end")
        self.keys.add(replace(key, expires=self._now()))

    def fail(self, operation: str = "*", error: str | None = None, **how: Any) -> None:
        """Add a fault; the words are the fields of `Fault`."""
        fault = Fault(operation=operation, error=error, **how)
        self.faults.add(fault, self._running()[1].now() / 1000)

    def heal(self) -> None:
        """Let nothing go wrong any more: no fault, skew or limit of polls; the first key is good.

        Keys that were added stay.
        """
        self.faults.clear()
        self.keys.add(Key(id=self._key[0], secret=self._key[1]))
        self.skew(0.0)
        self.limit_polls(None)

    def skew(self, seconds: float) -> None:
        """Set the service's clock so much ahead of this machine's."""
        self._running()[1].skew = seconds
        for queue in self.account.queues.values():
            for message in queue:
                message.rendered = None

    def age(self, seconds: float, queue: str | None = None) -> None:
        """Make messages older, as if all had happened earlier: what is due happens now."""
        found = [self._queue(queue)] if queue else list(self.account.queues.values())
        for one in found:
            one.age(round(seconds * 1000))
        for one in found:
            self._wake(one)

    def limit_polls(self, most: int | None) -> None:
        """Let so many receives wait at once; what is beyond is answered at once, in vain."""
        self._running()[0].most_polls = most

    async def refuse(self) -> None:
        """Be down: cut open connections and refuse new ones."""
        await self._listener.refuse()

    async def accept(self) -> None:
        """Be up again after `refuse`, on the same port."""
        await self._listener.accept()

    def disconnect(self, *, reset: bool = False) -> int:
        """Cut all open connections, by a TCP reset if asked; return how many there were."""
        return self._listener.disconnect(reset=reset)

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest 10,000 requests, oldest first; only those for `operation` if given."""
        return self.counters.requests(operation)

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages and refusals by code, per operation."""
        return self.counters.shown()

    def state(self) -> dict[str, Any]:
        """Return all there is, without messages and secrets."""
        desk, clock = self._running()
        return {
            **{k: v for k, v in self.settings.items() if k != "accessKeySecret"},
            "strict": desk.strict,
            "skew": clock.skew,
            "mostPolls": desk.most_polls,
            "polls": len(desk.polls),
            "openConnections": self._listener.open,
            "connections": self._listener.opened,
            "lostNotifications": self.counters.lost_notifications,
            "keys": self.keys.ids(),
            "faults": [{**fault.to_json(), "used": fault.used} for fault in self.faults],
            "queues": {
                name: {**shown_queue(queue), **self.counts(name)}
                for name, queue in self.account.queues.items()
            },
            "topics": {name: shown_topic(topic) for name, topic in self.account.topics.items()},
        }

    def reset(self) -> None:
        """Forget all queues, topics, faults, added keys and counts, as if newly started."""
        self.heal()
        for name in list(self.account.queues):
            self.delete_queue(name)
        self.account.topics.clear()
        for id_ in self.keys.ids():
            if id_ != self._key[0]:
                self.keys.remove(id_)
        self.counters.clear()

    def _handle(self, exchange: Any) -> None:
        self._running()[0].handle(exchange)

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
        state = f":{self._listener.port}" if self._desk is not None else "not running"
        return f"<MnsEmulator {state} {list(self.account.queues.values())}>"
