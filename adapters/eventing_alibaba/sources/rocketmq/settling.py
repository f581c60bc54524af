"""Acknowledging messages, giving them back, and prolonging their invisible time.

RocketMQ answers "OK" to an acknowledgement that does not count: with a handle that was replaced, or
whose time is over. So here it is known which handle is the newest one and when its time is over;
what comes too late is told as lost without a question.

Acknowledgements go 32 at a time. A call costs as much for one message as for 32, so where few come
at a time, a call waits until a moment after the one before it; the first one after a pause goes at
once. For the invisible time there are no batches: a call for each message, some at once, which
brings a new handle. Such a call is not cancelled with who waits for it, or nobody would know the
handle.

A release is a short invisible time. RocketMQ counts it as an attempt: `suspend` should say that the
message was not tried, but 5.4.0 ignores it (seen there; `care.py` is why that does little harm).
Where a message was tried as often as its group allows, it is put into the dead-letter topic now;
RocketMQ would do that with the next delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing_alibaba.contract.errors import PartialFailure, SourceError
from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq import errors
from eventing_alibaba.sources.rocketmq.connecting import duration
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.link import Link
from eventing_alibaba.sources.rocketmq.messages import Receipt, receipt_of
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eventing_alibaba.sources.rocketmq.session import Session
    from eventing_alibaba.sources.trouble import Trouble

BATCH: Final = 32
"""Messages that one call acknowledges; more are refused by some proxies."""

_SPACING: Final = 0.02
"""Seconds between two calls with few messages."""
_AT_ONCE: Final = 64
_SOONEST: Final = 0.2
"""Seconds of the shortest invisible time."""
_LONGEST: Final = 12 * 3600.0
_STRICT: Final = 10.0
"""Seconds of the shortest invisible time where shorter ones are refused."""


class Settling:
    """Settles messages of one topic and group; `now` is the clock of leases."""

    def __init__(
        self,
        session: Session,
        *,
        topic: pb.Resource,
        group: pb.Resource,
        trouble: Trouble,
        now: Callable[[], float],
        explain: Callable[[Refused | Unreached], Awaitable[SourceError]],
    ) -> None:
        self._session = session
        self._topic = topic
        self._group = group
        self._trouble = trouble
        self._now = now
        self._explain = explain
        self._next = 0.0
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self._shortest = _SOONEST
        self._calls: set[asyncio.Task[Any]] = set()

    async def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge. Raises PartialFailure, or the SourceError that all of them met."""
        if len(messages) < BATCH:
            wait = self._next - self._now()
            if wait > 0:
                await asyncio.sleep(min(wait, _SPACING))
        late, batches = self._sorted(messages)
        if len(batches) == 1:
            outcomes = [await self._ack(*batches[0])]
        else:
            outcomes = await asyncio.gather(*(self._ack(*batch) for batch in batches))
        self._next = self._now() + _SPACING
        again: list[Message] = []
        lost: list[Message] = late
        failure: SourceError | None = None
        for error, retried, void in outcomes:
            failure = failure or error
            again += retried
            lost += void
        if not again:
            self._trouble.well("ack")
            if not lost:
                return
        if failure is not None:
            self._trouble.note("ack", failure)
            if len(again) == len(messages):
                raise failure
        told = f"{len(again)} of {len(messages)} messages were not acknowledged"
        if lost:
            told = f"{len(lost)} of {len(messages)} receipt handles are void; {told}"
        raise PartialFailure(
            told + ("" if failure is None else f": {failure}"), again=again, lost=lost
        )

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Let messages be delivered again in `delay` seconds. Raises the first SourceError."""
        most = self._session.max_attempts
        found = await asyncio.gather(
            *(
                self._kept(self._give_back(message, delay, failed=failed, most=most))
                for message in messages
            ),
            return_exceptions=True,
        )
        failure = next((one for one in found if isinstance(one, BaseException)), None)
        if failure is not None:
            raise failure

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Message | None]:
        """Prolong leases; aligned, None = lost. Raises a SourceError if all met one.

        A message whose call failed while others' did not is returned as it was: its lease goes on,
        and it is extended again before that ends.
        """
        found: list[Any] = await asyncio.gather(
            *(self._kept(self._extend(message, seconds)) for message in messages),
            return_exceptions=True,
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

    async def finish(self, timeout: float) -> None:
        """Wait for calls that nobody waits for any more."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=timeout)
        for call in self._calls:
            call.cancel()

    def _sorted(
        self, messages: Sequence[Message]
    ) -> tuple[list[Message], list[tuple[Link, list[Message]]]]:
        """Return what comes too late, and batches with the way for each, in order."""
        now = self._now()
        late: list[Message] = []
        batches: list[tuple[Link, list[Message]]] = []
        open_ones: dict[Link, list[Message]] = {}
        for message in messages:
            receipt: Any = message.receipt
            if not receipt.handle or (message.lease is not None and message.lease <= now):
                late.append(message)
                continue
            link = receipt.link
            batch = open_ones.get(link)
            if batch is None or len(batch) == BATCH:
                batch = open_ones[link] = []
                batches.append((link, batch))
            batch.append(message)
        return late, batches

    async def _ack(
        self, link: Link, batch: list[Message]
    ) -> tuple[SourceError | None, Sequence[Message], Sequence[Message]]:
        """Return what went wrong, what to try again, what is lost."""
        request = pb.AckMessageRequest(group=self._group, topic=self._topic)
        add = request.entries.add
        for message in batch:
            receipt: Any = message.receipt
            add(message_id=receipt.message, receipt_handle=receipt.handle)
        try:
            answer = await self._way(link).ack(request)
        except (Refused, Unreached) as error:
            return await self._explain(error), batch, ()
        except SourceError as error:
            return error, batch, ()
        failed = {
            one.receipt_handle: one.status for one in answer.entries if one.status.code != pb.OK
        }
        code = answer.status.code  # that of the entries, where they agree
        if code in errors.FORGETFUL:
            self._session.doubt(link)
        if not failed:
            if code in (pb.OK, pb.MULTIPLE_RESULTS):
                return None, (), ()
            refusal = link.refusal(answer.status)
            if code in errors.VOID:
                return None, (), batch
            return await self._explain(refusal), batch, ()
        again: list[Message] = []
        lost: list[Message] = []
        problem: SourceError | None = None
        for message in batch:
            status = failed.get(receipt_of(message).handle)
            if status is None:
                continue
            if status.code in errors.VOID:
                lost.append(message)
            else:
                again.append(message)
                problem = problem or await self._explain(link.refusal(status))
        return problem, again, lost

    async def _give_back(self, message: Message, delay: float, *, failed: bool, most: int) -> None:
        receipt = receipt_of(message)
        if not receipt.handle:
            return
        if failed and 0 < most <= receipt.attempt and await self._forwarded(receipt, most):
            return
        handle, receipt.handle = receipt.handle, ""  # from now on it is not ours, whatever comes
        await self._change(receipt, handle, max(delay, self._shortest), untouched=not failed)

    async def _forwarded(self, receipt: Receipt, most: int) -> bool:
        """Put a message into the dead-letter topic; False where that is not possible."""
        request = pb.ForwardMessageToDeadLetterQueueRequest(
            group=self._group,
            topic=self._topic,
            receipt_handle=receipt.handle,
            message_id=receipt.message,
            delivery_attempt=receipt.attempt,
            max_delivery_attempts=most,
        )
        try:
            await self._way(receipt.link).forward(request)
        except (Refused, Unreached, SourceError):
            return False
        receipt.handle = ""
        return True

    async def _extend(self, message: Message, seconds: float) -> Message | None:
        receipt = receipt_of(message)
        if not receipt.handle or (message.lease is not None and message.lease <= self._now()):
            return None
        span = min(max(seconds, _STRICT), _LONGEST)
        sent = self._now()
        new = await self._change(receipt, receipt.handle, span)
        if new is None:
            return None
        # What was given back meanwhile stays given back.
        if not receipt.handle:
            return None
        receipt.handle = new
        return message.extended(sent + span)

    async def _change(
        self, receipt: Receipt, handle: str, seconds: float, *, untouched: bool = False
    ) -> str | None:
        """Change how long a message is invisible; return its new handle, None = it is void.

        Raises SourceError.
        """
        request = pb.ChangeInvisibleDurationRequest(
            group=self._group,
            topic=self._topic,
            receipt_handle=handle,
            invisible_duration=duration(min(seconds, _LONGEST)),
            message_id=receipt.message,
        )
        if untouched:
            request.suspend = True
        try:
            async with self._limit:
                answer = await self._way(receipt.link).change(request)
        except Refused as error:
            if error.code in errors.VOID:
                return None
            if error.code == pb.ILLEGAL_INVISIBLE_TIME and seconds < _STRICT:
                self._shortest = _STRICT
                return await self._change(receipt, handle, _STRICT, untouched=untouched)
            raise await self._met(error) from error
        except Unreached as error:
            raise await self._met(error) from error
        self._trouble.well("invisible")
        return answer.receipt_handle or handle

    async def _met(self, error: Refused | Unreached) -> SourceError:
        told = await self._explain(error)
        self._trouble.note("invisible", told)
        return told

    def _way(self, link: Link) -> Link:
        return self._session.any_link() if link.closed else link

    async def _kept(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await work that goes on if the one who waits is cancelled."""
        task = asyncio.ensure_future(work)
        self._calls.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has got it, or is gone
