"""A sink on a server of the test, and secrets that the test changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.unit.sink.reading import plain

from eventing_alibaba.contract.errors import Unauthorized
from eventing_alibaba.contract.secret import SecretReference
from eventing_alibaba.contract.sinkauth import SinkAuth
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sink.post import Sink
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError

PATIENCE = 10.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MemorySecrets:
    """Secrets by key; change them, or take them away, under way."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.reads = 0

    def read(self, reference: SecretReference, *, field: str) -> str:
        self.reads += 1
        assert reference.secret_key_ref is not None
        key = reference.secret_key_ref.key
        if key not in self.values:
            raise Unauthorized(f"{field}: there is no key `{key}`", reason="SecretMissing")
        return self.values[key]


def secret(key: str) -> dict[str, Any]:
    """A reference to `key`, as manifests write it."""
    return {"secretKeyRef": {"name": "sink", "key": key}}


def sink_auth(**fields: Any) -> SinkAuth:
    """What a manifest has under `sinkAuth`."""
    return read(SinkAuth, fields, root="spec.sinkAuth")


async def post(sink: Sink) -> Answer | WireError:
    """Send a plain event as the flow does, and return the result."""
    future: asyncio.Future[Answer | WireError] = asyncio.get_running_loop().create_future()
    assert sink.send(sink.encode(plain()), asyncio.Future.set_result, future)
    assert not future.done(), "done was called from inside send"
    async with asyncio.timeout(PATIENCE):
        return await future
