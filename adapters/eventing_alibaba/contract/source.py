"""What a source promises and what the flow promises in return.

One source object serves one process. The flow calls it from one event loop; calls of `receive`
never overlap; `ack`, `release` and `extend` may run while a `receive` waits and beside each other,
but no message is in two of these calls at once. Every await may be cancelled.
`eventing_alibaba.testing.contract.SourceContract` runs these sentences as tests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from eventing_alibaba.contract.errors import SourceError
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.message import Message

T = TypeVar("T")


class FlowControl(Protocol):
    """What the flow offers to a source."""

    async def drain(self, tracks: Iterable[Hashable], *, lost: bool, timeout: float) -> None:
        """Give up `tracks`, because the source loses them.

        Queued messages and sleeping retries of these tracks are dropped at once; only requests on
        the wire are waited for, at most `timeout` seconds. `ack` is not called for them; on return
        `settled` is final and later answers change nothing. `lost=True`: the tracks already belong
        to somebody else, so nothing is waited for. The source hands out no message of these tracks
        from the call on; should it own the same partition again, that is a new track.
        """

    def settled(self, track: Hashable) -> Message | None:
        """Return the last message of the contiguous settled prefix of `track`, if there is one.

        After `drain` this is final; the flow forgets it when the source asks with `forget`.
        """

    def forget(self, track: Hashable) -> None:
        """Drop what the flow still knows of a drained track."""

    def report(self, error: SourceError | None) -> None:
        """Say that the session is impaired, or with None that it is well again.

        For trouble a client heals by itself, seen outside of a call: shown in `/status`, readiness
        follows.
        """


@dataclass(slots=True, frozen=True)
class NotTaken:
    """Why a dead-letter target has not taken an event.

    Attributes:
        reason: a sentence.
        retry_after: seconds that it asks to be left alone, uncapped; None = it does not.
    """

    reason: str
    retry_after: float | None = None


class DeadLetterTarget(Protocol):
    """A place for events that the service does not take."""

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        """Take an event if there is room; False = there is none, and nothing was taken.

        `done(token, None)` follows, once, when the event is safe there, `done(token, why)` when
        it is not. Never from within this call, always in the event loop's thread.
        """

    async def close(self) -> None:
        """Let go of all resources; what is under way is reported as not safe. Idempotent."""


class Source(Protocol):
    """A queue or topic as the flow sees it.

    Two methods may be left out: `outline` (see `contract.outline`), and `lost(tracks)`, which says
    that leases of messages of these tracks are lost: hand out nothing that came behind them.
    """

    async def open(self, flow: FlowControl) -> None:
        """Start a session; return when credentials are accepted and start positions are safe.

        Called again after every signal but `Throttled` and `Misconfigured`, whether `open` or
        `receive` raised it. Receipts outlive it unless their tracks were drained.
        """

    async def receive(self, limit: int, max_bytes: int) -> Sequence[Message]:
        """Return up to `limit` messages of about `max_bytes` in all, waiting for some if need be.

        An empty answer is fine. When cancelled, a poll under way goes on and what it brings comes
        with the next call.
        """

    async def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge for good. Messages of a track come in order, as its contiguous prefix.

        Raises PartialFailure when some of them failed.
        """

    async def release(self, messages: Sequence[Message], delay: float, *, failed: bool) -> None:
        """Give messages back, to be delivered again after `delay` seconds.

        `failed=False`: they were never tried, so it should not count as an attempt.
        """

    async def extend(self, messages: Sequence[Message], seconds: float) -> Sequence[Message | None]:
        """Prolong leases to `seconds` from now; aligned with `messages`; None = lease lost.

        The messages returned have the new receipt and the new lease, counted from before the
        request; the old receipts are void. A message that is returned as it was had a call of its
        own that failed, so that nobody knows which of its receipts is valid.
        """

    def pause(self, tracks: Iterable[Hashable]) -> None:
        """Hand out no more of these tracks until `resume`; what is under way may still come."""

    def resume(self, tracks: Iterable[Hashable]) -> None:
        """Hand out messages of these tracks again."""

    async def quiesce(self) -> Sequence[Message]:
        """Start no new request; return what requests under way still bring."""

    async def close(self) -> None:
        """End the session after the last ack; what was acked is safe on return. Idempotent."""

    def event(self, message: Message) -> Event | Sequence[Event]:
        """Map a message to its event, or to several that are settled together. Pure, no I/O.

        Raises ValueError with a sentence when the message cannot become an event; it then goes the
        road of a `defect`.
        """
