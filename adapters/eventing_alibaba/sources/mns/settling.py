"""Deleting messages, and changing when they are visible again.

Deletions go in batches of 16, several at once. An answer that lists failures names only those that
failed: a void receipt means that the message is somebody else's now, anything else that it may be
tried again. For the visibility of messages the service has no batches, so there is a request for
each, as many at once as there are connections; it brings a new receipt handle, which is written
into the message's receipt as soon as it is there.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eventing_alibaba.contract.errors import PartialFailure, SourceError
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.mns import errors
from eventing_alibaba.sources.mns.client import BATCH, LONGEST_LEASE, MnsClient
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.sources.trouble import Trouble


class Settling:
    """Acknowledges, releases and extends messages of one queue."""

    def __init__(self, client: MnsClient, names: errors.Names, trouble: Trouble) -> None:
        self._client = client
        self._names = names
        self._trouble = trouble

    async def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages. Raises PartialFailure, or the SourceError that was met by all."""
        batches = [messages[at : at + BATCH] for at in range(0, len(messages), BATCH)]
        if len(batches) == 1:
            outcomes = [await self._delete(batches[0])]
        else:
            outcomes = await asyncio.gather(*map(self._delete, batches))
        again: list[Message] = []
        lost: list[Message] = []
        failure: SourceError | None = None
        for error, retried, void in outcomes:
            failure = failure or error
            again += retried
            lost += void
        if not again and not lost:
            self._trouble.well("delete")
            return
        if failure is not None:
            self._trouble.note("delete", failure)
            if len(again) == len(messages):
                raise failure
        told = f"{len(again)} of {len(messages)} messages were not deleted"
        if lost:
            told = f"{len(lost)} of {len(messages)} receipt handles are void; {told}"
        raise PartialFailure(
            told + ("" if failure is None else f": {failure}"), again=again, lost=lost
        )

    async def release(self, messages: Sequence[Message], delay: float) -> None:
        """Make messages visible in `delay` seconds. Raises the first SourceError that was met."""
        span = _span(delay)
        failure = None
        found = await asyncio.gather(
            *(self._change(message, span) for message in messages), return_exceptions=True
        )
        # The new handles are not kept: who gives a message back has nothing more to say about it.
        for outcome in found:
            if isinstance(outcome, SourceError):
                failure = failure or outcome
            elif isinstance(outcome, BaseException):
                raise outcome
        if failure is not None:
            raise failure

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Message | None]:
        """Prolong leases; aligned, None = lost. Raises a SourceError if all met one.

        A message whose request failed while others' did not is returned as it was: its lease goes
        on, and it is extended again before that ends.
        """
        span = _span(seconds)
        now = self._client.exchange.clock.now
        found: list[Any] = await asyncio.gather(
            *(self._extend(message, span, now()) for message in messages), return_exceptions=True
        )
        failures = [outcome for outcome in found if isinstance(outcome, BaseException)]
        if failures and len(failures) == len(found):
            raise failures[0]
        for outcome in failures:
            if not isinstance(outcome, SourceError):
                raise outcome
        return [
            message if isinstance(outcome, BaseException) else outcome
            for message, outcome in zip(messages, found, strict=True)
        ]

    async def _delete(
        self, batch: Sequence[Message]
    ) -> tuple[SourceError | None, Sequence[Message], Sequence[Message]]:
        """Return what went wrong, what to try again, what is lost."""
        handles = [handle(message) for message in batch]
        try:
            failed = await self._client.delete(self._names.queue, handles)
        except (errors.Refused, WireError) as error:
            return errors.signal(error, self._names), batch, ()
        except SourceError as error:
            return error, batch, ()
        if not failed:
            return None, (), ()
        again: list[Message] = []
        lost: list[Message] = []
        problem: SourceError | None = None
        for message, text in zip(batch, handles, strict=True):
            code = failed.get(text)
            if code is None:
                continue
            if code in errors.VOID:
                lost.append(message)
            else:
                again.append(message)
                problem = problem or errors.signal(errors.Refused(500, code), self._names)
        return problem, again, lost

    async def _change(self, message: Message, seconds: int) -> str | None:
        """Change when a message is visible; return its new handle, None = the receipt is void.

        Raises SourceError.
        """
        try:
            new = await self._client.change_visibility(self._names.queue, handle(message), seconds)
        except errors.Refused as error:
            if error.code in errors.VOID:
                return None
            raise self._met(errors.signal(error, self._names)) from error
        except WireError as error:
            raise self._met(errors.signal(error, self._names)) from error
        self._trouble.well("visibility")
        return new

    async def _extend(self, message: Message, seconds: int, sent: float) -> Message | None:
        new = await self._change(message, seconds)
        if new is None:
            return None
        receipt: Any = message.receipt
        receipt.handle = new
        return message.extended(sent + seconds)

    def _met(self, error: SourceError) -> SourceError:
        self._trouble.note("visibility", error)
        return error


def handle(message: Message) -> str:
    """Return the newest receipt handle of a message."""
    receipt: Any = message.receipt
    text: str = receipt.handle
    return text


def _span(seconds: float) -> int:
    """Return seconds as the service takes them: at least 1, so "at once" is a second."""
    return min(max(1, math.ceil(seconds)), LONGEST_LEASE)
