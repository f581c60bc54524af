"""Sending messages to the source's own queue, for `eventing-alibaba send`.

Bodies are written as `bodyEncoding` says that they are read; with `auto` as they are where they are
text that XML can hold, and as base64 where they are not, or where they look like base64 and would
be taken for it. A key is the message group of a FIFO queue, headers are user properties.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.sources.mns import bodies, errors, writing
from eventing_alibaba.sources.mns.client import BATCH, BATCH_BYTES, MnsClient, Sent
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec


class MnsSender:
    """A `contract.send.Sender`."""

    def __init__(self, spec: MnsSourceSpec, context: Context, to: str | None) -> None:
        if to is not None and to != spec.queue:
            raise Unsendable(f"the source reads one queue, {spec.queue}; leave --to out")
        self._spec = spec
        self._context = context
        self._names = names_of(spec)
        self.place = f"queue {spec.queue} at {self._names.endpoint}"
        self._client: MnsClient | None = None

    async def open(self) -> None:
        """See `Sender.open`."""
        client = self._client = client_of(self._spec, self._context)
        try:
            await client.attributes(self._spec.queue)
        except (errors.Refused, WireError) as error:
            raise errors.signal(error, self._names) from error

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[SourceError | None]:
        """See `Sender.send`."""
        made = [self._message(message) for message in messages]
        client = self._client
        assert client is not None, "the sender is not open"
        outcomes = await asyncio.gather(*(self._batch(client, batch) for batch in batches(made)))
        return [one for outcome in outcomes for one in outcome]

    async def close(self) -> None:
        """See `Sender.close`."""
        if self._client is not None:
            await self._client.close()

    def _message(self, message: Outgoing) -> writing.Outgoing:
        try:
            made = writing.Outgoing(
                text_of(message.body, self._spec.body_encoding),
                group=None if message.key is None else message.key.decode(),
                user=[writing.Property(name, value.decode()) for name, value in message.headers],
            )
            writing.single(made)  # what XML cannot hold is found out before anything is sent
        except UnicodeDecodeError:
            raise Unsendable("keys and headers of MNS are text, and one is no UTF-8") from None
        except ValueError as error:
            raise Unsendable(f"a message cannot be sent: {error}") from None
        return made

    async def _batch(
        self, client: MnsClient, batch: Sequence[writing.Outgoing]
    ) -> list[SourceError | None]:
        try:
            sent = await client.send(self._spec.queue, batch)
        except (errors.Refused, WireError) as error:
            return [self._told(error)] * len(batch)
        except SourceError as error:
            return [error] * len(batch)
        return [None if one.id is not None else self._refused(one) for one in sent]

    def _refused(self, one: Sent) -> SourceError:
        return self._told(errors.Refused(400, one.code, one.text))

    def _told(self, error: errors.Refused | WireError) -> SourceError:
        if isinstance(error, errors.Refused) and error.code in errors.NOT_TAKEN:
            text = errors.not_taken(self._spec.queue, error)
            return Unavailable(text, reason="MessageRefused")
        return errors.signal(error, self._names)


def text_of(body: bytes, encoding: str) -> str:
    """Return the text that `bodyEncoding` reads as `body`.

    Raises Unsendable where it can read nothing as that.
    """
    if encoding == "base64":
        return base64.b64encode(body).decode()
    try:
        text = body.decode()
        if encoding == "auto":
            writing.escape(text)
    except ValueError:
        if encoding == "raw":
            raise Unsendable(
                "a body is no UTF-8, and with `bodyEncoding: raw` nothing else can be sent"
            ) from None
        return base64.b64encode(body).decode()
    if encoding == "auto" and bodies.auto(text.encode()) != body:
        return base64.b64encode(body).decode()
    return text


def batches(messages: Sequence[writing.Outgoing]) -> list[list[writing.Outgoing]]:
    """Cut messages into batches that the service takes: up to 16, up to 64 KiB in all."""
    made: list[list[writing.Outgoing]] = []
    size = BATCH_BYTES
    for message in messages:
        length = len(message.body.encode())
        if not made or len(made[-1]) == BATCH or size + length > BATCH_BYTES:
            made.append([])
            size = 0
        made[-1].append(message)
        size += length
    return made
